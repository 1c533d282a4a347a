# Fine-tuning. Takes a base model and token ids; makes the checkpoints of a run, which go once they have been evaluated.


def keep_or_temp(folder, epoch, epochs):
    """The checkpoint as the study wants it: kept, or deleted once all that reads it is done."""
    return folder if STUDY.keeps_checkpoint(epoch, epochs) else temp(folder)


rule settle_training:
    """Write down what a training depends on beside its inputs.

    Where something that comes before a job is only `ancient` to it, Snakemake does not look at the job's own params if that runs
    again; an edit that concerns both would be half seen. What has no inputs is always looked at.
    """
    output:
        f"{RESULTS}/settings/training_ep{{epochs}}_{{size}}.txt",
    params:
        settings=settings(STUDY.training),
        size=size_of,
        checkpoint_epochs=epochs_of_checkpoints,
        code=code("train.py"),
    shell:
        "printf '%s\\n' {params.settings:q} {params.size} {params.code} > {output:q}.partial "
        "&& mv {output:q}.partial {output:q}"


# A single process is started without accelerate's launcher, which would only take a few seconds more.
TRAIN_PROCESSES = STUDY.hardware.train.processes
TRAIN_START = f"{TRAIN_PYTHON} {SCRIPTS}/launch.py {TRAIN_PROCESSES}" if TRAIN_PROCESSES > 1 else TRAIN_PYTHON

# Runs have different numbers of checkpoints and a rule's outputs cannot depend on wildcards: one rule per number of epochs.
for epochs in sorted({run.epochs for run in STUDY.trained_runs}):

    rule:
        name:
            f"train_{epochs}_epochs"
        input:
            base=ancient(base_model),
            identity=MODEL_IDENTITY,
            tokens=fill(TOKENS, split=TRAIN),
            settled=fill(rules.settle_training.output[0], epochs=epochs),
            checked=ancient(CHECKED),
        output:
            checkpoints=[
                keep_or_temp(directory(fill(CHECKPOINT, epochs=epochs, epoch=epoch)), epoch, epochs)
                for epoch in STUDY.checkpoint_epochs(epochs)
            ],
            log=fill(TRAINING_LOG, epochs=epochs),
        log:
            fill(f"{RESULTS}/logs/train/{ONE_RUN}.log", epochs=epochs),
        benchmark:
            fill(f"{RESULTS}/benchmarks/train/{ONE_RUN}.tsv", epochs=epochs)
        conda:
            "../../envs/train.yaml"
        threads: TRAIN_PROCESSES
        resources:
            gpu=gpus("training"),
            mem_mb=mem_mb("training", epochs=epochs),
            runtime=runtime("training", epochs=epochs),
            disk_gb=disk_gb(len(STUDY.checkpoint_epochs(epochs))),
        params:
            settings=settings(STUDY.training),
            size=size_of,
            epochs=epochs,
            checkpoint_epochs=STUDY.checkpoint_epochs(epochs),
            code=code("train.py"),
            work=fill(f"{RUN}/.training", epochs=epochs),  # outlives a job that was interrupted, and is removed by one that ends well
        shell:
            "{ON_GPUS} {resources.gpu} {TRAIN_START} {SCRIPTS}/train.py --base {input.base:q} --identity {input.identity:q} --tokens {input.tokens:q} "
            "--settings {params.settings:q} --lr {wildcards.lr} --epochs {params.epochs} --size {params.size} --seed {wildcards.seed} "
            "--hardware {TRAIN_HARDWARE} --checkpoint-epochs {params.checkpoint_epochs} --checkpoints {output.checkpoints:q} "
            "--gpus {resources.gpu} --code {params.code} --work {params.work:q} --out {output.log:q} 2>&1 | tee {log:q}"
