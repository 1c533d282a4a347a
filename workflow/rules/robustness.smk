# Which training examples are brittle? Takes checkpoints and training examples; samples answers to perturbed prompts; makes
# tables, a figure and a page for each pair, and the accuracy that each example is predicted to lose.

PERTURBED = f"{PAIR}/perturbed_prompts.parquet"
PERTURBED_SAMPLES = f"{RUN}/epoch-{{epoch}}/perturbed_samples.parquet"
ROBUSTNESS_PAGE = f"{PAIR}/robustness.md"
DROPS = f"{PAIR}/predicted_drops.parquet"


def not_perturbed():
    """Say which pairs are left out, and why."""
    for model, dataset in STUDY.judged_pairs:
        if (model, dataset) in STUDY.imported:
            yield f"{model} on {dataset}: imported results come without texts and checkpoints"
        elif not STUDY.perturbations_of(dataset):
            yield f"{model} on {dataset}: the dataset has no perturbations (datasets.{dataset}.perturbations)"
        elif (model, dataset) not in STUDY.perturbed_pairs:
            yield f"{model} on {dataset}: no run has a checkpoint of robustness.checkpoints"


TARGETS["robustness"] = tell_left_out(
    "robustness", not_perturbed(), expand_pairs(ROBUSTNESS_PAGE, STUDY.perturbed_pairs)
)


def perturbations_of(wildcards):
    """Those of the dataset that the wildcards name, as JSON."""
    found = STUDY.perturbations_of(wildcards.dataset)
    return json.dumps({name: perturbation.model_dump() for name, perturbation in found.items()})


def perturbed_epochs(wildcards):
    return STUDY.perturbed_epochs(int(wildcards.epochs))


def of_perturbed_runs(pattern):
    """The pattern for every run of the pair that has checkpoints to perturb prompts at."""

    def paths(wildcards):
        runs = STUDY.runs_of(wildcards.model, wildcards.dataset)
        return expand_runs(pattern, [run for run in runs if STUDY.perturbed_epochs(run.epochs)])

    return paths


rule perturb_prompts:
    """Write the perturbed prompts of the training examples of a pair."""
    input:
        data=fill(DATA, split=TRAIN),
        tokens=fill(TOKENS, split=TRAIN),
        model=ancient(base_model),
        identity=MODEL_IDENTITY,
    output:
        PERTURBED,
    log:
        f"{RESULTS}/logs/perturb_prompts/{{model}}/{{dataset}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/perturb_prompts/{{model}}/{{dataset}}.tsv"
    priority: 5  # what it refuses is refused before anything is trained
    conda:
        "../../envs/train.yaml"
    params:
        settings=dataset_settings(Templates),
        perturbations=perturbations_of,
        max_new_tokens=STUDY.sampling.max_new_tokens,
        code=code("perturb_prompts.py"),
    shell:
        "{PYTHON} {SCRIPTS}/perturb_prompts.py --name {wildcards.dataset} --data {input.data:q} --tokens {input.tokens:q} "
        "--model {input.model:q} --settings {params.settings:q} --perturbations {params.perturbations:q} "
        "--max-new-tokens {params.max_new_tokens} --out {output:q} 2>&1 | tee {log:q}"


rule sample_perturbed:
    """Sample answers to the perturbed prompts from a checkpoint."""
    input:
        checkpoint=ancient(CHECKPOINT),
        trained=TRAINING_LOG,
        prompts=PERTURBED,
    output:
        PERTURBED_SAMPLES,
    log:
        f"{RESULTS}/logs/sample_perturbed/{ONE_RUN}/epoch-{{epoch}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/sample_perturbed/{ONE_RUN}/epoch-{{epoch}}.tsv"
    priority: 2
    conda:
        "../../envs/vllm.yaml" if STUDY.sampling.backend == "vllm" else "../../envs/sample.yaml"
    threads: STUDY.hardware.sample.shards
    resources:
        gpu=gpus("perturbed"),
        mem_mb=largest(mem_mb, "perturbed"),
        runtime=largest(runtime, "perturbed"),
        disk_gb=disk_gb(1),
    params:
        settings=settings(STUDY.sampling),
        stop=lambda w: STUDY.dataset(w.dataset).stop,
        size=size_of,
        code=code("sample_perturbed.py"),
    shell:
        "{ON_GPUS} {resources.gpu} {SAMPLE_PYTHON} {SCRIPTS}/sample_perturbed.py --checkpoint {input.checkpoint:q} "
        "--prompts {input.prompts:q} --size {params.size} --stop {params.stop:q} --settings {params.settings:q} "
        "--threads {threads} --gpus {resources.gpu} --hardware {SAMPLE_HARDWARE} --out {output:q} 2>&1 | tee {log:q}"


