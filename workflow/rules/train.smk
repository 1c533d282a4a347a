# Fine-tuning.
# Takes a base model and token ids. Makes the checkpoints of a run. They are deleted once they have been evaluated,
# unless the study keeps them.


rule settle_training:
    """Write the training settings to a file that training takes as an ordinary input.

    If a job's `ancient` input is rebuilt, Snakemake skips the check of the job's own params, so an edit that affects
    both would be noticed only in part. A rule without inputs is always checked.
    """
    output:
        f"{RESULTS}/settings/training_ep{{epochs}}_{{size}}.txt",
    log:
        f"{RESULTS}/logs/settle_training/ep{{epochs}}_{{size}}.log",
    conda:
        "../../envs/analyze.yaml"
    params:
        settings=settings(STUDY.training),
        size=size_of,
        checkpoint_epochs=epochs_of_checkpoints,
        code=code("train.py"),
    shell:
        "(printf '%s\\n' {params.settings:q} {params.size:q} {params.code:q} > {output:q}.partial "
        "&& mv {output:q}.partial {output:q}) 2> {log:q}"


# A run's number of checkpoints depends on its number of epochs, but a rule's outputs cannot depend on wildcards. So
# there is one rule for each number of epochs.
for epochs in NUMBERS_OF_EPOCHS:

    rule:
        """Fine-tune a base model, and save its checkpoints."""
        name:
            f"train_{epochs}_epochs"
        input:
            base=ancient(base_model),
            identity=MODEL_IDENTITY,
            tokens=fill(TOKENS, split=TRAIN),
            settled=fill(rules.settle_training.output[0], epochs=epochs),
            checked=ancient(CHECKED),
        output:
            checkpoints=[checkpoint_folder(epochs, epoch) for epoch in STUDY.checkpoint_epochs(epochs)],
            log=fill(TRAINING_LOG, epochs=epochs),
        log:
            fill(f"{RESULTS}/logs/train/{ONE_RUN}.log", epochs=epochs),
        benchmark:
            fill(f"{RESULTS}/benchmarks/train/{ONE_RUN}.tsv", epochs=epochs)
        conda:
            "../../envs/train.yaml"
        threads: STUDY.hardware.train.processes
        resources:
            gpu=gpus("training"),
            mem_mb=mem_mb("training", epochs=epochs),
            runtime=runtime("training", epochs=epochs),
            disk_gb=disk_gb(len(STUDY.checkpoint_epochs(epochs))),
        params:
            **gpu_script("train.py", "train", STUDY.hardware.train, STUDY.hardware.train.processes),
            settings=settings(STUDY.training),
            subset=subset_of(epochs=epochs),
            epochs=epochs,
            checkpoint_epochs=STUDY.checkpoint_epochs(epochs),
            work=fill(f"{RUN}/.training", epochs=epochs),  # keeps the state of an interrupted training
        shell:
            "{params.call:q} --base {input.base:q} --identity {input.identity:q} --tokens {input.tokens:q} --settings {params.settings:q} "
            "--lr {wildcards.lr:q} --epochs {params.epochs:q} --subset {params.subset:q} --seed {wildcards.seed:q} "
            "--hardware {params.hardware:q} --checkpoint-epochs {params.checkpoint_epochs:q} "
            "--checkpoints {output.checkpoints:q} --gpus {resources.gpu} --code {params.code:q} --work {params.work:q} "
            "--out {output.log:q} 2>&1 | tee {log:q}"
