"""A study: the whole configuration, checked, and the runs and checkpoints that it asks for."""

import difflib
from collections import Counter
from collections.abc import Iterator, Mapping
from functools import cached_property
from itertools import product
from pathlib import Path
from types import UnionType
from typing import Annotated, Any, Literal, get_args, get_origin

import yaml
from pydantic import BaseModel, ValidationError, model_validator

from premem import settings
from premem.curation.rounds import PROVENANCE, Round, unroll
from premem.errors import UserError
from premem.settings import Block, Fraction, Name

BUILTIN_DATASETS = Path(__file__).with_name("builtin_datasets.yaml")
TRAIN = "train"  # the split that is trained on
POOL = "pool"  # what new examples are collected from


class Run(Block):
    """One point of the sweep: a base model fine-tuned on a dataset."""

    model: str
    """Name of its base model."""
    dataset: str
    """Name of its dataset."""
    lr: str
    """Learning rate in its one spelling, such as ``3e-3``."""
    epochs: int
    """Passes over the training examples."""
    size: str
    """Name of its size."""
    seed: int
    """Of the order of the examples."""

    @property
    def name(self) -> str:
        """The run's folder within its model and dataset, such as ``lr3e-3_ep30_full_seed0``."""
        return f"lr{self.lr}_ep{self.epochs}_{self.size}_seed{self.seed}"

    def __str__(self) -> str:
        return f"{self.model}/{self.dataset}/{self.name}"


