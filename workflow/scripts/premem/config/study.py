"""A study: the whole configuration, and the runs and checkpoints that it asks for."""

from collections import Counter
from functools import cached_property
from pathlib import Path
from typing import Literal

from premem.config.analyses import ExampleReports, Figures, Predictors, Robustness
from premem.config.block import Block, Fraction, Name, PathText
from premem.config.curation import Collection, Curation
from premem.config.data import Perturbation
from premem.config.dataset import Dataset
from premem.config.hardware import Hardware
from premem.config.imports import Import
from premem.config.models import Model
from premem.config.rounds import Round, unroll
from premem.config.runs import Run, Subset, runs_of_sweep
from premem.config.sampling import SamplingSettings
from premem.config.statistics import Grading, Statistics, Threshold, ThresholdSource
from premem.config.sweep import Checkpoints, Sweep
from premem.config.training import Training


class Study(Block):
    """The keys at the top of a study file.

    Reruns: see its keys.
    """

    study: Name
    """Name of the study. Its results lie in ``{results}/{study}``.

    Reruns: everything, since the results then have another folder.
    """
    results: PathText = "results"
    """Folder of all results.

    Reruns: everything, since the results then have another folder.
    """
    local_data: PathText | None = None
    """Folder with the files ``{dataset}/{split}.jsonl``, which built-in datasets read instead of the hub.

    Reruns: the datasets, and training and what follows.
    """
    local_release: PathText | None = None
    """Folder with the run folders of releases, which are read instead of their repository.

    Reruns: the import of releases and what follows.
    """
    models: dict[Name, Model] = {}
    """Base models by name."""
    datasets: dict[Name, Dataset] = {}
    """Datasets by name. ``builtin: NAME`` starts from a built-in one, and the other keys change it."""
    sizes: dict[Name, Fraction] = {"full": 1.0}
    """Shares of the training set by name. Smaller sets are parts of larger ones, and are drawn with the dataset's seed.

    Reruns: training and what follows, for the runs of that size.
    """
    sweep: tuple[Sweep, ...] = ()
    """The runs. Every entry of the list makes all combinations of its values."""
    imports: tuple[Import, ...] = ()
    """Imported results, which are judged like those of runs."""
    analyses: tuple[
        Literal["scrutiny", "predictors", "robustness", "example_reports", "model_comparison", "curation"], ...
    ] = ()
    """Further analyses that a bare ``snakemake`` makes. Each can also be asked for by its name: ``snakemake scrutiny``.
    Where checkpoints do not stay, name the analyses that read them here, since they would otherwise train again later.

    Reruns: the analyses that are new.
    """
    checkpoints: Checkpoints = Checkpoints()
    """When a run is evaluated, and what stays on disk."""
    training: Training = Training()
    """Fine-tuning."""
    sampling: SamplingSettings = SamplingSettings()
    """How answers are sampled.

    Reruns: samples and what follows.
    """
    grading: Grading = Grading()
    """How answers are graded."""
    threshold: Threshold = Threshold()
    """The threshold p, which says what counts as memorized."""
    statistics: Statistics = Statistics()
    """Confidence intervals."""
    predictors: Predictors = Predictors()
    """Other predictors of generalization."""
    collection: Collection = Collection()
    """Which training examples new ones resemble."""
    curation: Curation | None = None
    """Strategies of collecting data, compared in rounds."""
    robustness: Robustness = Robustness()
    """Accuracy on perturbed prompts."""
    example_reports: ExampleReports = ExampleReports()
    """Reports on single training examples."""
    figures: Figures = Figures()
    """How figures look."""
    hardware: Hardware = Hardware()
    """What the machine can take.

    Reruns: nothing.
    """

    @cached_property
    def runs(self) -> tuple[Run, ...]:
        """All runs of the sweep, in its order."""
        return tuple(run for sweep in self.sweep for run in runs_of_sweep(sweep))

    @cached_property
    def rounds(self) -> dict[str, Round]:
        """The training sets that curation makes, by their names as datasets."""
        return {made.dataset: made for made in unroll(self.curation)} if self.curation else {}

    def run_of(self, made: Round) -> Run:
        """The run that trains on what a round has collected, and on all before it."""
        assert self.curation
        epochs = max(1, round(self.curation.steps * self.training.batch_size / made.num_examples))
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

    def subset_of(self, run: Run) -> Subset:
        """Which examples of its training set a run trains on. A round of curation trains on all that it has."""
        dataset = self.dataset(run.dataset)
        holds_out = dataset.holds_out and run.dataset not in self.rounds
        return Subset(size=self.sizes[run.size], holdout=dataset.holdout if holds_out else 0, run=run.name)

    def source_dataset(self, dataset: str) -> str:
        """The dataset of ``datasets`` that a dataset belongs to: itself, or the one whose examples a round extends."""
        return self.rounds[dataset].source_dataset if dataset in self.rounds else dataset

    def dataset(self, name: str) -> Dataset:
        """The settings of a dataset, also of one that a round of curation makes."""
        return self.datasets[self.source_dataset(name)]

    @property
    def pairs(self) -> list[tuple[str, str]]:
        """The (model, dataset) pairs that have runs; curation's own counts by the runs that it starts from."""
        own = [(self.curation.model, self.curation.dataset)] if self.curation else []
        return list(dict.fromkeys([*((run.model, run.dataset) for run in self.runs), *own]))

    @cached_property
    def imported(self) -> dict[tuple[str, str], Import]:
        """The (model, dataset) pairs whose results are imported, but for ``absent``."""
        return {(entry.model, entry.dataset): entry for entry in self.imports if entry not in self.absent}

    @cached_property
    def absent(self) -> tuple[Import, ...]:
        """The imports of which a local release holds no run: it may be a part of the whole."""
        folder = Path(self.local_release or "").expanduser()
        return tuple(
            entry
            for entry in self.imports
            if self.local_release and entry.release and not any(folder.glob(f"{entry.release.runs}_*"))
        )

    @property
    def judged_pairs(self) -> list[tuple[str, str]]:
        """All pairs, of runs and of imported results."""
        return [*self.pairs, *self.imported]

    @property
    def compared_datasets(self) -> list[str]:
        """The datasets on which several models have a known test accuracy."""
        number = Counter(dataset for _, dataset in self.labelled_pairs)
        return [dataset for dataset in number if number[dataset] > 1]

    @property
    def predicts_brittleness(self) -> bool:
        """Do reports on examples say how much accuracy these are predicted to lose?"""
        return self.example_reports.brittleness or "robustness" in self.analyses

    def perturbations_of(self, dataset: str) -> dict[str, Perturbation]:
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

    def predicted_test_set(self, model: str, dataset: str) -> str | None:
        """The test set of a pair that is predicted; None if there is none with labels."""
        if entry := self.imported.get((model, dataset)):
            return entry.tables.test_set if entry.tables else "test"
        return next(iter(self.dataset(dataset).labelled_test_sets), None)

    def threshold_source(self, model: str, dataset: str) -> ThresholdSource:
        """Where the p of a pair comes from."""
        holds_out = (model, dataset) not in self.imported and self.dataset(dataset).holds_out
        return self.threshold.source_of(holds_out)

    @property
    def labelled_pairs(self) -> list[tuple[str, str]]:
        """The pairs whose test accuracy is known."""
        return [pair for pair in self.judged_pairs if self.predicted_test_set(*pair)]

    def runs_of(self, model: str, dataset: str) -> list[Run]:
        """The runs of a (model, dataset) pair that p is calibrated on, and all analyses are of.

        Those of the sweep; where it has none, those that curation starts from.
        """
        runs = [run for run in self.runs if (run.model, run.dataset) == (model, dataset)]
        starts = [made for made in self.rounds.values() if made.source_dataset == dataset and made.previous is None]
        return runs or [run for run in map(self.run_of, starts) if run.model == model]

    def checkpoint_epochs(self, epochs: int) -> list[int]:
        """Epochs after which a run of this many epochs is evaluated, ascending.

        Every ``checkpoints.every`` epochs, or a multiple of it where that gives more than ``at_most``, and the last.
        """
        every, at_most = self.checkpoints.every, self.checkpoints.at_most
        spacing = every * -(-epochs // (every * at_most))
        return sorted({*range(spacing, epochs + 1, spacing), epochs})
