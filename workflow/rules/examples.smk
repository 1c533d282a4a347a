# What became of every training example of a run? Takes scores, texts and samples, and the drops that the analysis of
# robustness predicts where the study has it; makes a table and a page for each run. Of results made elsewhere, scores are
# all there is.

EXAMPLES = f"{RUN}/examples.parquet"
EXAMPLES_PAGE = f"{RUN}/examples.md"
IMPORTED_EXAMPLES = f"{PAIR}/examples"  # which runs there are is known only once they are read
TARGETS["examples"] = expand_runs(EXAMPLES_PAGE) + expand_pairs(IMPORTED_EXAMPLES, STUDY.imported)


def last_samples(wildcards):
    """The samples of the run's last checkpoint."""
    return expand(SAMPLES, **{**wildcards, "epoch": wildcards.epochs})


def predicted_drops(wildcards):
    """In a list; an empty one where the study does not predict them."""
    is_there = STUDY.predicts_brittleness and (wildcards.model, wildcards.dataset) in STUDY.perturbed_pairs
    return expand(DROPS, **wildcards) if is_there else []


rule report_examples:
    """Report on every training example of a run: a table, and a page of the most and the least learned ones."""
    input:
        memorization=MEMORIZATION,
        threshold=of_home(rules.choose_threshold.output[0]),
        data=fill(DATA, split=TRAIN),
        samples=last_samples,
        grades=GRADES,
        drops=predicted_drops,
    output:
        table=EXAMPLES,
        page=report(EXAMPLES_PAGE, caption="../report/examples.rst", category="{model} on {dataset}"),
    log:
        f"{RESULTS}/logs/report_examples/{ONE_RUN}.log",
    benchmark:
        f"{RESULTS}/benchmarks/report_examples/{ONE_RUN}.tsv"
    conda:
        "../../envs/analyze.yaml"
    params:
        title=ONE_RUN,
        difficulty=difficulty_of_dataset,
        shown=STUDY.examples.shown,
        grader=STUDY.grading.grader,
        code=code("report_examples.py"),
    shell:
        "{PYTHON} {SCRIPTS}/report_examples.py --title {params.title:q} --memorization {input.memorization:q} "
        "--threshold {input.threshold:q} --data {input.data:q} --samples {input.samples:q} --grades {input.grades:q} "
        "--drops {input.drops:q} --difficulty {params.difficulty:q} --grader {params.grader} --shown {params.shown} "
        "--table {output.table:q} --out {output.page:q} 2>&1 | tee {log:q}"


rule report_imported_examples:
    """Report on every training example of runs made elsewhere: a folder for each run of the pair."""
    input:
        memorization=PAIR_MEMORIZATION,
        threshold=rules.choose_threshold.output,
    output:
        report(
            directory(IMPORTED_EXAMPLES),
            patterns=["{run}/examples.md"],
            caption="../report/examples.rst",
            category="{model} on {dataset}",
        ),
    log:
        f"{RESULTS}/logs/report_imported_examples/{{model}}/{{dataset}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/report_imported_examples/{{model}}/{{dataset}}.tsv"
    wildcard_constraints:
        model=one_of(IMPORTED_MODELS),
    conda:
        "../../envs/analyze.yaml"
    params:
        title="{model}/{dataset}",
        shown=STUDY.examples.shown,
        code=code("report_imported_examples.py"),
    shell:
        "{PYTHON} {SCRIPTS}/report_imported_examples.py --title {params.title:q} --memorization {input.memorization:q} "
        "--threshold {input.threshold:q} --shown {params.shown} --out {output:q} 2>&1 | tee {log:q}"
