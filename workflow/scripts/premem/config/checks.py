"""Checks of a study that span its blocks, such as a sweep that names a model, and of the files that it names."""

from collections.abc import Iterable, Iterator
from pathlib import Path

from premem.base.errors import UserError
from premem.config.data import HOLDOUT, POOL, TRAIN
from premem.config.messages import describe_unknown
from premem.config.rounds import PROVENANCE
from premem.config.runs import Run, runs_of_sweep
from premem.config.study import Study


def problems_between_blocks(study: Study) -> Iterator[str]:
    """Yield a line for everything in which two blocks do not fit together, with the key and how to fix it."""
    if not (study.sweep or study.imports or study.curation):
        yield "give runs in sweep, imported results in imports, or curation"
    yield from _problems_of_imports(study)
    yield from _problems_of_sweep(study)
    yield from _problems_of_datasets(study)
    yield from _problems_of_threshold(study)
    yield from _problems_of_robustness(study)
    if "model_comparison" in study.analyses and not study.compared_datasets:
        yield "analyses: model_comparison compares models on a dataset, but no dataset has runs of several models"
    if "curation" in study.analyses and not study.curation:
        yield "analyses: curation compares strategies of collecting data; give the block curation"
    yield from _problems_of_curation(study)
    if isinstance(study.checkpoints.keep, tuple):
        runs = study.trained_runs if 1 in study.sizes.values() else study.runs  # curation needs a size of 1
        yield from _problems_of_epochs("checkpoints.keep", study.checkpoints.keep, study, runs)
    try:
        study.hardware.train.accumulation_steps(study.training.batch_size)
    except UserError as error:
        yield str(error)


def _problems_of_imports(study: Study) -> Iterator[str]:
    imported: set[tuple[str, str]] = set()
    for i, entry in enumerate(study.imports):
        if entry.model in study.models:
            yield f"imports[{i}].model: {entry.model} is one of models; give the imported one another name"
        if (entry.model, entry.dataset) in imported:
            yield f"imports[{i}]: {entry.model} on {entry.dataset} is imported twice; remove one of the two"
        imported.add((entry.model, entry.dataset))


def _problems_of_sweep(study: Study) -> Iterator[str]:
    for i, sweep in enumerate(study.sweep):
        for key, known in (("model", study.models), ("dataset", study.datasets), ("size", study.sizes)):
            for value in getattr(sweep, key):
                if value not in known:
                    yield f"sweep[{i}].{key}: {describe_unknown(key, value, known)}"
    seen: dict[Run, int] = {}
    for i, sweep in enumerate(study.sweep):
        for run in runs_of_sweep(sweep):
            if run in seen:
                yield f"sweep[{i}]: run {run} is already in sweep[{seen[run]}]; remove one of the two"
            seen.setdefault(run, i)


def _problems_of_epochs(key: str, epochs: Iterable[int], study: Study, runs: Iterable[Run]) -> Iterator[str]:
    there = sorted({epoch for run in runs for epoch in study.checkpoint_epochs(run.epochs)})
    for epoch in epochs:
        if epoch not in there:
            known = ", ".join(map(str, there)) or "none"
            yield f"{key}: no run has a checkpoint after epoch {epoch}; there are {known}"


def _problems_of_datasets(study: Study) -> Iterator[str]:
    for name, dataset in study.datasets.items():
        if study.grading.grader == "original" and dataset.answers not in ("gsm8k", "math"):
            yield f"grading.grader: original is the authors' rule for gsm8k and math; {name} has {dataset.answers}"
        for taken in {TRAIN, HOLDOUT, POOL} & dataset.test.keys():
            yield f"datasets.{name}.test.{taken}: a test set cannot be called {taken}; rename it"
    for name, model in study.models.items():
        corpus = model.pretrain.corpus.dataset if model.pretrain else None
        if corpus and corpus not in study.datasets:
            yield f"models.{name}.pretrain.corpus.dataset: {describe_unknown('dataset', corpus, study.datasets)}"


def _problems_of_threshold(study: Study) -> Iterator[str]:
    advice = "hold out examples of the training set (holdout: 128), or give threshold.value or threshold.study"
    for name in dict.fromkeys(run.dataset for run in study.runs if run.dataset in study.datasets):
        dataset = study.datasets[name]
        source = study.threshold.source_of(dataset.holds_out)
        if source == "test" and not dataset.labelled_test_sets:
            yield f"datasets.{name}: no test set has labels and nothing is held out to choose p with; {advice}"
        if source in ("unseen", "quantile") and not dataset.holds_out:
            yield f"threshold.source: {source} needs examples that runs of {name} do not train on; {advice}"
    if (folder := study.threshold.study) and not (Path(folder).expanduser() / "threshold.json").is_file():
        yield (
            f"threshold.study: {folder} has no threshold.json; name the folder of a pair of a finished study, such as "
            "results/other/pairs/MODEL/DATASET"
        )


