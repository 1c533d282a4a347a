# Imported results.
# Takes a release or tables. Makes the scores of a (model, dataset) pair, as its runs would have them.

RELEASE = f"{RESULTS}/releases/{{model}}/{{dataset}}"


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
        **script("fetch_release.py"),
        settings=lambda w: settings(imported(w).release),
    shell:
        "{params.call:q} --settings {params.settings:q} --out {output.folder:q} --identity {output.identity:q} 2>&1 | "
        "tee {log:q}"


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
        **script("import_results.py"),
        settings=lambda w: settings(imported(w)),
        release=release_folder,
    shell:
        "{params.call:q} --settings {params.settings:q} --release {params.release:q} "
        "--memorization {output.memorization:q} --tests {output.tests:q} 2>&1 | tee {log:q}"
