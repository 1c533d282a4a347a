# Base models. Takes the hub, a recipe or a folder; makes models/: folders with safetensors weights and a tokenizer, and the
# checksums of their files.


def models_by(source):
    """A wildcard for the models that come from this kind of source."""
    return f"{{model,{one_of(name for name, model in STUDY.models.items() if getattr(model, source))}}}"


def corpus_dataset(wildcards):
    return STUDY.models[wildcards.model].pretrain.corpus.dataset


rule check_data:
    """Let bad data end a study before a model is pre-trained. A file of its own: the list of data sets may change."""
    input:
        expand_pairs(DATA, split=splits_of),
    output:
        touch(f"{RESULTS}/data/checked"),


rule settle_pretraining:
    """Write down what a pre-training depends on (see `settle_training`)."""
    output:
        f"{RESULTS}/settings/{models_by('pretrain')}.txt",
    params:
        settings=lambda w: settings(STUDY.models[w.model].pretrain),
        templates=lambda w: settings(STUDY.datasets[corpus_dataset(w)], Templates),
        code=code("pretrain_model.py"),
    shell:
        "printf '%s\\n' {params.settings:q} {params.templates:q} {params.code} > {output:q}.partial "
        "&& mv {output:q}.partial {output:q}"


rule pretrain_model:
    """Train a small base model from nothing."""
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
        mem_mb=lambda w, attempt: attempt * pretraining(STUDY.models[w.model])[0],
        runtime=lambda w, attempt: attempt * pretraining(STUDY.models[w.model])[1],
    params:
        settings=lambda w: settings(STUDY.models[w.model].pretrain),
        templates=lambda w: settings(STUDY.datasets[corpus_dataset(w)], Templates),
        code=code("pretrain_model.py"),
    shell:
        "{PYTHON} {SCRIPTS}/pretrain_model.py --settings {params.settings:q} --templates {params.templates:q} "
        "--data {input.texts:q} --out {output.folder:q} --identity {output.identity:q} 2>&1 | tee {log:q}"


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
        hub=lambda w: STUDY.models[w.model].hub,
        revision=lambda w: STUDY.models[w.model].revision,
        code=code("fetch_model.py"),
    shell:
        "HF_HUB_OFFLINE=0 {PYTHON} {SCRIPTS}/fetch_model.py --hub {params.hub} --revision {params.revision} "
        "--out {output.folder:q} --identity {output.identity:q} 2>&1 | tee {log:q}"


rule identify_model:
    """Take the checksums of a model folder of the user's own."""
    input:
        lambda w: [file for file in Path(base_model(w)).iterdir() if file.is_file()],
    output:
        f"{RESULTS}/models/{models_by('path')}.json",
    log:
        f"{RESULTS}/logs/identify_model/{{model}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/identify_model/{{model}}.tsv"
    conda:
        "../../envs/analyze.yaml"
    params:
        folder=base_model,
        code=code("identify_model.py"),
    shell:
        "{PYTHON} {SCRIPTS}/identify_model.py --folder {params.folder:q} --out {output:q} 2>&1 | tee {log:q}"
