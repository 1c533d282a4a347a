# Collecting the data that teaches. Takes the scores of a run and a source of new examples; makes training sets, each a
# dataset like any other, and compares the strategies that made them.

from premem.curation.strategies import STRATEGIES

CURATION = f"{RESULTS}/curation"
CURATION_PAGE = f"{CURATION}/curation.md"
TARGETS["curation"] = [CURATION_PAGE] if STUDY.curation else []
CURATED = f"{RUN}/curated/{{strategy}}"
IFD = f"{RUN}/ifd.parquet"
STARTS = [name for name, made in STUDY.rounds.items() if made.previous is None]


def run_before(wildcards):
    """Whose scores tell what to collect: the run that the wildcards name, or the one on a round's previous training set."""
    if "lr" in wildcards.keys():
        return Run(**{name: wildcards[name] for name in Run.model_fields})
    return STUDY.run_of(STUDY.rounds[STUDY.rounds[wildcards.dataset].previous])


def strategy_of(wildcards):
    return wildcards.get("strategy") or STUDY.rounds[wildcards.dataset].strategy


def where_read(needs, pattern):
    """An input function: the pattern for the run before, or its pair, if the strategy reads that."""

    def input_of(wildcards):
        run = run_before(wildcards)
        dataset = STUDY.home(run.dataset) if pattern.startswith(PAIR) else run.dataset
        is_read = STRATEGIES[strategy_of(wildcards)].needs == needs
        return expand(pattern, **{**dict(run), "dataset": dataset}) if is_read else []

    return input_of


def difficulty_if_read(wildcards):
    """What holds the labels, in a list; an empty one where the strategy does not read them."""
    is_read = STRATEGIES[strategy_of(wildcards)].needs == "labels"
    return [STUDY.dataset(wildcards.dataset).difficulty or ""] if is_read else []


def source_of_new(wildcards):
    """Where new examples come from."""
    return STUDY.dataset(wildcards.dataset).new_examples


def pool_of(wildcards):
    source = source_of_new(wildcards)
    return [Path(file).expanduser() for file in source.pool.files or ()] if source and source.pool else []


def writer_of(pattern):
    """The pattern for the model that writes new examples, if one does."""

    def input_of(wildcards):
        source = source_of_new(wildcards)
        return expand(pattern, model=source.write.model) if source and source.write else []

    return input_of


def writer_folder(wildcards):
    source = source_of_new(wildcards)
    return [folder_of_model(source.write.model)] if source and source.write else []


WRITES = any(dataset.new_examples and dataset.new_examples.write for dataset in STUDY.datasets.values())


rule draw_start:
    """Draw the examples that a seed begins with."""
    input:
        lambda w: expand(DATA, dataset=STUDY.home(w.dataset), split=TRAIN),
    output:
        update(fill(DATA, split=TRAIN)),
    log:
        f"{RESULTS}/logs/draw_start/{{dataset}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/draw_start/{{dataset}}.tsv"
    wildcard_constraints:
        dataset=one_of(STARTS),
    conda:
        "../../envs/analyze.yaml"
    params:
        number=lambda w: STUDY.rounds[w.dataset].collected,
        seed=lambda w: STUDY.rounds[w.dataset].seed,
        code=code("draw_start.py"),
    shell:
        "{PYTHON} {SCRIPTS}/draw_start.py --data {input:q} --number {params.number} --seed {params.seed} --out {output:q} 2>&1 | tee {log:q}"


rule measure_ifd:
    """Measure how much the question helps to write the target: after a run's first checkpoint, which has had a little experience."""
    input:
        checkpoint=ancient(lambda w: of_run(CHECKPOINT)(w)[0]),
        trained=TRAINING_LOG,
        tokens=fill(TOKENS, split=TRAIN),
    output:
        IFD,
    log:
        f"{RESULTS}/logs/measure_ifd/{ONE_RUN}.log",
    benchmark:
        f"{RESULTS}/benchmarks/measure_ifd/{ONE_RUN}.tsv"
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
        size=size_of,
        templates=dataset_settings(Templates),
        dtype=STUDY.sampling.dtype,
        code=code("measure_ifd.py"),
    shell:
        "{ON_GPUS} {resources.gpu} {TRAIN_PYTHON} {SCRIPTS}/measure_ifd.py --checkpoint {input.checkpoint:q} --tokens {input.tokens:q} "
        "--size {params.size} --templates {params.templates:q} --dtype {params.dtype} --threads {threads} --gpus {resources.gpu} "
        "--hardware {PERPLEXITY_HARDWARE} --out {output:q} 2>&1 | tee {log:q}"


rule collect_examples:
    """Collect new examples after a round, and put them under what was trained on before."""
    input:
        examples=lambda w: expand(
            DATA, dataset=f"{STUDY.home(w.dataset)}-seed{STUDY.rounds[w.dataset].seed}-round0", split=TRAIN
        ),
        previous=lambda w: expand(DATA, dataset=STUDY.rounds[w.dataset].previous, split=TRAIN),
        tests=test_splits(DATA),
        memorization=where_read("scores", MEMORIZATION),
        threshold=where_read("scores", rules.choose_threshold.output[0]),
        ifd=where_read("ifd", IFD),
        pool=pool_of,
        writer=ancient(writer_folder),
        identity=writer_of(MODEL_IDENTITY),
    output:
        update(fill(DATA, split=TRAIN)),
    log:
        f"{RESULTS}/logs/collect_examples/{{dataset}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/collect_examples/{{dataset}}.tsv"
    wildcard_constraints:
        dataset=one_of(STUDY.rounds.keys() - set(STARTS)),
    conda:
        "../../envs/sample.yaml" if WRITES else "../../envs/analyze.yaml"
    params:
        home=lambda w: STUDY.home(w.dataset),
        number=lambda w: STUDY.rounds[w.dataset].collected,
        round=lambda w: STUDY.rounds[w.dataset].number,
        seed=lambda w: STUDY.rounds[w.dataset].seed,
        strategy=strategy_of,
        difficulty=difficulty_if_read,
        examples=dataset_settings(Examples),
        source=lambda w: source_of_new(w).model_dump_json(),
        settings=settings(STUDY.collection),
        code=code("collect_examples.py"),
    shell:
        "HF_HUB_OFFLINE=0 {SAMPLE_PYTHON} {SCRIPTS}/collect_examples.py --name {params.home} --examples {input.examples:q} "
        "--previous {input.previous:q} --tests {input.tests:q} --memorization {input.memorization:q} --threshold {input.threshold:q} "
        "--ifd {input.ifd:q} --writer {input.writer:q} --strategy {params.strategy} --difficulty {params.difficulty:q} "
        "--number {params.number} --round {params.round} --seed {params.seed} --source {params.source:q} "
        "--example-settings {params.examples:q} --settings {params.settings:q} --hardware {SAMPLE_HARDWARE} --out {output:q} 2>&1 | tee {log:q}"
