# Collecting the data that teaches. Takes the scores of a run and a source of new examples; makes training sets, each a
# dataset like any other, and compares the strategies that made them.

from premem.analysis.curation.strategies import STRATEGIES
from premem.jobs.resources import UNKNOWN_MINUTES

CURATION = f"{RESULTS}/curation"
CURATION_PAGE = f"{CURATION}/curation.md"
TARGETS["curation"] = [CURATION_PAGE] if STUDY.curation else []
CURATED = f"{RUN}/curated/{{strategy}}"
IFD = f"{RUN}/ifd.parquet"
LAST_GRADES = f"{RUN}/last_grades.parquet"
STARTS = [name for name, made in STUDY.rounds.items() if made.previous is None]


def run_before(wildcards):
    """Whose scores tell what to collect: the run that the wildcards name, or the one on a round's previous training set."""
    if "lr" in wildcards.keys():
        return Run(**{name: wildcards[name] for name in Run.model_fields})
    return STUDY.run_of(STUDY.rounds[STUDY.rounds[wildcards.dataset].previous])


def strategy_of(wildcards):
    return wildcards.get("strategy") or STUDY.rounds[wildcards.dataset].strategy


def where_read(needs, pattern):
    """An input function: the pattern for the run before, or for its pair, if the strategy reads that."""

    def input_of(wildcards):
        if STRATEGIES[strategy_of(wildcards)].needs != needs:
            return []
        run = run_before(wildcards)
        return of_source_pair(pattern)(run) if pattern.startswith(PAIR) else expand(pattern, **dict(run))

    return input_of


def difficulty_if_read(wildcards):
    """What holds the labels, in a list; an empty one where the strategy does not read them."""
    is_read = STRATEGIES[strategy_of(wildcards)].needs == "labels"
    return [STUDY.dataset(wildcards.dataset).difficulty or ""] if is_read else []


def collection_read(wildcards):
    """The keys of `collection` that the strategy reads, and those that all do, as JSON."""
    reads = {"ngram", "fallback", *STRATEGIES[strategy_of(wildcards)].reads}
    return STUDY.collection.model_dump_json(include=reads)


def source_of_new(wildcards):
    """Where new examples come from."""
    return STUDY.dataset(wildcards.dataset).new_examples


def source_as_json(wildcards):
    source = source_of_new(wildcards)
    if not source:
        dataset = STUDY.source_dataset(wildcards.dataset)
        raise WorkflowError(
            f"datasets.{dataset}.new_examples: nothing says where new examples come from; give generate, pool or write"
        )
    return source.model_dump_json()


def pool_of(wildcards):
    """The rows that new examples are collected from, if they come from a pool."""
    source = source_of_new(wildcards)
    return expand(DATA, dataset=STUDY.source_dataset(wildcards.dataset), split=POOL) if source and source.pool else []


def writer_of(pattern):
    """The pattern for the model that writes new examples, if one does."""

    def input_of(wildcards):
        source = source_of_new(wildcards)
        return expand(pattern, model=source.write.model) if source and source.write else []

    return input_of


def writer_folder(wildcards):
    source = source_of_new(wildcards)
    return [folder_of_model(source.write.model)] if source and source.write else []


HAVE_POOL = [name for name, dataset in STUDY.datasets.items() if dataset.new_examples and dataset.new_examples.pool]
WRITERS = [
    dataset.new_examples.write
    for dataset in STUDY.datasets.values()
    if dataset.new_examples and dataset.new_examples.write
]


