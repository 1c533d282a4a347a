# Which predictor of generalization is best, and on which test sets?
# Takes scores, and what the study's predictors need besides: grades, difficulty, checkpoints. Makes a table, figures
# and a page for each pair.

from premem.analysis.predictors import PREDICTORS

NEEDED = {PREDICTORS[name].needs for name in STUDY.predictors.names}
PREDICTORS_PAGE = f"{PAIR}/predictors.md"
TARGETS["predictors"] = expand_pairs(PREDICTORS_PAGE, STUDY.judged_pairs)


rule measure_weights:
    """Measure gradients and distances of a run's checkpoints, and the confidence of answers sampled from them."""
    input:
        base=ancient(base_model),
        identity=MODEL_IDENTITY,
        checkpoints=ancient(of_run(CHECKPOINT)),
        trained=TRAINING_LOG,
        tokens=all_splits(TOKENS),
        samples=of_run(SAMPLES) if "confidences" in NEEDED else [],
    output:
        weights=f"{RUN}/weights.parquet",
        confidences=f"{RUN}/confidences.parquet",
    log:
        f"{RESULTS}/logs/measure_weights/{ONE_RUN}.log",
    benchmark:
        f"{RESULTS}/benchmarks/measure_weights/{ONE_RUN}.tsv"
    priority: 2
    conda:
        "../../envs/train.yaml"
    threads: 1
    resources:
        gpu=gpus("weights"),
        mem_mb=mem_mb("weights"),
        runtime=runtime("weights"),
        disk_gb=disk_gb(),
    params:
        **gpu_script("measure_weights.py", "train", STUDY.hardware.perplexity),
        checkpoint_epochs=epochs_of_checkpoints,
        subset=subset_of(),
        stop=stop_of,
        dtype=STUDY.sampling.dtype,
        settings=settings(read_from_checkpoints(PREDICTORS)),
    shell:
        "{params.call:q} --base {input.base:q} --checkpoints {input.checkpoints:q} "
        "--checkpoint-epochs {params.checkpoint_epochs:q} --tokens {input.tokens:q} --samples {input.samples:q} "
        "--subset {params.subset:q} --stop={params.stop:q} --dtype {params.dtype:q} --settings {params.settings:q} "
        "--threads {threads} --gpus {resources.gpu} --hardware {params.hardware:q} --weights {output.weights:q} "
        "--confidences {output.confidences:q} 2>&1 | tee {log:q}"


rule compare_predictors:
    """Judge every predictor on every test set."""
    input:
        memorization=PAIR_MEMORIZATION,
        tests=PAIR_TESTS,
        threshold=rules.choose_threshold.output,
        grades=where_needed({"answers", "confidences"}, of_pair(GRADES)),
        weights=where_needed({"weights"}, of_pair(rules.measure_weights.output.weights)),
        confidences=where_needed({"confidences"}, of_pair(rules.measure_weights.output.confidences)),
        data=where_needed({"labels"}, where_labelled(all_splits(DATA))),
    output:
        values=f"{PAIR}/predictors.parquet",
        comparison=f"{PAIR}/predictors.csv",
    log:
        f"{RESULTS}/logs/compare_predictors/{{model}}/{{dataset}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/compare_predictors/{{model}}/{{dataset}}.tsv"
    conda:
        "../../envs/analyze.yaml"
    params:
        **script("compare_predictors.py"),
        test_set=study_test_set,
        difficulty=difficulty_of_dataset,
        grader=STUDY.grading.grader,
        settings=settings(STUDY.predictors),
        grid=settings(STUDY.threshold),
        statistics=settings(STUDY.statistics),
    shell:
        "{params.call:q} --memorization {input.memorization:q} --tests {input.tests:q} --threshold {input.threshold:q} "
        "--grades {input.grades:q} --weights {input.weights:q} --confidences {input.confidences:q} "
        "--data {input.data:q} --test-set {params.test_set:q} --difficulty {params.difficulty:q} "
        "--grader {params.grader:q} --settings {params.settings:q} --grid {params.grid:q} "
        "--statistics {params.statistics:q} --values {output.values:q} --out {output.comparison:q} 2>&1 | tee {log:q}"


rule plot_predictors:
    """Write the page of the comparison, with its figures."""
    input:
        values=rules.compare_predictors.output.values,
        comparison=rules.compare_predictors.output.comparison,
    output:
        page=report(PREDICTORS_PAGE, caption="../report/predictors.rst", category="{model} on {dataset}"),
        figures=figure_files("predictors") + figure_files("test_sets"),
    log:
        f"{RESULTS}/logs/plot_predictors/{{model}}/{{dataset}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/plot_predictors/{{model}}/{{dataset}}.tsv"
    conda:
        "../../envs/analyze.yaml"
    params:
        **script("plot_predictors.py"),
        title="{model} on {dataset}",
        settings=settings(STUDY.figures),
    shell:
        "{params.call:q} --values {input.values:q} --comparison {input.comparison:q} --title {params.title:q} "
        "--settings {params.settings:q} --figures {output.figures:q} --out {output.page:q} 2>&1 | tee {log:q}"
