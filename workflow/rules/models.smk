# Base models.
# Takes the hub, a recipe or a folder. Makes models/: folders with safetensors weights and a tokenizer, and the
# checksums of their files.


rule check_data:
    """Let bad data end a study before a model is pre-trained.

    Pre-training waits for this one file, because the list of datasets may change.
    """
    input:
        expand_pairs(DATA, split=splits_of),
    output:
        touch(f"{RESULTS}/data/checked"),


rule settle_pretraining:
    """Write the settings of a pre-training to a file (see `settle_training`)."""
    output:
        f"{RESULTS}/settings/{models_by('pretrain')}.txt",
    log:
        f"{RESULTS}/logs/settle_pretraining/{{model}}.log",
    conda:
        "../../envs/analyze.yaml"
    params:
        settings=lambda w: settings(STUDY.models[w.model].pretrain),
        templates=lambda w: settings(STUDY.datasets[corpus_dataset(w)], Templates),
        code=code("pretrain_model.py"),
    shell:
        "(printf '%s\\n' {params.settings:q} {params.templates:q} {params.code:q} > {output:q}.partial "
        "&& mv {output:q}.partial {output:q}) 2> {log:q}"


rule pretrain_model:
    """Train a small base model from scratch."""
    input:
        settled=rules.settle_pretraining.output,
        checked=ancient(rules.check_data.output),
        # Generated texts need no data.
        texts=lambda w: (
            []
            if STUDY.models[w.model].pretrain.corpus.generate
            else DATA.format(dataset=corpus_dataset(w), split=TRAIN)
        ),
    output:
        folder=directory(f"{RESULTS}/models/{models_by('pretrain')}"),
        identity=f"{RESULTS}/models/{models_by('pretrain')}.json",
    log:
        f"{RESULTS}/logs/pretrain_model/{{model}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/pretrain_model/{{model}}.tsv"
    conda:
        "../../envs/train.yaml"
    threads: lambda w: STUDY.models[w.model].pretrain.threads
    resources:
        mem_mb=for_pretraining(0),
        runtime=for_pretraining(1),
    params:
        **script("pretrain_model.py"),
        settings=lambda w: settings(STUDY.models[w.model].pretrain),
        templates=lambda w: settings(STUDY.datasets[corpus_dataset(w)], Templates),
    shell:
        "{params.call:q} --settings {params.settings:q} --templates {params.templates:q} --data {input.texts:q} "
        "--out {output.folder:q} --identity {output.identity:q} 2>&1 | tee {log:q}"


rule fetch_model:
    """Download a model from the hub, at its commit."""
    output:
        folder=directory(f"{RESULTS}/models/{models_by('hub')}"),
        identity=f"{RESULTS}/models/{models_by('hub')}.json",
    log:
        f"{RESULTS}/logs/fetch_model/{{model}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/fetch_model/{{model}}.tsv"
    conda:
        "../../envs/train.yaml"
    params:
        **script("fetch_model.py"),
        hub=lambda w: STUDY.models[w.model].hub,
        revision=lambda w: STUDY.models[w.model].revision,
    shell:
        "HF_HUB_OFFLINE=0 {params.call:q} --hub={params.hub:q} --revision={params.revision:q} --out {output.folder:q} "
        "--identity {output.identity:q} 2>&1 | tee {log:q}"


rule identify_model:
    """Take the checksums of a model folder of the user's own."""
    input:
        files_of_model,
    output:
        f"{RESULTS}/models/{models_by('path')}.json",
    log:
        f"{RESULTS}/logs/identify_model/{{model}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/identify_model/{{model}}.tsv"
    conda:
        "../../envs/analyze.yaml"
    params:
        **script("identify_model.py"),
        folder=base_model,
    shell:
        "{params.call:q} --folder {params.folder:q} --out {output:q} 2>&1 | tee {log:q}"
