# What became of every training example of a run? Takes scores, texts and samples, and the drops that the analysis of
# robustness predicts where the study has it; makes a table and a page for each run.

EXAMPLES = f"{RUN}/examples.parquet"
EXAMPLES_PAGE = f"{RUN}/examples.md"


def without_texts():
    """Say which pairs are left out, and why."""
    for model, dataset in STUDY.imported:
        yield f"{model} on {dataset}: made elsewhere, without texts"


TARGETS["examples"] = tell_left_out("examples", without_texts(), expand_runs(EXAMPLES_PAGE))


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
        shown=STUDY.examples.shown,
        grader=STUDY.grading.grader,
        code=code("report_examples.py"),
    shell:
        "{PYTHON} {SCRIPTS}/report_examples.py --title {params.title:q} --memorization {input.memorization:q} "
        "--threshold {input.threshold:q} --data {input.data:q} --samples {input.samples:q} --grades {input.grades:q} "
        "--drops {input.drops:q} --grader {params.grader} --shown {params.shown} --table {output.table:q} "
        "--out {output.page:q} 2>&1 | tee {log:q}"
