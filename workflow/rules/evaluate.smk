# From checkpoints to the memorization table. Takes checkpoints and token ids; makes the samples, grades, perplexities and
# scores of a run. What reads a checkpoint goes before training, so that the disk is freed early.


# What one job samples: a checkpoint, or all of a run, which starts an engine less often.
SAMPLED_TOGETHER = {"sample_checkpoint": [{}]}
if STUDY.checkpoints.sample_together:
    SAMPLED_TOGETHER = {
        f"sample_{epochs}_epochs": [{"epochs": epochs, "epoch": epoch} for epoch in STUDY.checkpoint_epochs(epochs)]
        for epochs in sorted({run.epochs for run in STUDY.trained_runs})
    }
SAMPLED = {
    name: ("sample", checkpoints, [fill(SAMPLES, **checkpoint) for checkpoint in checkpoints], "all")
    for name, checkpoints in SAMPLED_TOGETHER.items()
}
# Where only the test accuracy at a run's end counts, the same answers to the test prompts alone.
SAMPLED["sample_last_tests"] = ("sample_last_tests", [{"epoch": "{epochs}"}], [LAST_TEST_SAMPLES], "tests")

for name, (kind, checkpoints, samples, only) in SAMPLED.items():

    rule:
        name:
            name
        input:
            checkpoints=ancient([fill(CHECKPOINT, **checkpoint) for checkpoint in checkpoints]),
            trained=fill(TRAINING_LOG, **checkpoints[0]),
            train=fill(TOKENS, split=TRAIN),
            tests=test_splits(TOKENS),
            checked=CHECKED,
        output:
            samples,
        log:
            fill(f"{RESULTS}/logs/{kind}/{ONE_RUN}/epoch-{{epoch}}.log", **checkpoints[0]),
        benchmark:
            fill(f"{RESULTS}/benchmarks/{kind}/{ONE_RUN}/epoch-{{epoch}}.tsv", **checkpoints[0])
        priority: 2
        conda:
            "../../envs/vllm.yaml" if STUDY.sampling.backend == "vllm" else "../../envs/sample.yaml"
        threads: STUDY.hardware.sample.shards
        resources:
            gpu=gpus("sampling"),
            mem_mb=largest(mem_mb, "sampling"),
            runtime=largest(runtime, "sampling", len(checkpoints)),
            disk_gb=disk_gb(len(checkpoints)),
        params:
            settings=settings(STUDY.sampling),
            stop=lambda w: STUDY.dataset(w.dataset).stop,
            size=size_of,
            only=only,
            code=code("sample.py"),
        shell:
            "{ON_GPUS} {resources.gpu} {SAMPLE_PYTHON} {SCRIPTS}/sample.py --checkpoints {input.checkpoints:q} --train {input.train:q} "
            "--tests {input.tests:q} --size {params.size} --stop {params.stop:q} --settings {params.settings:q} "
            "--only {params.only} --threads {threads} --gpus {resources.gpu} --hardware {SAMPLE_HARDWARE} --out {output:q} 2>&1 | tee {log:q}"


rule grade_samples:
    """Grade the sampled answers of a run with every grader."""
    input:
        samples=of_run(SAMPLES),
        data=all_splits(DATA),
    output:
        GRADES,
    log:
        f"{RESULTS}/logs/grade_samples/{ONE_RUN}.log",
    benchmark:
        f"{RESULTS}/benchmarks/grade_samples/{ONE_RUN}.tsv"
    priority: 3
    conda:
        "../../envs/analyze.yaml"
    resources:
        mem_mb=mem_mb("grading"),
        runtime=runtime("grading"),
    params:
        checkpoint_epochs=epochs_of_checkpoints,
        answers=lambda w: STUDY.dataset(w.dataset).answers,
        time_limit=STUDY.grading.time_limit,
        code=code("grade.py"),
    shell:
        "{PYTHON} {SCRIPTS}/grade.py --samples {input.samples:q} --checkpoint-epochs {params.checkpoint_epochs} "
        "--data {input.data:q} --answers {params.answers} --time-limit {params.time_limit} --workers {threads} --out {output:q} 2>&1 | tee {log:q}"


rule measure_perplexity:
    """Measure the perplexity of the training targets under every checkpoint of a run."""
    input:
        checkpoints=ancient(of_run(CHECKPOINT)),
        trained=TRAINING_LOG,
        tokens=fill(TOKENS, split=TRAIN),
    output:
        f"{RUN}/perplexity.parquet",
    log:
        f"{RESULTS}/logs/measure_perplexity/{ONE_RUN}.log",
    benchmark:
        f"{RESULTS}/benchmarks/measure_perplexity/{ONE_RUN}.tsv"
    priority: 2
    conda:
        "../../envs/train.yaml"
    threads: 1
    resources:
        gpu=gpus("perplexity"),
        mem_mb=mem_mb("perplexity"),
        runtime=runtime("perplexity"),
        disk_gb=lambda w: disk_gb(len(epochs_of_checkpoints(w)))(w),
    params:
        checkpoint_epochs=epochs_of_checkpoints,
        size=size_of,
        dtype=STUDY.sampling.dtype,
        code=code("measure_perplexity.py"),
    shell:
        "{ON_GPUS} {resources.gpu} {TRAIN_PYTHON} {SCRIPTS}/measure_perplexity.py --checkpoints {input.checkpoints:q} "
        "--checkpoint-epochs {params.checkpoint_epochs} --tokens {input.tokens:q} --size {params.size} "
        "--dtype {params.dtype} --threads {threads} --gpus {resources.gpu} --hardware {PERPLEXITY_HARDWARE} "
        "--out {output:q} 2>&1 | tee {log:q}"


rule score_run:
    """Bring a run's grades and perplexities together: the memorization table, and the accuracy on every test set."""
    input:
        grades=GRADES,
        perplexity=rules.measure_perplexity.output,
    output:
        memorization=MEMORIZATION,
        tests=TESTS,
    log:
        f"{RESULTS}/logs/score_run/{ONE_RUN}.log",
    benchmark:
        f"{RESULTS}/benchmarks/score_run/{ONE_RUN}.tsv"
    priority: 4
    conda:
        "../../envs/analyze.yaml"
    params:
        run=lambda w: settings(Run(**w)),
        grader=STUDY.grading.grader,
        code=code("score_run.py"),
    shell:
        "{PYTHON} {SCRIPTS}/score_run.py --run {params.run:q} --grades {input.grades:q} "
        "--perplexity {input.perplexity:q} --grader {params.grader} --memorization {output.memorization:q} "
        "--tests {output.tests:q} 2>&1 | tee {log:q}"
