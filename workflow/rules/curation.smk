# Which new examples teach most?
# Takes the scores of a run and a source of new examples. Makes training sets, each a dataset like any other, and
# compares the strategies that made them.

CURATION = f"{RESULTS}/curation"
CURATION_PAGE = f"{CURATION}/curation.md"
TARGETS["curation"] = [CURATION_PAGE] if STUDY.curation else []
CURATED = f"{RUN}/curated/{{strategy}}"
IFD = f"{RUN}/ifd.parquet"
LAST_GRADES = f"{RUN}/last_grades.parquet"

STARTS = [name for name, made in STUDY.rounds.items() if made.previous is None]
SOURCES = {name: dataset.new_examples for name, dataset in STUDY.datasets.items() if dataset.new_examples}
WITH_POOL = [name for name, source in SOURCES.items() if source.pool]
WRITERS = [source.write for source in SOURCES.values() if source.write]
WRITES_WITH_VLLM = any(writer.sampling.backend == "vllm" for writer in WRITERS)
COLLECT_ENV = f"../../envs/{'vllm' if WRITES_WITH_VLLM else 'sample' if WRITERS else 'analyze'}.yaml"


rule prepare_pool:
    """Read and check the pool of a dataset; it may need the network."""
    input:
        lambda w: files_of(source_of_new(w).pool),
    output:
        update(fill(DATA, split=POOL)),
    log:
        f"{RESULTS}/logs/prepare_pool/{{dataset}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/prepare_pool/{{dataset}}.tsv"
    wildcard_constraints:
        dataset=one_of(WITH_POOL),
    conda:
        "../../envs/analyze.yaml"
    params:
        **script("prepare_pool.py"),
        pool=lambda w: source_of_new(w).pool.model_dump_json(exclude={"rows"}),
        settings=dataset_settings(Reading),
    shell:
        "HF_HUB_OFFLINE=0 {params.call:q} --name {wildcards.dataset:q} --pool {params.pool:q} "
        "--settings {params.settings:q} --out {output:q} 2>&1 | tee {log:q}"


rule draw_start:
    """Draw the training examples that a seed of curation begins with."""
    input:
        source_train_split,
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
        **script("draw_start.py"),
        number=lambda w: round_of(w).collected,
        seed=lambda w: round_of(w).seed,
    shell:
        "{params.call:q} --data {input:q} --number {params.number:q} --seed {params.seed:q} --out {output:q} 2>&1 | "
        "tee {log:q}"


rule measure_ifd:
    """Measure how much the question helps to write the target, at a run's first checkpoint."""
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
        disk_gb=disk_gb(),
    params:
        **gpu_script("measure_ifd.py", "train", STUDY.hardware.perplexity),
        subset=subset_of(),
        templates=dataset_settings(Templates),
        dtype=STUDY.sampling.dtype,
    shell:
        "{params.call:q} --checkpoint {input.checkpoint:q} --tokens {input.tokens:q} --subset {params.subset:q} "
        "--templates {params.templates:q} --dtype {params.dtype:q} --threads {threads} --gpus {resources.gpu} "
        "--hardware {params.hardware:q} --out {output:q} 2>&1 | tee {log:q}"


# The next two rules take seconds, unless a model writes the examples. They then ask for what sampling asks for.
rule collect_examples:
    """Collect new examples after a round, and put them under what was trained on before."""
    input:
        examples=start_of,
        previous=previous_of,
        tests=test_splits(DATA),
        memorization=where_read("scores", MEMORIZATION),
        threshold=where_read("scores", rules.choose_threshold.output[0]),
        ifd=where_read("ifd", IFD),
        pool=pool_of,
        writer=ancient(writer_folder),
        identity=writer_of(MODEL_IDENTITY),
    output:
        table=update(fill(DATA, split=TRAIN)),
        jsonl=[],
        page=[],
    log:
        f"{RESULTS}/logs/collect_examples/{{dataset}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/collect_examples/{{dataset}}.tsv"
    wildcard_constraints:
        dataset=one_of(STUDY.rounds.keys() - set(STARTS)),
    conda:
        COLLECT_ENV
    resources:
        **for_collecting(WRITERS),
    params:
        **gpu_script("collect_examples.py", "sample" if WRITERS else None, STUDY.hardware.sample),
        number=lambda w: round_of(w).collected,
        seed=lambda w: round_of(w).seed,
        subset=settings(Subset(size=1, holdout=0, run="")),
        title="{dataset}",
        strategy=strategy_of,
        difficulty=difficulty_if_read,
        reading=dataset_settings(Reading),
        source=source_as_json,
        settings=collection_read,
    shell:
        "{params.call:q} --examples {input.examples:q} --previous {input.previous:q} --tests {input.tests:q} "
        "--memorization {input.memorization:q} --threshold {input.threshold:q} --ifd {input.ifd:q} "
        "--pool {input.pool:q} --writer {input.writer:q} --strategy {params.strategy:q} "
        "--difficulty {params.difficulty:q} --number {params.number:q} --seed {params.seed:q} --subset {params.subset:q} "
        "--source {params.source:q} --reading {params.reading:q} --settings {params.settings:q} "
        "--hardware {params.hardware:q} --title {params.title:q} --out {output.table:q} --jsonl {output.jsonl:q} "
        "--page {output.page:q} 2>&1 | tee {log:q}"


use rule collect_examples as curate_run with:
    input:
        examples=fill(DATA, split=TRAIN),
        previous=[],
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
    params:
        number=STUDY.collection.num_examples,
        seed="{seed}",
        subset=subset_of(),
        title=f"New examples for {ONE_RUN}",
        strategy="{strategy}",


# A round is tested at its last checkpoint. Where no later round reads its scores, nothing else is sampled.
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
        checkpoint_epochs="{epochs}",


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
        **script("compare_curation.py"),
        rounds=described_rounds,
        test_set=lambda w: STUDY.predicted_test_set(STUDY.curation.model, STUDY.curation.dataset),
        grader=STUDY.grading.grader,
        difficulty=lambda w: [STUDY.dataset(STUDY.curation.dataset).difficulty or ""],
        title=lambda w: f"{STUDY.curation.model} on {STUDY.curation.dataset}",
        collection=STUDY.collection.model_dump_json(exclude={"num_examples"}),
        threshold=lambda w: STUDY.threshold_source(STUDY.curation.model, STUDY.curation.dataset),
        statistics=settings(STUDY.statistics),
        settings=settings(STUDY.figures),
    shell:
        "{params.call:q} --rounds {params.rounds:q} --grades {input.grades:q} --data {input.data:q} "
        "--test-set {params.test_set:q} --grader {params.grader:q} --difficulty {params.difficulty:q} "
        "--title {params.title:q} --collection {params.collection:q} --threshold {params.threshold:q} "
        "--statistics {params.statistics:q} --settings {params.settings:q} --accuracy {output.accuracy:q} "
        "--efficiency {output.efficiency:q} --collected {output.collected:q} --figures {output.figures:q} "
        "--out {output.page:q} 2>&1 | tee {log:q}"
