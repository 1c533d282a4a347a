# Imported results. Takes a release or tables; makes the scores of a (model, dataset) pair, as runs have them.

from itertools import chain

RELEASE = f"{RESULTS}/releases/{{model}}/{{dataset}}"


def imported(wildcards):
    return STUDY.imported[wildcards.model, wildcards.dataset]


def release_folder(wildcards):
    """The folder with the runs of a release: the user's own, or the one that a rule makes."""
    own = STUDY.local_release
    return Path(own).expanduser() if own else RELEASE.format(**wildcards)


def imported_files(wildcards):
    entry = imported(wildcards)
    if entry.tables:
        return [Path(file).expanduser() for file in chain(*entry.tables.files.values())]
    if not STUDY.local_release:
        return f"{RELEASE}.json"
    return sorted(release_folder(wildcards).glob(f"{entry.release.runs}_*/**/*.npy"))


rule fetch_release:
    """Download the runs of a release from its repository, at its commit."""
    output:
        folder=directory(RELEASE),
        identity=f"{RELEASE}.json",
    log:
        f"{RESULTS}/logs/fetch_release/{{model}}/{{dataset}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/fetch_release/{{model}}/{{dataset}}.tsv"
    conda:
        "../../envs/analyze.yaml"
    params:
        settings=lambda w: settings(imported(w).release),
        code=code("fetch_release.py"),
    shell:
        "{PYTHON} {SCRIPTS}/fetch_release.py --settings {params.settings:q} --out {output.folder:q} "
        "--identity {output.identity:q} 2>&1 | tee {log:q}"


rule import_results:
    """Turn imported results into the scores of a pair."""
    input:
        imported_files,
    output:
        memorization=PAIR_MEMORIZATION,
        tests=PAIR_TESTS,
    log:
        f"{RESULTS}/logs/import_results/{{model}}/{{dataset}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/import_results/{{model}}/{{dataset}}.tsv"
    wildcard_constraints:
        model=one_of(IMPORTED_MODELS),
    conda:
        "../../envs/analyze.yaml"
    params:
        settings=lambda w: settings(imported(w)),
        release=release_folder,
        code=code("import_results.py"),
    shell:
        "{PYTHON} {SCRIPTS}/import_results.py --settings {params.settings:q} --release {params.release:q} "
        "--memorization {output.memorization:q} --tests {output.tests:q} 2>&1 | tee {log:q}"
