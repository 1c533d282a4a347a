# The page that a reader opens first.
# Takes the tables and figures of all pairs. Makes summary.md.


rule summarize:
    """Write the page that a reader opens first."""
    input:
        tables=[
            *expand_pairs(REGRESSION, STUDY.judged_pairs),
            *expand_pairs(rules.regress.output.points, STUDY.judged_pairs),
            *expand_pairs(rules.choose_threshold.output[0], STUDY.judged_pairs),
            *expand_pairs(rules.forecast.output[0], STUDY.judged_pairs),
            *expand_pairs(rules.fix_these.output[0], STUDY.judged_pairs),
            *expand_pairs(PAIR_TESTS, STUDY.judged_pairs),
            *expand_pairs(CHECKED),
        ],
        graders=expand_pairs(rules.compare_graders.output[0]),
        imported=expand_pairs(PAIR_MEMORIZATION, STUDY.imported),
        figures=expand_figures(STUDY.judged_pairs),
        data=list(dict.fromkeys(expand_pairs(DATA, split=splits_of) + expand_pairs(TOKENS, split=splits_of))),
    output:
        report(f"{RESULTS}/summary.md", caption="../report/summary.rst", category="Summary"),
    log:
        f"{RESULTS}/logs/summarize.log",
    benchmark:
        f"{RESULTS}/benchmarks/summarize.tsv"
    conda:
        "../../envs/analyze.yaml"
    params:
        **script("summarize.py"),
        study=STUDY.study,
        pairs=expand_pairs(PAIR, STUDY.judged_pairs),
        test_sets=lambda w: json.dumps({f"{m}/{d}": STUDY.predicted_test_set(m, d) for m, d in STUDY.judged_pairs}),
        collect=lambda w: commands_that_collect(),
        statistics=settings(STUDY.statistics),
        image_format="png" if "png" in STUDY.figures.formats else STUDY.figures.formats[0],
    shell:
        "{params.call:q} --study {params.study:q} --image-format {params.image_format:q} "
        "--pairs {params.pairs:q} --test-sets {params.test_sets:q} --collect {params.collect:q} "
        "--statistics {params.statistics:q} "
        "--imported {input.imported:q} --data {input.data:q} --out {output:q} 2>&1 | tee {log:q}"
