# Input functions and params of curation: what a strategy reads, and where new examples come from.
# Takes the study and the patterns of paths.smk.

from premem.analysis.curation.strategies import STRATEGIES


def round_of(wildcards):
    """Return the round of curation that makes the dataset that the wildcards name."""
    return STUDY.rounds[wildcards.dataset]


def run_before(wildcards):
    """Return the run whose scores tell what to collect: the one that the wildcards name, or the one before a round."""
    if "lr" in wildcards.keys():
        return Run(**{name: wildcards[name] for name in Run.model_fields})
    return STUDY.run_of(STUDY.rounds[round_of(wildcards).previous])


def strategy_of(wildcards):
    """Return the strategy that collects."""
    return wildcards.get("strategy") or round_of(wildcards).strategy


def start_of(wildcards):
    """Return the training set that the seed of a round began with."""
    made = round_of(wildcards)
    return expand(DATA, dataset=f"{made.source_dataset}-seed{made.seed}-round0", split=TRAIN)


def previous_of(wildcards):
    """Return the training set before a round."""
    return expand(DATA, dataset=round_of(wildcards).previous, split=TRAIN)


def source_train_split(wildcards):
    """Return the training examples of the dataset that a round belongs to."""
    return expand(DATA, dataset=STUDY.source_dataset(wildcards.dataset), split=TRAIN)


def where_read(needs, pattern):
    """Return an input function: the pattern for the run before, or for its pair, if the strategy reads that."""

    def input_of(wildcards):
        if STRATEGIES[strategy_of(wildcards)].needs != needs:
            return []
        run = run_before(wildcards)
        return of_source_pair(pattern)(run) if pattern.startswith(PAIR) else expand(pattern, **dict(run))

    return input_of


def difficulty_if_read(wildcards):
    """Return the column of difficulty labels in a list; an empty list where the strategy does not read them."""
    is_read = STRATEGIES[strategy_of(wildcards)].needs == "labels"
    return [STUDY.dataset(wildcards.dataset).difficulty or ""] if is_read else []


def collection_read(wildcards):
    """Return the keys of `collection` that the strategy reads, and those that all strategies do, as JSON."""
    reads = {"ngram", "fallback", *STRATEGIES[strategy_of(wildcards)].reads}
    return STUDY.collection.model_dump_json(include=reads)


# --- where new examples come from ---


def source_of_new(wildcards):
    """Return the source of new examples, if the dataset has one."""
    return STUDY.dataset(wildcards.dataset).new_examples


def source_as_json(wildcards):
    """Return the source of new examples as JSON."""
    if source := source_of_new(wildcards):
        return source.model_dump_json()
    raise WorkflowError(
        f"datasets.{STUDY.source_dataset(wildcards.dataset)}.new_examples: nothing says where new examples come from; "
        "give generate, pool or write"
    )


def pool_of(wildcards):
    """Return the rows that new examples are collected from, if they come from a pool."""
    source = source_of_new(wildcards)
    return expand(DATA, dataset=STUDY.source_dataset(wildcards.dataset), split=POOL) if source and source.pool else []


def pool_of_rounds(wildcards):
    """Return the pool of a dataset that rounds extend."""
    return pool_of(wildcards) if wildcards.dataset in STUDY.rounds else []


def writer_of(pattern):
    """Return an input function: the pattern for the model that writes new examples, if one does."""

    def input_of(wildcards):
        source = source_of_new(wildcards)
        return expand(pattern, model=source.write.model) if source and source.write else []

    return input_of


def writer_folder(wildcards):
    """Return the folder of the model that writes new examples, in a list; an empty list if none does."""
    source = source_of_new(wildcards)
    return [folder_of_model(source.write.model)] if source and source.write else []


# --- the comparison ---


def described_rounds(wildcards):
    """Return what the comparison says of each round, as JSON."""
    described = [
        {
            "strategy": made.strategy or "start",
            "seed": made.seed,
            "round": made.number,
            "new_examples": made.num_examples - STUDY.curation.start,
        }
        for made in STUDY.rounds.values()
    ]
    return json.dumps(described)
