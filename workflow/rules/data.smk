# From a dataset's source to token ids.
# Takes the hub, local files or a generator. Makes data/ and tokens/.
# An old table stays until a whole new one takes its place (`update`), so that a bad edit loses nothing.


rule prepare_data:
    """Read and check one split. It may need the network."""
    input:
        lambda w: files_of(source_of()(w)),
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
        **script("prepare_data.py"),
        source=lambda w: source_of()(w).model_dump_json(exclude={"rows"}),
        train=lambda w: source_of(TRAIN)(w).model_dump_json(exclude={"rows"}),
        settings=dataset_settings(Reading),
    shell:
        "HF_HUB_OFFLINE=0 {params.call:q} --name {wildcards.dataset:q} --split {wildcards.split:q} "
        "--source {params.source:q} --train {params.train:q} --settings {params.settings:q} --out {output:q} 2>&1 | "
        "tee {log:q}"


rule tokenize_data:
    """Split prompts and targets into tokens, for one model. Refuse or leave out what does not fit its context."""
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
        **script("tokenize_data.py"),
        settings=dataset_settings(Templates),
        bad_examples=lambda w: STUDY.dataset(w.dataset).bad_examples,
    shell:
        "{params.call:q} --name {wildcards.dataset:q} --split {wildcards.split:q} --settings {params.settings:q} "
        "--bad-examples {params.bad_examples:q} --data {input.data:q} --model {input.model:q} --out {output:q} 2>&1 | "
        "tee {log:q}"


rule check_fit:
    """Refuse what could not be sampled, before anything is trained. Rounds of curation also wait for their pool."""
    input:
        tokens=all_splits(TOKENS),
        pool=pool_of_rounds,
    output:
        CHECKED,
    log:
        f"{RESULTS}/logs/check_fit/{{model}}/{{dataset}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/check_fit/{{model}}/{{dataset}}.tsv"
    conda:
        "../../envs/train.yaml"
    params:
        **script("check_fit.py"),
        model=base_model,
        max_new_tokens=STUDY.sampling.max_new_tokens,
        vllm_python=vllm_python(),
        shared=lambda w: STUDY.dataset(w.dataset).shared_questions,
    shell:
        "{params.call:q} --tokens {input.tokens:q} --name {wildcards.model:q} --model {params.model:q} "
        "--max-new-tokens {params.max_new_tokens:q} --dataset {wildcards.dataset:q} "
        "--shared-questions {params.shared:q} {params.vllm_python:q} --out {output:q} 2>&1 | tee {log:q}"
