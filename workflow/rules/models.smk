# Base models. Takes the hub or a recipe; makes models/, folders with safetensors weights and a tokenizer.


def corpus_dataset(wildcards):
    return STUDY.models[wildcards.model].pretrain.corpus.dataset


rule pretrain_model:
    """Train a small base model from nothing."""
    input:
        checked=ancient(expand_pairs(DATA, split=splits_of)),  # bad data end the study before this
        # Generated texts need no data.
        texts=lambda w: (
            []
            if STUDY.models[w.model].pretrain.corpus.generate
            else DATA.format(dataset=corpus_dataset(w), split=TRAIN)
        ),
    output:
        directory(f"{RESULTS}/models/{{model,{one_of(name for name, m in STUDY.models.items() if m.pretrain)}}}"),
    log:
        f"{RESULTS}/logs/pretrain_model/{{model}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/pretrain_model/{{model}}.tsv"
    conda:
        "../../envs/train.yaml"
    threads: lambda w: STUDY.models[w.model].pretrain.threads
    resources:
        mem_mb=lambda w, attempt: 4000 * attempt,
        runtime=lambda w, attempt: 120 * attempt,
    params:
        settings=lambda w: settings(STUDY.models[w.model].pretrain),
        templates=lambda w: settings(STUDY.datasets[corpus_dataset(w)], Templates),
        code=code("pretrain_model.py"),
    shell:
        "{PYTHON} {SCRIPTS}/pretrain_model.py --settings {params.settings:q} --templates {params.templates:q} "
        "--data {input.texts:q} --out {output:q} 2>&1 | tee {log:q}"


rule fetch_model:
    """Download a model from the hub, at its commit."""
    input:
        checked=ancient(expand_pairs(DATA, split=splits_of)),
    output:
        directory(f"{RESULTS}/models/{{model,{one_of(name for name, m in STUDY.models.items() if m.hub)}}}"),
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
        "--out {output:q} 2>&1 | tee {log:q}"
