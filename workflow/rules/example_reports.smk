# What became of every training example of a run?
# Takes scores, texts and samples, and the drops that the analysis of robustness predicts, if the study has it. Makes a
# table and a page for each run. Imported results have scores only.

EXAMPLE_REPORT = f"{RUN}/example_report.parquet"
EXAMPLE_REPORT_PAGE = f"{RUN}/example_report.md"
IMPORTED_EXAMPLE_REPORTS = f"{PAIR}/example_reports"  # which runs there are is known only once they are read
TARGETS["example_reports"] = expand_runs(EXAMPLE_REPORT_PAGE) + expand_pairs(IMPORTED_EXAMPLE_REPORTS, STUDY.imported)


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
        **script("report_examples.py"),
        title=ONE_RUN,
        difficulty=difficulty_of_dataset,
        shown=STUDY.example_reports.shown,
        grader=STUDY.grading.grader,
    shell:
        "{params.call:q} --title {params.title:q} --memorization {input.memorization:q} "
        "--threshold {input.threshold:q} --data {input.data:q} --samples {input.samples:q} --grades {input.grades:q} "
        "--drops {input.drops:q} --difficulty {params.difficulty:q} --grader {params.grader:q} "
        "--shown {params.shown:q} --table {output.table:q} --out {output.page:q} 2>&1 | tee {log:q}"


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
        **script("report_imported_examples.py"),
        title="{model}/{dataset}",
        shown=STUDY.example_reports.shown,
    shell:
        "{params.call:q} --title {params.title:q} --memorization {input.memorization:q} "
        "--threshold {input.threshold:q} --shown {params.shown:q} --out {output:q} 2>&1 | tee {log:q}"