def _problems_of_robustness(study: Study) -> Iterator[str]:
    trained_on = dict.fromkeys(run.dataset for run in study.runs if run.dataset in study.datasets)
    offered = {name: None for dataset in trained_on for name in study.datasets[dataset].perturbations}
    for name in study.robustness.perturbations or ():
        if name not in offered:
            hint = (
                describe_unknown("perturbation", name, offered)
                if offered
                else f"unknown perturbation {name!r}; no dataset with runs offers any (datasets.….perturbations)"
            )
            yield f"robustness.perturbations: {hint}"
    if isinstance(study.robustness.checkpoints, tuple):
        yield from _problems_of_epochs("robustness.checkpoints", study.robustness.checkpoints, study, study.runs)
    asked = "analyses: robustness" if "robustness" in study.analyses else "example_reports.brittleness"
    if study.predicts_brittleness and study.runs and not offered:
        yield f"{asked} perturbs prompts, but no dataset with runs offers perturbations (datasets.….perturbations)"


def _problems_of_curation(study: Study) -> Iterator[str]:
    for name, dataset in study.datasets.items():
        key, source = f"datasets.{name}.new_examples", dataset.new_examples
        if source and source.generate and "skeleton" not in dataset.columns:
            yield f"{key}.generate: the generator reads the column skeleton; keep it (columns: {{skeleton: skeleton}})"
        if source and (taken := [column for column in PROVENANCE if column in dataset.columns]):
            yield f"datasets.{name}.columns: premem itself adds {', '.join(taken)} to new examples; rename the column"
        if source and source.write and source.write.model not in study.models:
            yield f"{key}.write.model: {describe_unknown('model', source.write.model, study.models)}"
    if not (curation := study.curation):
        return
    for key, known in (("model", study.models), ("dataset", study.datasets)):
        if (value := getattr(curation, key)) not in known:
            yield f"curation.{key}: {describe_unknown(key, value, known)}"
            return
    dataset = study.datasets[curation.dataset]
    if not dataset.labelled_test_sets:
        yield f"curation.dataset: rounds are compared by test accuracy; give {curation.dataset} a test set with labels"
    if not study.sweep and study.threshold.source in ("unseen", "quantile"):
        yield (
            f"threshold.source: rounds of curation hold out nothing, so p cannot come from {study.threshold.source}; "
            "give the sweep runs of the same model and dataset"
        )
    if not dataset.new_examples:
        yield (
            f"curation.dataset: nothing says where new examples of {curation.dataset} come from; give "
            f"datasets.{curation.dataset}.new_examples"
        )
    there = dataset.train.num_examples or dataset.train.rows
    if there and curation.start > there:
        yield f"curation.start: {curation.start} wanted, but {curation.dataset} has {there} training examples; lower it"
    if "difficulty" in curation.strategies and not dataset.difficulty:
        key = f"datasets.{curation.dataset}.difficulty"
        yield f"curation.strategies: difficulty needs labels; give {key}, or leave the strategy out"
    if 1 not in study.sizes.values():
        yield "sizes: curation trains on all that it has collected; name a size of 1, such as full"
    for name in study.rounds.keys() & study.datasets.keys():
        yield f"datasets.{name}: a round of curation has this name; rename the dataset"


def missing_paths(study: Study) -> Iterator[str]:
    """Yield a line for every file or folder that the study names and that is not there."""
    for name, model in study.models.items():
        for files, lacks in (
            (("config.json",), "is not a model folder (it has no config.json); correct the path"),
            (("*.safetensors",), "has no safetensors weights; save the model anew with save_pretrained"),
            (("tokenizer.json", "tokenizer.model", "vocab.*"), "has no tokenizer; save it there with save_pretrained"),
        ):
            folder = Path(model.path or "").expanduser()
            if model.path is not None and not any(any(folder.glob(pattern)) for pattern in files):
                yield f"models.{name}.path: {model.path} {lacks}"
                break
    for name, dataset in study.datasets.items():
        pool = dataset.new_examples and dataset.new_examples.pool
        splits = {"train": dataset.train, **{f"test.{k}": v for k, v in dataset.test.items()}}
        for key, split in {**splits, **({"new_examples.pool": pool} if pool else {})}.items():
            for file in split.files or ():
                if not Path(file).expanduser().is_file():
                    yield f"datasets.{name}.{key}.files: there is no file {file}; correct the path (or local_data)"

    if study.absent and not study.judged_pairs:
        runs = " or ".join(f"{entry.release.runs}_…" for entry in study.absent if entry.release)
        yield f"local_release: {study.local_release} holds no folder {runs}; correct the path"
    for i, entry in enumerate(study.imports):
        for key, named in entry.tables.files.items() if entry.tables else ():
            for file in named:
                if not Path(file).expanduser().is_file():
                    yield f"imports[{i}].tables.{key}: there is no file {file}; correct the path"
