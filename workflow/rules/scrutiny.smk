# Doubts about a pair's results: is p fitted to the points, would a placebo do as well, how many labels does it take?
# Takes scores and p. Makes a table of answers, figures and a page.

SCRUTINY = f"{PAIR}/scrutiny.csv"
SCRUTINY_PAGE = f"{PAIR}/scrutiny.md"
TARGETS["scrutiny"] = tell_left_out("scrutiny", without_labels(), expand_pairs(SCRUTINY_PAGE, STUDY.labelled_pairs))
SCRUTINY_FIGURES = "points threshold calibration placebo formula labels unseen samples checkpoints early".split()


rule scrutinize:
    """Answer the doubts about a pair's results, with intervals."""
    input:
        memorization=PAIR_MEMORIZATION,
        tests=PAIR_TESTS,
        threshold=rules.choose_threshold.output,
        others=of_other_pairs(rules.choose_threshold.output[0]),  # would the p of another pair do as well?
    output:
        SCRUTINY,
    log:
        f"{RESULTS}/logs/scrutinize/{{model}}/{{dataset}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/scrutinize/{{model}}/{{dataset}}.tsv"
    conda:
        "../../envs/analyze.yaml"
    params:
        **script("scrutinize.py"),
        grid=settings(STUDY.threshold),
        statistics=settings(STUDY.statistics),
        test_set=study_test_set,
        figure_epochs=figure_epochs,
    shell:
        "{params.call:q} --memorization {input.memorization:q} --tests {input.tests:q} --threshold {input.threshold:q} "
        "--other-thresholds {input.others:q} --test-set {params.test_set:q} --grid {params.grid:q} "
        "--statistics {params.statistics:q} --figure-epochs {params.figure_epochs:q} --out {output:q} 2>&1 | tee "
        "{log:q}"


rule plot_scrutiny:
    """Write the page of answers, with its figures."""
    input:
        SCRUTINY,
    output:
        page=report(SCRUTINY_PAGE, caption="../report/scrutiny.rst", category="{model} on {dataset}"),
        figures=expand(
            f"{PAIR}/scrutiny/{{name}}.{{format}}",
            name=SCRUTINY_FIGURES,
            format=STUDY.figures.formats,
            allow_missing=True,
        ),
    log:
        f"{RESULTS}/logs/plot_scrutiny/{{model}}/{{dataset}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/plot_scrutiny/{{model}}/{{dataset}}.tsv"
    conda:
        "../../envs/analyze.yaml"
    params:
        **script("plot_scrutiny.py"),
        title="{model} on {dataset}",
        settings=settings(STUDY.figures),
    shell:
        "{params.call:q} --table {input:q} --title {params.title:q} --settings {params.settings:q} "
        "--figures {output.figures:q} --out {output.page:q} 2>&1 | tee {log:q}"
