# Which predictor of generalization is best, and on which test sets? Takes scores, and what the predictors of the study need
# beside them: grades, difficulty, checkpoints; makes a table, figures and a page for each pair.

from premem.analysis.predictors import PREDICTORS

NEEDED = {PREDICTORS[name].needs for name in STUDY.predictors.names}
PREDICTORS_PAGE = f"{PAIR}/predictors.md"
TARGETS["predictors"] = expand_pairs(PREDICTORS_PAGE, STUDY.judged_pairs)


def where_needed(needs, paths):
    """An input function that asks for files only if a predictor needs them, and the pair has runs that make them."""

    def input_of(wildcards):
        has_runs = (wildcards.model, wildcards.dataset) in STUDY.pairs
        return paths(wildcards) if NEEDED & set(needs) and has_runs else []

    return input_of


def read_from_checkpoints():
    """The block without predictors that do not read checkpoints: one more of those measures nothing anew."""
    read = [name for name in PREDICTORS if PREDICTORS[name].needs in ("weights", "confidences")]
    names = tuple(name for name in read if name in STUDY.predictors.names)
    return STUDY.predictors.model_copy(update={"names": names})


def difficulty_of_dataset(wildcards):
    """The setting in a list; an empty one where there is none."""
    dataset = STUDY.datasets.get(STUDY.source_dataset(wildcards.dataset))
    return [dataset.difficulty] if dataset and dataset.difficulty else []


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
        disk_gb=lambda w: disk_gb(len(epochs_of_checkpoints(w)))(w),
    params:
        checkpoint_epochs=epochs_of_checkpoints,
        size=size_of,
        stop=lambda w: STUDY.dataset(w.dataset).stop,
        dtype=STUDY.sampling.dtype,
        settings=settings(read_from_checkpoints()),
        code=code("measure_weights.py"),
    shell:
        "{ON_GPUS} {resources.gpu} {TRAIN_PYTHON} {SCRIPTS}/measure_weights.py --base {input.base:q} --checkpoints {input.checkpoints:q} "
        "--checkpoint-epochs {params.checkpoint_epochs} --tokens {input.tokens:q} --samples {input.samples:q} --size {params.size} "
        "--stop {params.stop:q} --dtype {params.dtype} --settings {params.settings:q} --threads {threads} --gpus {resources.gpu} "
        "--hardware {PERPLEXITY_HARDWARE} --weights {output.weights:q} --confidences {output.confidences:q} 2>&1 | tee {log:q}"


rule compare_predictors:
    """Judge every predictor on every test set."""
    input:
        memorization=PAIR_MEMORIZATION,
        tests=PAIR_TESTS,
        threshold=rules.choose_threshold.output,
        grades=where_needed({"answers", "confidences"}, of_pair(GRADES)),
        weights=where_needed({"weights"}, of_pair(rules.measure_weights.output.weights)),
        confidences=where_needed({"confidences"}, of_pair(rules.measure_weights.output.confidences)),
        data=where_needed({"labels"}, lambda w: all_splits(DATA)(w) if difficulty_of_dataset(w) else []),
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
        test_set=study_test_set,
        difficulty=difficulty_of_dataset,
        grader=STUDY.grading.grader,
        settings=settings(STUDY.predictors),
        grid=settings(STUDY.threshold),
        statistics=settings(STUDY.statistics),
        code=code("compare_predictors.py"),
    shell:
        "{PYTHON} {SCRIPTS}/compare_predictors.py --memorization {input.memorization:q} --tests {input.tests:q} "
        "--threshold {input.threshold:q} --grades {input.grades:q} --weights {input.weights:q} --confidences {input.confidences:q} "
        "--data {input.data:q} --test-set {params.test_set} --difficulty {params.difficulty:q} --grader {params.grader} "
        "--settings {params.settings:q} --grid {params.grid:q} --statistics {params.statistics:q} --values {output.values:q} "
        "--out {output.comparison:q} 2>&1 | tee {log:q}"


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
        title="{model} on {dataset}",
        settings=settings(STUDY.figures),
        code=code("plot_predictors.py"),
    shell:
        "{PYTHON} {SCRIPTS}/plot_predictors.py --values {input.values:q} --comparison {input.comparison:q} --title {params.title:q} "
        "--settings {params.settings:q} --figures {output.figures:q} --out {output.page:q} 2>&1 | tee {log:q}"
