"""Imported results: what other tools or other people measured, judged like the study's own runs."""

from pydantic import Field, PositiveInt, model_validator

from premem.config.block import Block, Name, check_one_of


class Release(Block):
    """Results as the authors of Kang et al. 2025 released theirs: answer types and perplexities in NumPy files."""

    runs: str
    """What the names of the pair's run folders begin with, such as ``gsm8k_orig``."""
    repository: str = "https://github.com/katiekang1998/reasoning_generalization"
    """Git repository that holds them."""
    revision: str = "b9338536dbbc989398cf05fed5c8beb6c3fcb4e8"
    """Its commit."""
    subfolder: str = "ckpts"
    """Where the run folders lie in it."""


class Tables(Block):
    """Results in the project's own format (``premem.scoring.imported_results.read_tables`` describes the columns)."""

    train: tuple[str, ...] = Field(min_length=1)
    """Parquet, CSV or JSONL files: accuracy (or grades) and perplexity of each training example at each checkpoint."""
    test: tuple[str, ...] = Field(min_length=1)
    """The same for test examples, without perplexity."""
    test_set: Name = "test"
    """The test set that is predicted, where the files name several."""


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