# As in prepare_data, what another edit may want back stays until a whole new one is there.
rule prepare_pool:
    """Read and check the pool of a dataset; it may need the network."""
    input:
        lambda w: [Path(file).expanduser() for file in source_of_new(w).pool.files or []],
    output:
        update(fill(DATA, split=POOL)),
    log:
        f"{RESULTS}/logs/prepare_pool/{{dataset}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/prepare_pool/{{dataset}}.tsv"
    wildcard_constraints:
        dataset=one_of(HAVE_POOL),
    conda:
        "../../envs/analyze.yaml"
    params:
        pool=lambda w: source_of_new(w).pool.model_dump_json(exclude={"rows"}),
        settings=dataset_settings(Reading),
        code=code("prepare_pool.py"),
    shell:
        "HF_HUB_OFFLINE=0 {PYTHON} {SCRIPTS}/prepare_pool.py --name {wildcards.dataset} --pool {params.pool:q} "
        "--settings {params.settings:q} --out {output:q} 2>&1 | tee {log:q}"


rule draw_start:
    """Draw the examples that a seed begins with."""
    input:
        lambda w: expand(DATA, dataset=STUDY.source_dataset(w.dataset), split=TRAIN),
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


# Both rules below run the same script. A model that writes needs what sampling needs; otherwise they take seconds.
if WRITERS:
    COLLECT_PYTHON = SAMPLE_PYTHON
    COLLECT_ENV = (
        "../../envs/vllm.yaml"
        if any(writer.sampling.backend == "vllm" for writer in WRITERS)
        else "../../envs/sample.yaml"
    )
    WRITER_WEIGHTS = max(weights_of(writer.model) for writer in WRITERS)
    COLLECT_RESOURCES = {
        "gpu": gpus("sampling"),
        "mem_mb": lambda w, attempt: attempt * memory_mb(STUDY, "sampling", WRITER_WEIGHTS),
        "runtime": lambda w, attempt: attempt * UNKNOWN_MINUTES,
    }
else:
    COLLECT_PYTHON, COLLECT_ENV, COLLECT_RESOURCES = PYTHON, "../../envs/analyze.yaml", {"gpu": 0}
COLLECT = (
    "{ON_GPUS} {resources.gpu} {COLLECT_PYTHON} {SCRIPTS}/collect_examples.py "
    "--examples {input.examples:q} --tests {input.tests:q} --memorization {input.memorization:q} --threshold {input.threshold:q} "
    "--ifd {input.ifd:q} --pool {input.pool:q} --writer {input.writer:q} --strategy {params.strategy} --difficulty {params.difficulty:q} "
    "--number {params.number} --seed {params.seed} --source {params.source:q} --reading {params.reading:q} "
    "--settings {params.settings:q} --hardware {SAMPLE_HARDWARE} --title {params.title:q} "
)


