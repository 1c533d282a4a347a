"""Imported results: what other tools or other people measured, judged like the study's own runs."""

import re
from typing import Literal

from pydantic import PositiveInt, ValidationInfo, field_validator, model_validator

from premem.config.block import NAME_PATTERN, Block, Name, RemoteName, check_one_of

ImportedColumn = Literal[
    "run", "lr", "epochs", "size", "seed", "epoch", "example_id", "accuracy", "grade", "n_samples", "perplexity",
    "trained_on", "test_set", "accuracy_of_more", "more_samples",
]  # fmt: skip
"""Columns of results in the project's own format."""


class Release(Block):
    """Results as the authors of Kang et al. 2025 released theirs: answer types and perplexities in NumPy files."""

    runs: str
    """What the names of the pair's run folders begin with, such as ``gsm8k_orig``."""
    repository: RemoteName = "https://github.com/katiekang1998/reasoning_generalization"
    """Git repository that holds them."""
    revision: RemoteName = "b9338536dbbc989398cf05fed5c8beb6c3fcb4e8"
    """Its commit."""
    subfolder: str = "ckpts"
    """Where the run folders lie in it."""

    @field_validator("runs", "subfolder")
    @classmethod
    def _check_folder(cls, value: str, info: ValidationInfo) -> str:
        parts = value.split("/") if info.field_name == "subfolder" else [value]
        if not all(re.fullmatch(NAME_PATTERN, part.replace("_", "-")) for part in parts):
            example = "ckpts or results/ckpts" if info.field_name == "subfolder" else "gsm8k_orig"
            raise ValueError(
                f"{value!r} is no name within a repository: letters, digits, dots, hyphens and underscores, such as "
                f"{example}"
            )
        return value


class Tables(Block):
    """Results in the project's own format (``premem.scoring.imported_results.read_tables`` describes the columns)."""

    train: tuple[str, ...] = ()
    """JSONL, JSON, CSV, TSV or Parquet files, each also as ``.gz``: accuracy (or grades) and perplexity of each
    training example at each checkpoint."""
    test: tuple[str, ...] = ()
    """The same for test examples, without perplexity."""
    folders: tuple[str, ...] = ()
    """Folders of finished studies that hold both, a pair's or a run's, such as ``results/other/pairs/base/problems``:
    their ``memorization.parquet`` and ``test_accuracy.parquet`` are read as well."""
    columns: dict[ImportedColumn, str] = {}
    """Names of the files' columns, as ``{example_id: question_id, accuracy: score}``; the others keep their names."""
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
    def _check_files(self) -> "Tables":
        if missing := [key for key, files in self.files.items() if not files]:
            raise ValueError(f"give files in {' and '.join(missing)}, or folders of finished studies in folders")
        return self


class Import(Block):
    """Imported results of a (model, dataset) pair: exactly one of ``release`` and ``tables``."""

    model: Name
    """Its name here; no model of ``models`` can have it."""
    dataset: Name
    """Its name here."""
    release: Release | None = None
    """Results as the authors of the method released theirs."""
    tables: Tables | None = None
    """Results in the project's own format."""
    figure_epochs: dict[Name, tuple[PositiveInt, ...]] = {}
    """Epochs that the source's own figure shows of runs of a size (of other sizes all); they are judged as well."""

    @model_validator(mode="after")
    def _check_source(self) -> "Import":
        check_one_of(self, "release", "tables")
        return self
