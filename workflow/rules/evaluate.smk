# From checkpoints to the memorization table.
# Takes checkpoints and token ids. Makes the samples, grades, perplexities and scores of a run.
# Jobs that read a checkpoint run before trainings (`priority`), so that the disk is freed early.

SAMPLE = (
    "{params.call:q} --checkpoints {input.checkpoints:q} --train {input.train:q} --tests {input.tests:q} "
    "--subset {params.subset:q} --stop={params.stop:q} --settings {params.settings:q} --only {params.only:q} "
    "--threads {threads} --gpus {resources.gpu} --hardware {params.hardware:q} --out {output:q} 2>&1 | tee {log:q}"
)


rule sample_checkpoint:
    """Sample answers to the training and the test prompts from a checkpoint."""
    input:
        checkpoints=ancient(CHECKPOINT),
        trained=TRAINING_LOG,
        train=fill(TOKENS, split=TRAIN),
        tests=test_splits(TOKENS),
        checked=CHECKED,
    output:
        SAMPLES,
    log:
        f"{RESULTS}/logs/sample/{ONE_RUN}/epoch-{{epoch}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/sample/{ONE_RUN}/epoch-{{epoch}}.tsv"
    priority: 2
    conda:
        SAMPLE_ENV
    threads: STUDY.hardware.sample.shards
    resources:
        gpu=gpus("sampling"),
        mem_mb=largest(mem_mb, "sampling"),
        runtime=largest(runtime, "sampling"),
        disk_gb=disk_gb(1),
    params:
        **gpu_script("sample.py", "sample", STUDY.hardware.sample),
        settings=settings(STUDY.sampling),
        stop=stop_of,
        subset=subset_of(),
        only="all",
    shell:
        SAMPLE


# With `checkpoints.sample_together`, one job samples all checkpoints of a run, so that the engine starts once.
# As for training, there is one rule for each number of epochs.
for epochs in NUMBERS_OF_EPOCHS if STUDY.checkpoints.sample_together else []:

    rule:
        """Sample answers to the training and the test prompts from all checkpoints of a run."""
        name:
            f"sample_{epochs}_epochs"
        input:
            checkpoints=ancient(at_checkpoints(CHECKPOINT, epochs)),
            trained=fill(TRAINING_LOG, epochs=epochs),
            train=fill(TOKENS, split=TRAIN),
            tests=test_splits(TOKENS),
            checked=CHECKED,
        output:
            at_checkpoints(SAMPLES, epochs),
        log:
            fill(f"{RESULTS}/logs/sample/{ONE_RUN}.log", epochs=epochs),
        benchmark:
            fill(f"{RESULTS}/benchmarks/sample/{ONE_RUN}.tsv", epochs=epochs)
        priority: 2
        conda:
            SAMPLE_ENV
        threads: STUDY.hardware.sample.shards
        resources:
            gpu=gpus("sampling"),
            mem_mb=largest(mem_mb, "sampling"),
            runtime=largest(runtime, "sampling", len(STUDY.checkpoint_epochs(epochs))),
            disk_gb=disk_gb(len(STUDY.checkpoint_epochs(epochs))),
        params:
            **gpu_script("sample.py", "sample", STUDY.hardware.sample),
            settings=settings(STUDY.sampling),
            stop=stop_of,
            subset=subset_of(epochs=epochs),
            only="all",
        shell:
            SAMPLE

    workflow.ruleorder(f"sample_{epochs}_epochs", "sample_checkpoint")


use rule sample_checkpoint as sample_last_tests with:
    input:
        checkpoints=ancient(fill(CHECKPOINT, epoch="{epochs}")),
        trained=TRAINING_LOG,
        train=fill(TOKENS, split=TRAIN),
        tests=test_splits(TOKENS),
        checked=CHECKED,
    output:
        LAST_TEST_SAMPLES,
    log:
        f"{RESULTS}/logs/sample_last_tests/{ONE_RUN}.log",
    benchmark:
        f"{RESULTS}/benchmarks/sample_last_tests/{ONE_RUN}.tsv"
    params:
        only="tests",


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
        **script("grade.py"),
        checkpoint_epochs=epochs_of_checkpoints,
        answers=lambda w: STUDY.dataset(w.dataset).answers,
        time_limit=STUDY.grading.time_limit,
    shell:
        "{params.call:q} --samples {input.samples:q} --checkpoint-epochs {params.checkpoint_epochs:q} "
        "--data {input.data:q} --answers {params.answers:q} --time-limit {params.time_limit:q} --workers {threads} "
        "--out {output:q} 2>&1 | tee {log:q}"


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
        disk_gb=disk_gb(),
    params:
        **gpu_script("measure_perplexity.py", "train", STUDY.hardware.perplexity),
        checkpoint_epochs=epochs_of_checkpoints,
        subset=subset_of(),
        dtype=STUDY.sampling.dtype,
    shell:
        "{params.call:q} --checkpoints {input.checkpoints:q} --checkpoint-epochs {params.checkpoint_epochs:q} "
        "--tokens {input.tokens:q} --subset {params.subset:q} --dtype {params.dtype:q} --threads {threads} "
        "--gpus {resources.gpu} --hardware {params.hardware:q} --out {output:q} 2>&1 | tee {log:q}"


rule score_run:
    """Join a run's grades and perplexities to its memorization table, and measure its accuracy on every test set."""
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
        **script("score_run.py"),
        run=lambda w: settings(Run(**w)),
        grader=STUDY.grading.grader,
    shell:
        "{params.call:q} --run {params.run:q} --grades {input.grades:q} --perplexity {input.perplexity:q} "
        "--grader {params.grader:q} --memorization {output.memorization:q} --tests {output.tests:q} 2>&1 | tee {log:q}"
