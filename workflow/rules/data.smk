# From a dataset's source to token ids. Takes the hub, local files or a generator; makes data/ and tokens/. Old tables stay
# until whole new ones take their place (`update`), so that a bad edit loses nothing.


rule prepare_data:
    """Read and check one split; it may need the network."""
    input:
        lambda w: [Path(file).expanduser() for file in source_of()(w).files or []],
    output:
        update(DATA),
    log:
        f"{RESULTS}/logs/prepare_data/{{dataset}}/{{split}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/prepare_data/{{dataset}}/{{split}}.tsv"
    wildcard_constraints:
        dataset=one_of(STUDY.datasets),
    conda:
        "../../envs/analyze.yaml"
    params:
        source=lambda w: source_of()(w).model_dump_json(exclude={"rows"}),
        train=lambda w: source_of(TRAIN)(w).model_dump_json(exclude={"rows"}),
        settings=dataset_settings(Reading),
        code=code("prepare_data.py"),
    shell:
        "HF_HUB_OFFLINE=0 {PYTHON} {SCRIPTS}/prepare_data.py --name {wildcards.dataset} --split {wildcards.split} "
        "--source {params.source:q} --train {params.train:q} --settings {params.settings:q} --out {output:q} 2>&1 | tee {log:q}"


rule tokenize_data:
    """Split prompts and targets into tokens, for one model; refuse or leave out what does not fit its context."""
    input:
        data=DATA,
        model=ancient(base_model),
        identity=MODEL_IDENTITY,
    output:
        update(TOKENS),
    log:
        f"{RESULTS}/logs/tokenize_data/{{model}}/{{dataset}}/{{split}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/tokenize_data/{{model}}/{{dataset}}/{{split}}.tsv"
    conda:
        "../../envs/train.yaml"
    params:
        settings=dataset_settings(Templates),
        bad_examples=lambda w: STUDY.dataset(w.dataset).bad_examples,
        code=code("tokenize_data.py"),
    shell:
        "{PYTHON} {SCRIPTS}/tokenize_data.py --name {wildcards.dataset} --split {wildcards.split} "
        "--settings {params.settings:q} --bad-examples {params.bad_examples} "
        "--data {input.data:q} "
        "--model {input.model:q} --out {output:q} 2>&1 | tee {log:q}"


rule check_fit:
    """Refuse what could not be sampled, before it is trained (see `CHECKED`); where rounds follow, wait for their pool."""
    input:
        tokens=all_splits(TOKENS),
        pool=lambda w: pool_of(w) if w.dataset in STUDY.rounds else [],
    output:
        CHECKED,
    log:
        f"{RESULTS}/logs/check_fit/{{model}}/{{dataset}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/check_fit/{{model}}/{{dataset}}.tsv"
    conda:
        "../../envs/train.yaml"
    params:
        model=base_model,
        max_new_tokens=STUDY.sampling.max_new_tokens,
        code=code("check_fit.py"),
    shell:
        "{PYTHON} {SCRIPTS}/check_fit.py --tokens {input.tokens:q} --name {wildcards.model} --model {params.model:q} "
        "--max-new-tokens {params.max_new_tokens} {VLLM_PYTHON} --out {output:q} 2>&1 | tee {log:q}"
