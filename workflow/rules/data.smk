# From a dataset's source to token ids. Takes the hub, local files or a generator; makes data/ and tokens/.


rule prepare_data:
    """Read and check one split; the only rule, with fetch_model, that touches the network."""
    input:
        lambda w: [Path(file).expanduser() for file in source_of()(w).files or []],
    output:
        DATA,
    log:
        f"{RESULTS}/logs/prepare_data/{{dataset}}/{{split}}.log",
    conda:
        "../../envs/analyze.yaml"
    params:
        source=lambda w: settings(source_of()(w)),
        train=lambda w: settings(source_of(TRAIN)(w)),
        settings=dataset_settings(Examples),
        code=code("prepare_data.py"),
    shell:
        "HF_HUB_OFFLINE=0 {PYTHON} {SCRIPTS}/prepare_data.py --name {wildcards.dataset} --split {wildcards.split} "
        "--source {params.source:q} --train {params.train:q} --settings {params.settings:q} --out {output} 2>&1 | tee {log}"


rule tokenize_data:
    """Split prompts and targets into tokens, for one model; refuse or leave out what does not fit its context."""
    input:
        data=DATA,
        model=base_model,
    output:
        TOKENS,
    log:
        f"{RESULTS}/logs/tokenize_data/{{model}}/{{dataset}}/{{split}}.log",
    conda:
        "../../envs/train.yaml"
    params:
        settings=dataset_settings(Templates),
        bad_examples=lambda w: STUDY.datasets[w.dataset].bad_examples,
        max_new_tokens=STUDY.sampling.max_new_tokens,
        code=code("tokenize_data.py"),
    shell:
        "{PYTHON} {SCRIPTS}/tokenize_data.py --name {wildcards.dataset} --split {wildcards.split} "
        "--settings {params.settings:q} --bad-examples {params.bad_examples} "
        "--max-new-tokens {params.max_new_tokens} --data {input.data} "
        "--model {input.model} --out {output} 2>&1 | tee {log}"
