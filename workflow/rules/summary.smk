# The page that a reader opens first.
# Takes the tables and figures of all pairs. Makes summary.md.


rule summarize:
    """Write the page that a reader opens first."""
    input:
        regressions=expand_pairs(REGRESSION, STUDY.judged_pairs),
        points=expand_pairs(rules.regress.output.points, STUDY.judged_pairs),
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
        image_format="png" if "png" in STUDY.figures.formats else STUDY.figures.formats[0],
    shell:
        "{params.call:q} --study {params.study:q} --image-format {params.image_format:q} "
        "--regressions {input.regressions:q} --points {input.points:q} --graders {input.graders:q} "
        "--imported {input.imported:q} --data {input.data:q} --out {output:q} 2>&1 | tee {log:q}"
