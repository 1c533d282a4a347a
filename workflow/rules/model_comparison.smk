# How much does each model memorize of a dataset, and how well is its test accuracy predicted?
# Takes scores and regressions of the pairs. Makes a table, a figure and a page for each dataset with results of
# several models.

ACROSS = f"{RESULTS}/across/{{dataset}}"
MODEL_COMPARISON_PAGE = f"{ACROSS}/model_comparison.md"
TARGETS["model_comparison"] = expand(MODEL_COMPARISON_PAGE, dataset=STUDY.compared_datasets)


rule compare_models:
    """Compare the models that have results on a dataset."""
    input:
        memorization=of_models(PAIR_MEMORIZATION),
        points=of_models(rules.regress.output.points),
        regression=of_models(REGRESSION),
        threshold=of_models(rules.choose_threshold.output[0]),
        bases=ancient(lambda w: list(base_models_on(w).values())),
        identities=lambda w: expand(MODEL_IDENTITY, model=base_models_on(w)),
    output:
        table=f"{ACROSS}/model_comparison.csv",
        figures=[
            report(
                f"{ACROSS}/model_comparison.{format}", caption="../report/model_comparison.rst", category="{dataset}"
            )
            for format in STUDY.figures.formats
        ],
        page=report(MODEL_COMPARISON_PAGE, caption="../report/model_comparison.rst", category="{dataset}"),
    log:
        f"{RESULTS}/logs/compare_models/{{dataset}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/compare_models/{{dataset}}.tsv"
    conda:
        "../../envs/analyze.yaml"
    params:
        **script("compare_models.py"),
        models=models_on,
        bases=lambda w: json.dumps(base_models_on(w)),
        statistics=settings(STUDY.statistics),
        settings=settings(STUDY.figures),
    shell:
        "{params.call:q} --models {params.models:q} --memorization {input.memorization:q} --points {input.points:q} "
        "--regression {input.regression:q} --threshold {input.threshold:q} --bases {params.bases:q} "
        "--dataset {wildcards.dataset:q} --statistics {params.statistics:q} --settings {params.settings:q} "
        "--figures {output.figures:q} --table {output.table:q} --out {output.page:q} 2>&1 | tee {log:q}"
