# Input functions: which files a job reads, by its wildcards.
# Takes the study and the patterns of paths.smk.


def models_by(source):
    """Return a wildcard for the models that come from this kind of source."""
    return f"{{model,{one_of(name for name, model in STUDY.models.items() if getattr(model, source))}}}"


def folder_of_model(model):
    """Return the folder of a base model: the user's own, or the one that a rule makes."""
    own = STUDY.models[model].path
    return own_path(own) if own else BASE_MODEL.format(model=model)


def base_model(wildcards):
    """Return the folder of the base model that the wildcards name."""
    return folder_of_model(wildcards.model)


def files_of_model(wildcards):
    """Return the files of a model folder of the user's own."""
    return [file for file in Path(base_model(wildcards)).iterdir() if file.is_file()]


# --- splits ---


def files_of(source):
    """Return the files of the user's own that rows are read from."""
    return [own_path(file) for file in source.files or []]


@cache  # every checkpoint of a pair asks for the same
def _of_splits(pattern, model, dataset, splits):
    # A round of curation makes a training set. Its test sets are those of the dataset that it belongs to.
    sources = {split: dataset if split == TRAIN else STUDY.source_dataset(dataset) for split in splits}
    return [
        path for split, source in sources.items() for path in expand(pattern, model=model, dataset=source, split=split)
    ]


def all_splits(pattern):
    """Return the pattern for the training set and every test set of the dataset that the wildcards name."""
    return lambda w: _of_splits(pattern, w.get("model"), w.dataset, (TRAIN, *STUDY.dataset(w.dataset).test))


def test_splits(pattern):
    """Return the pattern for every test set of the dataset that the wildcards name, the predicted one first."""
    return lambda w: _of_splits(pattern, w.get("model"), w.dataset, tuple(STUDY.dataset(w.dataset).test))


# --- runs and pairs ---


def of_run(pattern):
    """Return the pattern at every checkpoint of the run that the wildcards name."""
    return lambda w: [pattern.format(**{**w, "epoch": epoch}) for epoch in epochs_of_checkpoints(w)]


def at_checkpoints(pattern, epochs):
    """Return the pattern at every checkpoint of a run of this many epochs."""
    return [fill(pattern, epochs=epochs, epoch=epoch) for epoch in STUDY.checkpoint_epochs(epochs)]


def of_pair(pattern):
    """Return the pattern for every run of the pair that the wildcards name."""
    return lambda w: expand_runs(pattern, STUDY.runs_of(w.model, w.dataset))


def of_perturbed_runs(pattern):
    """Return the pattern for every run of the pair with checkpoints that are sampled with perturbed prompts."""
    return lambda w: expand_runs(
        pattern, [run for run in STUDY.runs_of(w.model, w.dataset) if STUDY.perturbed_epochs(run.epochs)]
    )


def from_source(sources, pattern):
    """Return the pattern for the pair if its p comes from one of these sources; otherwise nothing."""
    return lambda w: expand(pattern, **w) if threshold_source(w) in sources else []


def of_source_pair(pattern):
    """Return the pattern for the pair whose p a run uses: its own, or the one that its round of curation belongs to."""
    return lambda w: expand(pattern, model=w.model, dataset=STUDY.source_dataset(w.dataset))


def of_other_pairs(pattern):
    """Return the pattern for every pair but the one that the wildcards name."""
    return lambda w: expand_pairs(pattern, [pair for pair in STUDY.judged_pairs if pair != (w.model, w.dataset)])


def of_models(pattern):
    """Return the pattern for every model that has results on the dataset that the wildcards name."""
    return lambda w: expand(pattern, model=models_on(w), dataset=w.dataset)


# --- imported results ---


def release_folder(wildcards):
    """Return the folder with the runs of a release: the user's own, or the one that a rule makes."""
    own = STUDY.local_release
    return own_path(own) if own else RELEASE.format(**wildcards)


def imported_files(wildcards):
    """Return the files that a pair's imported results are read from."""
    entry = imported(wildcards)
    if entry.tables:
        return [own_path(file) for files in entry.tables.files.values() for file in files]
    if not STUDY.local_release:
        return f"{RELEASE}.json"
    return sorted(Path(release_folder(wildcards)).glob(f"{entry.release.runs}_*/**/*.npy"))


# --- analyses ---


def tell_left_out(analysis, left_out, paths):
    """Return an input function of these paths that says, when the analysis is asked for, which pairs are left out."""
    untold = [*left_out]

    def target(_):
        while untold:
            logger.warning(f"{analysis}: {untold.pop(0)}; left out")
        return paths

    return target


def without_labels():
    """Say which pairs are left out by analyses that compare with test accuracy."""
    for model, dataset in STUDY.judged_pairs:
        if (model, dataset) not in STUDY.labelled_pairs:
            yield f"{model} on {dataset}: no test set has labels to compare with"


def not_perturbed():
    """Say which pairs the analysis of robustness leaves out, and why."""
    for model, dataset in STUDY.judged_pairs:
        if (model, dataset) in STUDY.imported:
            yield f"{model} on {dataset}: imported results come without texts and checkpoints"
        elif not STUDY.perturbations_of(dataset):
            yield f"{model} on {dataset}: the dataset has no perturbations (datasets.{dataset}.perturbations)"
        elif (model, dataset) not in STUDY.perturbed_pairs:
            yield f"{model} on {dataset}: no run has a checkpoint of robustness.checkpoints"


def where_needed(needs, paths):
    """Return an input function that gives files only if a predictor needs them and the pair has runs that make them."""

    def input_of(wildcards):
        has_runs = (wildcards.model, wildcards.dataset) in STUDY.pairs
        return paths(wildcards) if NEEDED & set(needs) and has_runs else []

    return input_of


def where_trained(paths):
    """Return an input function that gives files only if the pair has runs of its own, and not imported results."""
    return lambda wildcards: paths(wildcards) if (wildcards.model, wildcards.dataset) in STUDY.pairs else []


def where_labelled(paths):
    """Return an input function that gives files only if the dataset has difficulty labels."""
    return lambda wildcards: paths(wildcards) if difficulty_of_dataset(wildcards) else []


def last_samples(wildcards):
    """Return the samples of the run's last checkpoint."""
    return expand(SAMPLES, **{**wildcards, "epoch": wildcards.epochs})


def perturbed_samples(wildcards):
    """Return the answers to perturbed prompts at every checkpoint of the run that has them."""
    return expand(PERTURBED_SAMPLES, **{**wildcards, "epoch": perturbed_epochs(wildcards)})


def predicted_drops(wildcards):
    """Return the table of predicted drops in a list; an empty list where the study does not predict them."""
    is_there = STUDY.predicts_brittleness and (wildcards.model, wildcards.dataset) in STUDY.perturbed_pairs
    return expand(DROPS, **wildcards) if is_there else []


def train_split(wildcards):
    """Return the table of the dataset's training examples."""
    return expand(DATA, dataset=wildcards.dataset, split=TRAIN)
