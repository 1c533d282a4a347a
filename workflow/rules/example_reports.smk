# What became of every training example of a run? Takes scores, texts and samples, and the drops that the analysis of
# robustness predicts where the study has it; makes a table and a page for each run. Of imported results, scores are
# all there is.

EXAMPLE_REPORT = f"{RUN}/example_report.parquet"
EXAMPLE_REPORT_PAGE = f"{RUN}/example_report.md"
IMPORTED_EXAMPLE_REPORTS = f"{PAIR}/example_reports"  # which runs there are is known only once they are read
TARGETS["example_reports"] = expand_runs(EXAMPLE_REPORT_PAGE) + expand_pairs(IMPORTED_EXAMPLE_REPORTS, STUDY.imported)


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
        threshold=of_source_pair(rules.choose_threshold.output[0]),
        data=fill(DATA, split=TRAIN),
        samples=last_samples,
        grades=GRADES,
        drops=predicted_drops,
    output:
        table=EXAMPLE_REPORT,
        page=report(EXAMPLE_REPORT_PAGE, caption="../report/example_reports.rst", category="{model} on {dataset}"),
    log:
        f"{RESULTS}/logs/report_examples/{ONE_RUN}.log",
    benchmark:
        f"{RESULTS}/benchmarks/report_examples/{ONE_RUN}.tsv"
    conda:
        "../../envs/analyze.yaml"
    params:
        title=ONE_RUN,
        difficulty=difficulty_of_dataset,
        shown=STUDY.example_reports.shown,
        grader=STUDY.grading.grader,
        code=code("report_examples.py"),
    shell:
        "{PYTHON} {SCRIPTS}/report_examples.py --title {params.title:q} --memorization {input.memorization:q} "
        "--threshold {input.threshold:q} --data {input.data:q} --samples {input.samples:q} --grades {input.grades:q} "
        "--drops {input.drops:q} --difficulty {params.difficulty:q} --grader {params.grader} --shown {params.shown} "
        "--table {output.table:q} --out {output.page:q} 2>&1 | tee {log:q}"


rule report_imported_examples:
    """Report on every training example of imported runs: a folder for each run of the pair."""
    input:
        memorization=PAIR_MEMORIZATION,
        threshold=rules.choose_threshold.output,
    output:
        report(
            directory(IMPORTED_EXAMPLE_REPORTS),
            patterns=["{run}/example_report.md"],
            caption="../report/example_reports.rst",
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
        shown=STUDY.example_reports.shown,
        code=code("report_imported_examples.py"),
    shell:
        "{PYTHON} {SCRIPTS}/report_imported_examples.py --title {params.title:q} --memorization {input.memorization:q} "
        "--threshold {input.threshold:q} --shown {params.shown} --out {output:q} 2>&1 | tee {log:q}"