use rule grade_samples as grade_perturbed with:
    input:
        samples=lambda w: expand(PERTURBED_SAMPLES, **{**w, "epoch": perturbed_epochs(w)}),
        data=fill(DATA, split=TRAIN),
    output:
        f"{RUN}/perturbed_grades.parquet",
    log:
        f"{RESULTS}/logs/grade_perturbed/{ONE_RUN}.log",
    benchmark:
        f"{RESULTS}/benchmarks/grade_perturbed/{ONE_RUN}.tsv"
    resources:
        mem_mb=lambda w, attempt: mem_mb("perturbed_grading", checkpoints=len(perturbed_epochs(w)))(w, attempt),
        runtime=lambda w, attempt: runtime("perturbed_grading", checkpoints=len(perturbed_epochs(w)))(w, attempt),
    params:
        checkpoint_epochs=perturbed_epochs,


rule measure_robustness:
    """Say how much accuracy is lost under perturbations, and what tells of which examples beforehand."""
    input:
        grades=of_perturbed_runs(rules.grade_perturbed.output[0]),
        memorization=PAIR_MEMORIZATION,
        threshold=rules.choose_threshold.output,
        data=lambda w: expand(DATA, dataset=w.dataset, split=TRAIN) if difficulty_of_dataset(w) else [],
    output:
        answers=f"{PAIR}/perturbed.parquet",
        bins=f"{PAIR}/robustness_bins.csv",
        regression=f"{PAIR}/robustness.csv",
        drops=DROPS,
    log:
        f"{RESULTS}/logs/measure_robustness/{{model}}/{{dataset}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/measure_robustness/{{model}}/{{dataset}}.tsv"
    wildcard_constraints:
        model=one_of(STUDY.models),
    conda:
        "../../envs/analyze.yaml"
    params:
        difficulty=difficulty_of_dataset,
        grader=STUDY.grading.grader,
        bins=STUDY.robustness.bins,
        statistics=settings(STUDY.statistics),
        code=code("measure_robustness.py"),
    shell:
        "{PYTHON} {SCRIPTS}/measure_robustness.py --grades {input.grades:q} --memorization {input.memorization:q} "
        "--threshold {input.threshold:q} --data {input.data:q} --difficulty {params.difficulty:q} --grader {params.grader} "
        "--number-of-bins {params.bins} --statistics {params.statistics:q} --answers {output.answers:q} --bins {output.bins:q} "
        "--drops {output.drops:q} --out {output.regression:q} 2>&1 | tee {log:q}"


rule plot_robustness:
    """Write the page, with its figures."""
    input:
        bins=rules.measure_robustness.output.bins,
        regression=rules.measure_robustness.output.regression,
    output:
        page=report(ROBUSTNESS_PAGE, caption="../report/robustness.rst", category="{model} on {dataset}"),
        figures=figure_files("robustness") + figure_files("robustness_solved"),
    log:
        f"{RESULTS}/logs/plot_robustness/{{model}}/{{dataset}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/plot_robustness/{{model}}/{{dataset}}.tsv"
    conda:
        "../../envs/analyze.yaml"
    params:
        title="{model} on {dataset}",
        perturbations=perturbations_of,
        settings=settings(STUDY.figures),
        code=code("plot_robustness.py"),
    shell:
        "{PYTHON} {SCRIPTS}/plot_robustness.py --bins {input.bins:q} --regression {input.regression:q} --title {params.title:q} "
        "--perturbations {params.perturbations:q} --settings {params.settings:q} --figures {output.figures:q} "
        "--out {output.page:q} 2>&1 | tee {log:q}"
