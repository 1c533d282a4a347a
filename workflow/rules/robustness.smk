# Which training examples are brittle?
# Takes checkpoints and training examples, and samples answers to perturbed prompts. Makes tables, figures and a page
# for each pair, and the accuracy that each example is predicted to lose.

PERTURBED = f"{PAIR}/perturbed_prompts.parquet"
PERTURBED_SAMPLES = f"{RUN}/epoch-{{epoch}}/perturbed_samples.parquet"
ROBUSTNESS_PAGE = f"{PAIR}/robustness.md"
DROPS = f"{PAIR}/predicted_drops.parquet"


TARGETS["robustness"] = tell_left_out(
    "robustness", not_perturbed(), expand_pairs(ROBUSTNESS_PAGE, STUDY.perturbed_pairs)
)


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
    priority: 5  # so that bad perturbations are refused before anything is trained
    conda:
        "../../envs/train.yaml"
    params:
        **script("perturb_prompts.py"),
        settings=dataset_settings(Templates),
        perturbations=perturbations_of,
        max_new_tokens=STUDY.sampling.max_new_tokens,
    shell:
        "{params.call:q} --name {wildcards.dataset:q} --data {input.data:q} --tokens {input.tokens:q} "
        "--model {input.model:q} --settings {params.settings:q} --perturbations {params.perturbations:q} "
        "--max-new-tokens {params.max_new_tokens:q} --out {output:q} 2>&1 | tee {log:q}"


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
        SAMPLE_ENV
    threads: STUDY.hardware.sample.shards
    resources:
        gpu=gpus("perturbed"),
        mem_mb=largest(mem_mb, "perturbed"),
        runtime=largest(runtime, "perturbed"),
        disk_gb=disk_gb(1),
    params:
        **gpu_script("sample_perturbed.py", "sample", STUDY.hardware.sample),
        settings=settings(STUDY.sampling),
        stop=stop_of,
        subset=subset_of(),
    shell:
        "{params.call:q} --checkpoint {input.checkpoint:q} --prompts {input.prompts:q} --subset {params.subset:q} "
        "--stop={params.stop:q} --settings {params.settings:q} --threads {threads} --gpus {resources.gpu} "
        "--hardware {params.hardware:q} --out {output:q} 2>&1 | tee {log:q}"


use rule grade_samples as grade_perturbed with:
    input:
        samples=perturbed_samples,
        data=fill(DATA, split=TRAIN),
    output:
        f"{RUN}/perturbed_grades.parquet",
    log:
        f"{RESULTS}/logs/grade_perturbed/{ONE_RUN}.log",
    benchmark:
        f"{RESULTS}/benchmarks/grade_perturbed/{ONE_RUN}.tsv"
    resources:
        mem_mb=for_perturbed_grading(mem_mb),
        runtime=for_perturbed_grading(runtime),
    params:
        checkpoint_epochs=perturbed_epochs,


rule measure_robustness:
    """Measure how much accuracy is lost under perturbations, and what predicts which examples lose it."""
    input:
        grades=of_perturbed_runs(rules.grade_perturbed.output[0]),
        memorization=PAIR_MEMORIZATION,
        threshold=rules.choose_threshold.output,
        data=where_labelled(train_split),
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
        **script("measure_robustness.py"),
        difficulty=difficulty_of_dataset,
        grader=STUDY.grading.grader,
        bins=STUDY.robustness.bins,
        statistics=settings(STUDY.statistics),
    shell:
        "{params.call:q} --grades {input.grades:q} --memorization {input.memorization:q} "
        "--threshold {input.threshold:q} --data {input.data:q} --difficulty {params.difficulty:q} "
        "--grader {params.grader:q} --number-of-bins {params.bins:q} --statistics {params.statistics:q} "
        "--answers {output.answers:q} --bins {output.bins:q} --drops {output.drops:q} --out {output.regression:q} 2>&1 "
        "| tee {log:q}"


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
        **script("plot_robustness.py"),
        title="{model} on {dataset}",
        perturbations=perturbations_of,
        settings=settings(STUDY.figures),
    shell:
        "{params.call:q} --bins {input.bins:q} --regression {input.regression:q} --title {params.title:q} "
        "--perturbations {params.perturbations:q} --settings {params.settings:q} --figures {output.figures:q} "
        "--out {output.page:q} 2>&1 | tee {log:q}"
