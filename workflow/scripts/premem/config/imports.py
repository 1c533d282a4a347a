"""Imported results: what other tools or other people measured, judged like the study's own runs."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from premem.config.block import PLAIN, Block, Epochs, Matching, Name, PathText, Revision, Text
from premem.config.data import Column

ImportedColumn = Literal[
    "run", "lr", "epochs", "size", "seed", "epoch", "example_id", "accuracy", "grade", "n_samples", "perplexity",
    "trained_on", "test_set", "accuracy_of_more", "more_samples",
]  # fmt: skip
"""Columns of results in the project's own format."""


class Release(Block):
    """Results as the authors of Kang et al. 2025 released theirs: answer types and perplexities in NumPy files."""

    runs: Annotated[
        str,
        Field(max_length=200),
        Matching(
            "text", r"[A-Za-z0-9][A-Za-z0-9_.-]*", f"give what the run folders begin with, such as gsm8k_orig ({PLAIN})"
        ),
    ]
    """What the names of the pair's run folders begin with, such as ``gsm8k_orig``."""
    repository: Annotated[
        Text,
        Matching("address", r"[^-\s][^\s]*", "give the address of a repository, such as https://github.com/owner/name"),
    ] = "https://github.com/katiekang1998/reasoning_generalization"
    """Git repository that holds them."""
    revision: Revision = "b9338536dbbc989398cf05fed5c8beb6c3fcb4e8"
    """Its commit."""
    subfolder: Annotated[
        PathText,
        Matching(
            "path",
            r"(?!/)(?!(.*/)?\.\.(/|$))[A-Za-z0-9_./-]+",
            f"give a folder within the repository, such as ckpts ({PLAIN}, and slashes)",
        ),
    ] = "ckpts"
    """The folder of the repository in which the run folders lie."""


class Tables(Block):
    """Results in the project's own format (``premem.scoring.score_tables.read_tables`` describes the columns)."""

    train: tuple[PathText, ...] = ()
    """JSONL, JSON, CSV, TSV or Parquet files, each also as ``.gz``: accuracy (or grades) and perplexity of each
    training example at each checkpoint."""
    test: tuple[PathText, ...] = ()
    """The same for test examples, without perplexity."""
    folders: tuple[PathText, ...] = ()
    """Folders of finished studies that hold both, a pair's or a run's, such as ``results/other/pairs/base/problems``:
    their ``memorization.parquet`` and ``test_accuracy.parquet`` are read as well."""
    columns: dict[ImportedColumn, Column] = {}
    """Names of the files' columns, such as ``{example_id: question_id, accuracy: score}``. Others keep their names."""
    test_set: Name = "test"
    """The test set that is predicted, where the files name several."""

    @property
    def files(self) -> dict[str, tuple[str, ...]]:
        """All files by key, those of ``folders`` among them."""
        return {
            "train": (*self.train, *(f"{folder}/memorization.parquet" for folder in self.folders)),
            "test": (*self.test, *(f"{folder}/test_accuracy.parquet" for folder in self.folders)),
        }

    @model_validator(mode="after")
    def _check_files(self) -> Self:
        if missing := [key for key, files in self.files.items() if not files]:
            raise ValueError(f"give files in {' and '.join(missing)}, or folders of finished studies in folders")
        return self


class Import(Block):
    """Imported results of a (model, dataset) pair: exactly one of ``release`` and ``tables``.

    Reruns: the pair's import and what follows.
    """

    ONE_OF = ("release", "tables")

    model: Name
    """The model's name here. No model of ``models`` can have it."""
    dataset: Name
    """The dataset's name here."""
    release: Release | None = None
    """Results as the authors of the method released theirs."""
    tables: Tables | None = None
    """Results in the project's own format."""
    figure_epochs: dict[Name, tuple[Epochs, ...]] = {}
    """For each size, the epochs that the source's own figure shows. Where a size is left out, the figure shows all of
    them. What the figure shows is judged as well."""