rule collect_examples:
    """Collect new examples after a round, and put them under what was trained on before."""
    input:
        examples=lambda w: expand(
            DATA, dataset=f"{STUDY.source_dataset(w.dataset)}-seed{STUDY.rounds[w.dataset].seed}-round0", split=TRAIN
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
        COLLECT_ENV
    resources:
        **COLLECT_RESOURCES,
    params:
        number=lambda w: STUDY.rounds[w.dataset].collected,
        seed=lambda w: STUDY.rounds[w.dataset].seed,
        title="{dataset}",
        strategy=strategy_of,
        difficulty=difficulty_if_read,
        reading=dataset_settings(Reading),
        source=source_as_json,
        settings=collection_read,
        code=code("collect_examples.py"),
    shell:
        COLLECT + "--size 1 --previous {input.previous:q} --out {output:q} 2>&1 | tee {log:q}"


rule curate_run:
    """Collect new examples after any run: the curated training file, and a page that says what was selected and why."""
    input:
        examples=fill(DATA, split=TRAIN),
        tests=test_splits(DATA),
        memorization=where_read("scores", MEMORIZATION),
        threshold=where_read("scores", rules.choose_threshold.output[0]),
        ifd=where_read("ifd", IFD),
        pool=pool_of,
        writer=ancient(writer_folder),
        identity=writer_of(MODEL_IDENTITY),
    output:
        table=update(f"{CURATED}.parquet"),
        jsonl=update(f"{CURATED}.jsonl"),
        page=update(f"{CURATED}.md"),
    log:
        f"{RESULTS}/logs/curate_run/{ONE_RUN}/{{strategy}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/curate_run/{ONE_RUN}/{{strategy}}.tsv"
    wildcard_constraints:
        strategy=one_of(STRATEGIES),
    conda:
        COLLECT_ENV
    resources:
        **COLLECT_RESOURCES,
    params:
        number=STUDY.collection.num_examples,
        seed="{seed}",
        size=size_of,
        title=f"New examples for {ONE_RUN}",
        strategy="{strategy}",
        difficulty=difficulty_if_read,
        reading=dataset_settings(Reading),
        source=source_as_json,
        settings=collection_read,
        code=code("collect_examples.py"),
    shell:
        COLLECT + "--size {params.size} --previous --out {output.table:q} --jsonl {output.jsonl:q} --page {output.page:q} 2>&1 | tee {log:q}"


# A round is tested after its last checkpoint; where no later round reads its scores, nothing else is sampled.
use rule grade_samples as grade_last_samples with:
    input:
        samples=LAST_TEST_SAMPLES,
        data=test_splits(DATA),
    output:
        LAST_GRADES,
    log:
        f"{RESULTS}/logs/grade_last_samples/{ONE_RUN}.log",
    benchmark:
        f"{RESULTS}/benchmarks/grade_last_samples/{ONE_RUN}.tsv"
    params:
        checkpoint_epochs=lambda w: w.epochs,
        answers=lambda w: STUDY.dataset(w.dataset).answers,
        time_limit=STUDY.grading.time_limit,
        code=code("grade.py"),


rule compare_curation:
    """Compare the strategies: test accuracy, gain and data efficiency."""
    input:
        grades=lambda w: expand_runs(LAST_GRADES, map(STUDY.run_of, STUDY.rounds.values())),
        data=lambda w: expand(DATA, dataset=STUDY.rounds, split=TRAIN),
    output:
        accuracy=f"{CURATION}/accuracy.csv",
        efficiency=f"{CURATION}/efficiency.csv",
        collected=f"{CURATION}/collected.csv",
        figures=[
            report(f"{CURATION}/curation.{format}", caption="../report/curation.rst", category="Curation")
            for format in STUDY.figures.formats
        ],
        page=report(CURATION_PAGE, caption="../report/curation.rst", category="Curation"),
    log:
        f"{RESULTS}/logs/compare_curation.log",
    benchmark:
        f"{RESULTS}/benchmarks/compare_curation.tsv"
    conda:
        "../../envs/analyze.yaml"
    params:
        rounds=lambda w: json.dumps(
            [
                {
                    "strategy": made.strategy or "start",
                    "seed": made.seed,
                    "round": made.number,
                    "new_examples": made.num_examples - STUDY.curation.start,
                }
                for made in STUDY.rounds.values()
            ]
        ),
        test_set=lambda w: STUDY.predicted_test_set(STUDY.curation.model, STUDY.curation.dataset),
        grader=STUDY.grading.grader,
        difficulty=lambda w: [STUDY.dataset(STUDY.curation.dataset).difficulty or ""],
        title=lambda w: f"{STUDY.curation.model} on {STUDY.curation.dataset}",
        collection=STUDY.collection.model_dump_json(exclude={"num_examples"}),
        threshold=STUDY.threshold.model_dump_json(include={"value"}),
        statistics=settings(STUDY.statistics),
        settings=settings(STUDY.figures),
        code=code("compare_curation.py"),
    shell:
        "{PYTHON} {SCRIPTS}/compare_curation.py --rounds {params.rounds:q} --grades {input.grades:q} --data {input.data:q} "
        "--test-set {params.test_set} --grader {params.grader} --difficulty {params.difficulty:q} --title {params.title:q} "
        "--collection {params.collection:q} --threshold {params.threshold:q} --statistics {params.statistics:q} --settings {params.settings:q} "
        "--accuracy {output.accuracy:q} --efficiency {output.efficiency:q} --collected {output.collected:q} "
        "--figures {output.figures:q} --out {output.page:q} 2>&1 | tee {log:q}"