class Study(Block):
    """A study file; every key is described where its block is defined (``premem.settings``)."""

    study: Name
    """Name of the study; its results lie in ``{results}/{study}``."""
    results: str = "results"
    """Folder of all results."""
    local_data: str | None = None
    """Folder with ``{dataset}/{split}.jsonl`` of built-in datasets, read instead of the hub."""
    local_release: str | None = None
    """Folder with the run folders of releases, read instead of their repository."""
    models: dict[Name, settings.Model] = {}
    """Base models by name."""
    datasets: dict[Name, settings.Dataset] = {}
    """Datasets by name; ``builtin: NAME`` starts from a built-in one."""
    sizes: dict[Name, Fraction] = {"full": 1.0}
    """Share of the training set by name; the sets are nested, drawn with the dataset's seed."""
    sweep: tuple[settings.Sweep, ...] = ()
    """The runs: every entry gives all combinations of its values."""
    imports: tuple[settings.Import, ...] = ()
    """Results made elsewhere, judged like those of runs."""
    analyses: tuple[Literal["scrutiny", "predictors", "robustness", "examples", "models", "curation"], ...] = ()
    """Further analyses that a bare ``snakemake`` makes; each is a target of its own in any case. What reads checkpoints
    belongs here where these do not stay, since it would otherwise train again."""
    checkpoints: settings.Checkpoints = settings.Checkpoints()
    """When a run is evaluated, and what stays on disk."""
    training: settings.Training = settings.Training()
    """Fine-tuning."""
    sampling: settings.SamplingSettings = settings.SamplingSettings()
    """Answers."""
    grading: settings.Grading = settings.Grading()
    """Grades."""
    threshold: settings.Threshold = settings.Threshold()
    """What counts as memorized."""
    statistics: settings.Statistics = settings.Statistics()
    """Intervals."""
    predictors: settings.Predictors = settings.Predictors()
    """Other predictors of generalization."""
    collection: settings.Collection = settings.Collection()
    """Which examples new ones are collected like."""
    curation: settings.Curation | None = None
    """Strategies of collecting data, compared in rounds."""
    robustness: settings.Robustness = settings.Robustness()
    """Perturbed prompts."""
    examples: settings.ExampleReports = settings.ExampleReports()
    """Reports on single training examples."""
    figures: settings.Figures = settings.Figures()
    """How figures look."""
    hardware: settings.Hardware = settings.Hardware()
    """What the machine can take."""

    @model_validator(mode="before")
    @classmethod
    def _fill_builtin_datasets(cls, values: Any) -> Any:
        if not isinstance(values, Mapping) or not isinstance(values.get("datasets"), Mapping):
            return values
        datasets = {
            name: _fill_builtin(entry, values.get("local_data")) if isinstance(entry, Mapping) else entry
            for name, entry in values["datasets"].items()
        }
        return {**values, "datasets": datasets}

    @model_validator(mode="after")
    def _check_names(self) -> "Study":
        problems = []
        if not (self.sweep or self.imports or self.curation):
            problems.append("give runs in sweep, results made elsewhere in imports, or curation")
        imported: set[tuple[str, str]] = set()
        for i, entry in enumerate(self.imports):
            if entry.model in self.models:
                problems.append(
                    f"imports[{i}].model: {entry.model} is one of models; give the imported one another name"
                )
            if (entry.model, entry.dataset) in imported:
                problems.append(
                    f"imports[{i}]: {entry.model} on {entry.dataset} is imported twice; remove one of the two"
                )
            imported.add((entry.model, entry.dataset))
        for i, sweep in enumerate(self.sweep):
            for key, known in (("model", self.models), ("dataset", self.datasets), ("size", self.sizes)):
                for value in getattr(sweep, key):
                    if value not in known:
                        problems.append(f"sweep[{i}].{key}: {_unknown(key, value, known)}")
        seen: dict[Run, int] = {}
        for i, sweep in enumerate(self.sweep):
            for run in _runs(sweep):
                if run in seen:
                    problems.append(f"sweep[{i}]: run {run} is already in sweep[{seen[run]}]; remove one of the two")
                seen.setdefault(run, i)
        for name, dataset in self.datasets.items():
            for taken in {TRAIN, POOL} & dataset.test.keys():
                problems.append(f"datasets.{name}.test.{taken}: a test set cannot be called {taken}; rename it")
        for name, model in self.models.items():
            corpus = model.pretrain.corpus.dataset if model.pretrain else None
            if corpus and corpus not in self.datasets:
                key = f"models.{name}.pretrain.corpus.dataset"
                problems.append(f"{key}: {_unknown('dataset', corpus, self.datasets)}")
        problems += self._problems_of_robustness()
        if "models" in self.analyses and not self.compared_datasets:
            problems.append("analyses: models compares models on a dataset, but no dataset has runs of several models")
        if "curation" in self.analyses and not self.curation:
            problems.append("analyses: curation compares strategies of collecting data; give the block curation")
        problems += self._problems_of_new_examples()
        try:
            self.hardware.train.accumulation_steps(self.training.batch_size)
        except UserError as error:
            problems.append(str(error))
        if problems:
            raise ValueError("\n".join(problems))
        return self

    def _problems_of_robustness(self) -> Iterator[str]:
        trained_on = dict.fromkeys(run.dataset for run in self.runs if run.dataset in self.datasets)
        offered = {name: None for dataset in trained_on for name in self.datasets[dataset].perturbations}
        for name in self.robustness.perturbations or ():
            if name not in offered:
                hint = (
                    _unknown("perturbation", name, offered)
                    if offered
                    else f"unknown perturbation {name!r}; no dataset with runs offers any (datasets.….perturbations)"
                )
                yield f"robustness.perturbations: {hint}"
        if isinstance(self.robustness.checkpoints, tuple):
            there = sorted({epoch for run in self.runs for epoch in self.checkpoint_epochs(run.epochs)})
            for epoch in self.robustness.checkpoints:
                if epoch not in there:
                    yield (
                        f"robustness.checkpoints: no run has a checkpoint after epoch {epoch}; there are "
                        f"{', '.join(map(str, there))}"
                    )
        asked = "analyses: robustness" if "robustness" in self.analyses else "examples.brittleness"
        if self.predicts_brittleness and self.runs and not offered:
            yield f"{asked} perturbs prompts, but no dataset with runs offers perturbations (datasets.….perturbations)"

    def _problems_of_new_examples(self) -> Iterator[str]:
        for name, dataset in self.datasets.items():
            key, source = f"datasets.{name}.new_examples", dataset.new_examples
            if source and source.generate and "skeleton" not in dataset.columns:
                yield f"{key}.generate: it retells skeletons, so keep that column (columns: {{skeleton: skeleton}})"
            if source and (taken := [column for column in PROVENANCE if column in dataset.columns]):
                yield f"datasets.{name}.columns: {', '.join(taken)} says where new examples come from; rename it"
            if source and source.write and source.write.model not in self.models:
                yield f"{key}.write.model: {_unknown('model', source.write.model, self.models)}"
        if not (curation := self.curation):
            return
        for key, known in (("model", self.models), ("dataset", self.datasets)):
            if (value := getattr(curation, key)) not in known:
                yield f"curation.{key}: {_unknown(key, value, known)}"
                return
        dataset = self.datasets[curation.dataset]
        if not dataset.new_examples:
            yield (
                f"curation.dataset: nothing says where new examples of {curation.dataset} come from; give "
                f"datasets.{curation.dataset}.new_examples"
            )
        there = dataset.train.examples or dataset.train.rows
        if there and curation.start > there:
            yield f"curation.start: {curation.start} wanted, but {curation.dataset} has {there} training examples"
        if "difficulty" in curation.strategies and not dataset.difficulty:
            key = f"datasets.{curation.dataset}.difficulty"
            yield f"curation.strategies: difficulty needs labels; give {key}, or leave the strategy out"
        if 1 not in self.sizes.values():
            yield "sizes: curation trains on all that it has collected; name a size of 1, such as full"
        for name in self.rounds.keys() & self.datasets.keys():
            yield f"datasets.{name}: a round of curation is called so; rename it"

    @cached_property
    def runs(self) -> tuple[Run, ...]:
        """All runs of the sweep, in its order."""
        return tuple(run for sweep in self.sweep for run in _runs(sweep))

    @cached_property
    def rounds(self) -> dict[str, Round]:
        """The training sets that curation makes, by their names as datasets."""
        return {made.dataset: made for made in unroll(self.curation)} if self.curation else {}

    def run_of(self, made: Round) -> Run:
        """The run that trains on what a round has collected, and on all before it."""
        assert self.curation
        epochs = max(1, round(self.curation.steps * self.training.batch_size / made.examples))
        size = next(name for name, share in self.sizes.items() if share == 1)
        return Run(
            model=self.curation.model,
            dataset=made.dataset,
            lr=self.curation.lr,
            epochs=epochs,
            size=size,
            seed=made.seed,
        )

    @cached_property
    def trained_runs(self) -> tuple[Run, ...]:
        """All runs, those of curation as well."""
        return (*self.runs, *map(self.run_of, self.rounds.values()))

    def home(self, dataset: str) -> str:
        """The dataset of ``datasets`` that a dataset belongs to: itself, or the one whose examples a round extends."""
        return self.rounds[dataset].home if dataset in self.rounds else dataset

    def dataset(self, name: str) -> settings.Dataset:
        """The settings of a dataset, also of one that a round of curation makes."""
        return self.datasets[self.home(name)]

    @property
    def pairs(self) -> list[tuple[str, str]]:
        """The (model, dataset) pairs that have runs; curation's own counts by the runs that it starts from."""
        own = [(self.curation.model, self.curation.dataset)] if self.curation else []
        return list(dict.fromkeys([*((run.model, run.dataset) for run in self.runs), *own]))

    @cached_property
    def imported(self) -> dict[tuple[str, str], settings.Import]:
        """The (model, dataset) pairs whose results were made elsewhere, but for ``absent``."""
        return {(entry.model, entry.dataset): entry for entry in self.imports if entry not in self.absent}

    @cached_property
    def absent(self) -> tuple[settings.Import, ...]:
        """The imports of which a local release holds no run: it may be a part of the whole."""
        folder = Path(self.local_release or "").expanduser()
        return tuple(
            entry
            for entry in self.imports
            if self.local_release and entry.release and not any(folder.glob(f"{entry.release.runs}_*"))
        )

    @property
    def judged_pairs(self) -> list[tuple[str, str]]:
        """All pairs, of runs and made elsewhere."""
        return [*self.pairs, *self.imported]

    @property
    def compared_datasets(self) -> list[str]:
        """The datasets that have results of several models."""
        number = Counter(dataset for _, dataset in self.judged_pairs)
        return [dataset for dataset in number if number[dataset] > 1]

    @property
    def predicts_brittleness(self) -> bool:
        """Do reports on examples say how much accuracy these are predicted to lose?"""
        return self.examples.brittleness or "robustness" in self.analyses

    def perturbations_of(self, dataset: str) -> dict[str, settings.Perturbation]:
        """The perturbations of a dataset's prompts that the study asks for."""
        offered = self.dataset(dataset).perturbations
        asked = self.robustness.perturbations
        return {name: offered[name] for name in offered if asked is None or name in asked}

    @property
    def perturbed_pairs(self) -> list[tuple[str, str]]:
        """The (model, dataset) pairs that have runs with perturbed checkpoints."""
        runs = [run for run in self.runs if self.perturbed_epochs(run.epochs) and self.perturbations_of(run.dataset)]
        return list(dict.fromkeys((run.model, run.dataset) for run in runs))

    def perturbed_epochs(self, epochs: int) -> list[int]:
        """Epochs after which a run of this many epochs is sampled with perturbed prompts, ascending."""
        of_run = self.checkpoint_epochs(epochs)
        match self.robustness.checkpoints:
            case "all":
                return of_run
            case "last":
                return of_run[-1:]
            case listed:
                return [epoch for epoch in of_run if epoch in listed]

    def predicted_test_set(self, model: str, dataset: str) -> str:
        """The test set of a pair that is predicted."""
        if entry := self.imported.get((model, dataset)):
            return entry.tables.test_set if entry.tables else "test"
        return next(iter(self.dataset(dataset).test))

    def runs_of(self, model: str, dataset: str) -> list[Run]:
        """The runs of a (model, dataset) pair that p is calibrated on, and all analyses are of.

        Those of the sweep; where it has none, those that curation starts from.
        """
        runs = [run for run in self.runs if (run.model, run.dataset) == (model, dataset)]
        starts = [made for made in self.rounds.values() if made.home == dataset and made.previous is None]
        return runs or [run for run in map(self.run_of, starts) if run.model == model]

    def checkpoint_epochs(self, epochs: int) -> list[int]:
        """Epochs after which a run of this many epochs is evaluated, ascending.

        Every ``checkpoints.every`` epochs, or a multiple of it where that gives more than ``at_most``, and the last.
        """
        every, at_most = self.checkpoints.every, self.checkpoints.at_most
        spacing = every * -(-epochs // (every * at_most))
        return sorted({*range(spacing, epochs + 1, spacing), epochs})

    def keeps_checkpoint(self, epoch: int, epochs: int) -> bool:
        """Does the checkpoint after this epoch stay on disk once it has been evaluated?"""
        match self.checkpoints.keep:
            case "all" | "none" as keep:
                return keep == "all"
            case "last":
                return epoch == epochs
            case kept:
                return epoch in kept


def load_study(config: Mapping[str, Any], source: str) -> Study:
    """Check a configuration and return it as a study.

    Args:
        config: what the YAML files and the command line made.
        source: name of the file or files, for messages.

    Raises:
        UserError: with a line for every problem, each naming the file and the key.
    """
    try:
        study = Study.model_validate(dict(config))
    except ValidationError as error:
        raise UserError("\n".join(f"{source}: {line}" for line in _describe(error))) from None
    if missing := [f"{source}: {line}" for line in _missing_paths(study)]:
        raise UserError("\n".join(missing))
    return study


def _runs(sweep: settings.Sweep) -> Iterator[Run]:
    axes = ("model", "dataset", "lr", "epochs", "size", "seed")
    for values in product(*(getattr(sweep, axis) for axis in axes)):
        yield Run(**dict(zip(axes, values, strict=True)))


def _fill_builtin(entry: Mapping[str, Any], local_data: str | None) -> dict[str, Any]:
    """Complete an entry that says ``builtin: NAME``; its own keys win.

    A split of its own replaces the built-in one if it names a source, else it changes single keys (``examples: 300``).
    """
    own = dict(entry)
    builtin_name = own.pop("builtin", None)
    if builtin_name is None:
        return own
    builtin = yaml.safe_load(BUILTIN_DATASETS.read_text())
    if builtin_name not in builtin:
        raise ValueError(f"datasets: {_unknown('built-in dataset', builtin_name, builtin)}")
    known = builtin[builtin_name]

    def override(builtin_split: dict[str, Any], own_split: Any) -> Any:
        if not isinstance(own_split, Mapping):
            return own_split  # refused by the block that it is meant to be
        if local_data and "hub" in builtin_split:
            builtin_split = {"files": [f"{local_data}/{builtin_name}/{builtin_split['split']}.jsonl"]}
        names_a_source = own_split.keys() & {"files", "hub", "generate"}
        return dict(own_split) if names_a_source else {**builtin_split, **own_split}

    own["train"] = train = override(known["train"], own.get("train", {}))
    if not (isinstance(train, Mapping) and train.get("generate") and train.get("wording", "usual") == "usual"):
        # Only the stories of the generator can be told anew.
        plain = {name: p for name, p in known["perturbations"].items() if "{paraphrase}" not in p.get("prompt", "")}
        own.setdefault("perturbations", plain)
    test = own.get("test", known["test"])
    if isinstance(test, Mapping):
        own["test"] = {name: override(known["test"].get(name, {}), split) for name, split in test.items()}
    return {**known, **own}


def _missing_paths(study: Study) -> Iterator[str]:
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
        for key in ("train", "test") if entry.tables else ():
            for file in getattr(entry.tables, key):
                if not Path(file).expanduser().is_file():
                    yield f"imports[{i}].tables.{key}: there is no file {file}; correct the path"


def _unknown(kind: str, value: str, known: Mapping[str, Any]) -> str:
    nearest = difflib.get_close_matches(str(value), list(known), n=1)
    hint = f"did you mean {nearest[0]!r}?" if nearest else f"there are {', '.join(known)}"
    return f"unknown {kind} {value!r}; {hint}"


def _describe(error: ValidationError) -> Iterator[str]:
    """Turn pydantic's findings into lines such as ``sweep[1].lr[0]: a learning rate is above 0, not -1``."""
    for finding in error.errors():
        where = finding["loc"]
        key = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in where).lstrip(".")
        match finding["type"]:
            case "extra_forbidden":
                block = _block_at(where[:-1])
                yield f"{key}: {_unknown('key', str(where[-1]), block.model_fields if block else {})}"
            case "missing":
                yield f"{key}: this key is missing"
            case _:
                message = finding["msg"].removeprefix("Value error, ")
                for line in message.split("\n"):
                    given = "" if finding["type"] == "value_error" else f" (given: {finding['input']!r})"
                    yield f"{key}: {line}{given}" if key else f"{line}{given}"


def _block_at(where: tuple[int | str, ...]) -> type[BaseModel] | None:
    """Return the block that a location in the configuration belongs to."""
    here: Any = Study
    for part in where:
        here = _without_wrappers(here)
        if isinstance(here, type) and issubclass(here, BaseModel):
            here = here.model_fields[str(part)].annotation if part in here.model_fields else None
        else:  # a dict or tuple of blocks
            here = next((arg for arg in reversed(get_args(here)) if arg is not Ellipsis), None)
    here = _without_wrappers(here)
    return here if isinstance(here, type) and issubclass(here, BaseModel) else None


def _without_wrappers(annotation: Any) -> Any:
    """``X`` for ``Annotated[X, ...]`` and ``X | None``."""
    while get_origin(annotation) in (Annotated, UnionType):
        annotation = next(arg for arg in get_args(annotation) if arg is not type(None))
    return annotation
