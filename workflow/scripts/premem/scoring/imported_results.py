"""Imported results, as the tables of ``premem.scoring.scores``: the authors' release, or anybody's own tables."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from premem.base.errors import UserError
from premem.config.runs import Run
from premem.config.sweep import spell_learning_rate
from premem.scoring.scores import MEMORIZATION_COLUMNS, RUN_COLUMNS, TEST_COLUMNS

TEST_SET = "test"
"""Name of the only test set of results that name none."""
# The authors look for these in this order, where there are several samplings of a checkpoint.
SAMPLINGS = ("5_seed2_temp0.8", "50_seed2_temp0.8", "5_seed2", "50_seed2", "10_seed2_temp0.8")
CORRECT, INCORRECT, NO_ANSWER = 0, 1, 2
"""Answer types of the release."""


@dataclass(frozen=True)
class Imported:
    """Imported scores: the two tables of ``premem.scoring.scores``, and why runs were left out, by name."""

    memorization: pd.DataFrame
    tests: pd.DataFrame
    left_out: dict[str, str]


class _Incomplete(Exception):
    """A run lacks a file; the others may still be whole."""


# --- the authors' release -------------------------------------------------------------------------------------------


def read_release(folder: Path, runs: str, model: str, dataset: str) -> Imported:
    """Read the runs of a (model, dataset) pair from the release of Kang et al. 2025.

    Args:
        folder: holds ``{runs}_{epochs}epochs_{size}_lr{lr}_bs{batch}/checkpoint-{step}/``, with answer types and
            perplexities as NumPy files, and ``subsample_idxs.npy`` beside the checkpoints.
        runs: what the names of the pair's runs begin with, such as ``gsm8k_orig``.
        model: its name in the study.
        dataset: its name in the study.

    Returns:
        The runs that are whole; example ids are row numbers, spelled as ``premem.data.preparation`` does.

    Raises:
        UserError: if a name does not parse, a file holds what it cannot, or no run is whole; it names the file.
    """
    folders = sorted(path for path in folder.glob(f"{runs}_*") if path.is_dir())
    if not folders:
        raise UserError(f"{folder}: no folder is called {runs}_…; give the folder that holds the runs of the release")
    release, left_out = _Release(), {}
    for path in folders:
        try:
            release.read_run(path, runs, model, dataset)
        except _Incomplete as reason:
            left_out[path.name] = str(reason)
    if not release.read:
        reasons = "\n".join(f"  {name}: {reason}" for name, reason in left_out.items())
        raise UserError(f"{folder}: no run of {runs} is whole\n{reasons}")
    # The largest, longest and fastest first, as a study file would list them.
    tables = [release.read[key] for key in sorted(release.read, reverse=True)]
    return Imported(_stack([scores for scores, _ in tables]), _stack([tests for _, tests in tables]), left_out)


class _Release:
    """The tables of the runs read so far, and the numbers of examples that all of them must have."""

    def __init__(self) -> None:
        # By size, epochs, learning rate and name:
        self.read: dict[tuple[int, int, float, str], tuple[pd.DataFrame, pd.DataFrame]] = {}
        self.examples: dict[str, tuple[int, Path]] = {}  # split → number, and the file that it was first seen in

    def read_run(self, path: Path, runs: str, model: str, dataset: str) -> None:
        run, batch = _parse_name(path, runs, model, dataset)
        trained_on = _read_array(path / "subsample_idxs.npy", dimensions=1, kind="integer")
        checkpoints = sorted(path.glob("checkpoint-*"), key=lambda folder: _step(folder))
        epochs = _epochs([_step(folder) for folder in checkpoints], run.epochs, len(trained_on), batch)
        named = {"run": run.name} | {name: getattr(run, name) for name in RUN_COLUMNS if name != "run"}
        scores, tests = [], []
        for epoch, checkpoint in zip(epochs, checkpoints, strict=True):
            types, more = self._read_answers(checkpoint, "train")
            perplexity = self._read_perplexity(checkpoint / "train_perplexities.npy")
            table = {
                **named,
                "epoch": epoch,
                "example_id": _ids("train", len(types)),
                **_shares(types),
                "perplexity": perplexity,
                "trained_on": np.isin(np.arange(len(types)), trained_on),
            }
            if more is not None:
                table |= {"accuracy_of_more": _shares(more)["accuracy"], "more_samples": _shares(more)["n_samples"]}
            scores.append(pd.DataFrame(table))
            types, _ = self._read_answers(checkpoint, "test")
            tests.append(
                pd.DataFrame(
                    {
                        "run": run.name,
                        "epoch": epoch,
                        "test_set": TEST_SET,
                        "example_id": _ids("test", len(types)),
                        **_shares(types),
                    }
                )
            )
        last = self.examples["train"][0] - 1
        if trained_on.min() < 0 or trained_on.max() > last or len(np.unique(trained_on)) < len(trained_on):
            raise UserError(
                f"{path / 'subsample_idxs.npy'}: indices must be distinct and from 0 to {last} (found "
                f"{len(np.unique(trained_on))} distinct of {len(trained_on)}, {trained_on.min()} to {trained_on.max()})"
            )
        if any(name == run.name for *_, name in self.read):
            raise UserError(f"{path}: there is another run with these epochs, size and learning rate; move one away")
        self.read[len(trained_on), run.epochs, float(run.lr), run.name] = _stack(scores), _stack(tests)

    def _read_answers(self, checkpoint: Path, split: str) -> tuple[NDArray, NDArray | None]:
        """Return the answer types that the authors took, and those of a larger sampling of the same kind, if any."""
        found = [sampling for sampling in SAMPLINGS if _answers(checkpoint, split, sampling).is_file()]
        if not found:
            raise _Incomplete(f"{_answers(checkpoint, split, SAMPLINGS[0])} is missing")
        taken, (size, kind) = found[0], _sampling(found[0])
        larger = [name for name in found if _sampling(name)[1] == kind and _sampling(name)[0] > size]
        files = [_answers(checkpoint, split, name) for name in (taken, *larger)]
        arrays = [_read_array(file, dimensions=2, kind="integer") for file in files]
        for file, array in zip(files, arrays, strict=True):
            self._check_length(file, split, len(array))
            if unknown := sorted(set(np.unique(array)) - {CORRECT, INCORRECT, NO_ANSWER}):
                raise UserError(
                    f"{file}: unknown answer type {unknown[0]}; it holds {CORRECT} (correct), {INCORRECT} (incorrect) "
                    f"and {NO_ANSWER} (no answer)"
                )
        return arrays[0], max(arrays[1:], key=lambda array: array.shape[1], default=None)

    def _read_perplexity(self, file: Path) -> NDArray:
        perplexity = _read_array(file, dimensions=1, kind="floating")
        self._check_length(file, "train", len(perplexity))
        if (bad := ~(np.isfinite(perplexity) & (perplexity >= 1))).any():
            row = int(bad.argmax())
            raise UserError(f"{file}: perplexity {row} is {perplexity[row]}; a perplexity is a number from 1 up")
        return perplexity

    def _check_length(self, file: Path, split: str, number: int) -> None:
        expected, first = self.examples.setdefault(split, (number, file))
        if number != expected:
            raise UserError(f"{file}: it holds {number} {split} examples, but {first} holds {expected}")


def _parse_name(path: Path, runs: str, model: str, dataset: str) -> tuple[Run, int]:
    match = re.fullmatch(rf"{re.escape(runs)}_(\d+)epochs_(\w+?)_lr([^_]+)_bs(\d+)", path.name)
    try:
        if match is None:
            raise ValueError
        epochs, size, lr, batch = match.groups()
        run = Run(model=model, dataset=dataset, lr=spell_learning_rate(lr), epochs=int(epochs), size=size, seed=0)
    except ValueError:
        raise UserError(
            f"{path}: the name of a run is {runs}_{{epochs}}epochs_{{size}}_lr{{lr}}_bs{{batch}}, such as "
            f"{runs}_6epochs_full_lr5e-05_bs128; rename the folder or move it away"
        ) from None
    return run, int(batch)


def _step(checkpoint: Path) -> int:
    number = checkpoint.name.removeprefix("checkpoint-")
    if not number.isdigit():
        raise UserError(f"{checkpoint}: a checkpoint is called checkpoint-{{step}}; rename the folder or move it away")
    return int(number)


def _epochs(steps: Sequence[int], epochs: int, examples: int, batch: int) -> list[int]:
    """Return the epoch after which each checkpoint was saved; they must be evenly spaced and end with the last epoch.

    How many steps an epoch has depends on how the last, smaller batch was treated, so the reading that ends with the
    last epoch, or else comes closest to whole epochs, is taken.
    """
    if not steps:
        raise _Incomplete("it has no checkpoint")
    per_epoch = [value for value in (examples // batch, examples / batch, -(-examples // batch)) if value >= 1]
    readings = [np.asarray(steps) / value for value in per_epoch] or [np.asarray(steps, dtype=float)]
    best = min(readings, key=lambda x: (round(x[-1]) != epochs, np.abs(x - np.rint(x)).sum()))
    whole = np.rint(best).astype(int).tolist()
    spacing = max(1, whole[0])
    if missing := sorted({*range(spacing, epochs + 1, spacing), epochs} - {*whole}):
        raise _Incomplete(
            f"the checkpoint of epoch {missing[0]} is missing (there are steps {', '.join(map(str, steps))})"
        )
    if len(whole) > len(set(whole)) or whole[-1] > epochs:
        raise _Incomplete(f"its steps {', '.join(map(str, steps))} do not fit {epochs} epochs of {examples} examples")
    return whole


def _answers(checkpoint: Path, split: str, sampling: str) -> Path:
    return checkpoint / f"{split}_answer_types{sampling}.npy"


def _sampling(name: str) -> tuple[int, str]:
    """``50_seed2_temp0.8`` → 50 samples, of the kind ``seed2_temp0.8``."""
    number, _, kind = name.partition("_")
    return int(number), kind


def _read_array(file: Path, dimensions: int, kind: Literal["integer", "floating"]) -> NDArray:
    if not file.is_file():
        raise _Incomplete(f"{file} is missing")
    try:
        array = np.load(file, allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        raise UserError(f"{file}: not a readable NumPy file ({error}); fetch it again") from error
    if array.ndim != dimensions or not array.size or not np.issubdtype(array.dtype, getattr(np, kind)):
        raise UserError(
            f"{file}: it should hold {kind} numbers in {dimensions} dimension(s), but holds "
            f"{array.dtype} of shape {array.shape}"
        )
    return array


def _shares(types: NDArray) -> dict[str, NDArray | int]:
    return {"accuracy": (types == CORRECT).mean(axis=1), "n_samples": types.shape[1]}


def _ids(split: str, number: int) -> pd.Categorical:
    """The ids that ``premem.data.preparation`` gives to the rows of a data file."""
    return pd.Categorical.from_codes(np.arange(number), [f"{split}-{row:05d}" for row in range(number)])


def _stack(tables: Sequence[pd.DataFrame]) -> pd.DataFrame:
    return pd.concat(tables, ignore_index=True)


# --- anybody's tables -----------------------------------------------------------------------------------------------


def read_tables(train: Sequence[Path], test: Sequence[Path], model: str, dataset: str) -> Imported:
    """Read scores from Parquet, CSV or JSONL files in the project's format.

    Args:
        train: files with lr, epochs, size, epoch, example_id, perplexity, and either accuracy (a share from 0 to 1) or
            grade (correct, incorrect or no_answer; then a row per sampled answer). They may have seed (else 0),
            n_samples and trained_on (else true).
        test: files with lr, epochs, size, epoch, example_id, and accuracy or grade. They may have seed, n_samples and
            test_set (else ``test``).
        model: its name in the study.
        dataset: its name in the study.

    Raises:
        UserError: naming the file, the column and the row of what is wrong.
    """
    memorization = _stack([_read_scores(file, model, dataset, ["perplexity"]) for file in train])
    tests = _stack([_read_scores(file, model, dataset, []) for file in test])
    keys = ["run", "epoch", "example_id"]
    for table, files, by in ((memorization, train, keys), (tests, test, [*keys, "test_set"])):
        if (repeated := table.duplicated(by)).any():
            row = table[repeated].iloc[0]
            raise UserError(
                f"{', '.join(map(str, files))}: example {row['example_id']} of run {row['run']} occurs twice at epoch "
                f"{row['epoch']}; keep one of the rows, or give grades, a row per sampled answer"
            )
    return Imported(memorization[MEMORIZATION_COLUMNS], tests[TEST_COLUMNS], {})


def _read_scores(file: Path, model: str, dataset: str, more_columns: Sequence[str]) -> pd.DataFrame:
    table = _read_file(file)
    columns = ["lr", "epochs", "size", "epoch", "example_id", *more_columns]
    missing = [column for column in columns if column not in table]
    if "accuracy" not in table and "grade" not in table:
        missing.append("accuracy (or grade)")
    if missing:
        raise UserError(f"{file}: column {', '.join(missing)} is missing (it has {', '.join(table)})")
    table = table.assign(
        **{name: value for name, value in {"seed": 0, "trained_on": True}.items() if name not in table}
    )
    for column, problem, bad in _bad_values(table):
        if bad.any():
            row = int(bad.to_numpy().argmax())
            raise UserError(f"{file}, row {row + 1}: {column} {problem} (given: {table[column].iloc[row]})")
    if "test_set" not in table:
        table = table.assign(test_set=TEST_SET)
    table = table.assign(lr=table["lr"].map({value: spell_learning_rate(value) for value in table["lr"].unique()}))
    axes = ["lr", "epochs", "size", "seed"]
    names = {}
    for values in table[axes].drop_duplicates().itertuples(index=False):
        lr, epochs, size, seed = values
        run = Run(model=model, dataset=dataset, lr=lr, epochs=int(epochs), size=str(size), seed=int(seed))
        names[tuple(values)] = run.name
    table = table.assign(run=[names[values] for values in zip(*(table[axis] for axis in axes), strict=True)])
    table = table.astype({"example_id": str, "size": str, "epochs": int, "epoch": int, "seed": int})
    return (
        _share_of_grades(table, more_columns) if "grade" in table else table.assign(n_samples=table.get("n_samples", 1))
    )


def _bad_values(table: pd.DataFrame) -> Iterator[tuple[str, str, pd.Series]]:
    """Yield (column, what it should be, which rows are not)."""
    for column in ("epochs", "epoch", "n_samples"):
        if column in table:
            number = pd.to_numeric(table[column], errors="coerce")
            yield column, "must be a whole number from 1 up", ~((number >= 1) & (number % 1 == 0))
    yield "lr", "must be a number above 0", ~(pd.to_numeric(table["lr"], errors="coerce") > 0)
    yield "example_id", "must not be empty", table["example_id"].isna()
    if "perplexity" in table:
        number = pd.to_numeric(table["perplexity"], errors="coerce")
        yield "perplexity", "must be a number from 1 up", ~((number >= 1) & np.isfinite(number))
    if "grade" in table:
        yield (
            "grade",
            "must be correct, incorrect or no_answer",
            ~table["grade"].isin(["correct", "incorrect", "no_answer"]),
        )
    else:
        number = pd.to_numeric(table["accuracy"], errors="coerce")
        yield "accuracy", "must be a share from 0 to 1", ~number.between(0, 1)


def _share_of_grades(table: pd.DataFrame, same: Sequence[str]) -> pd.DataFrame:
    """One row per example and checkpoint, from one per sampled answer."""
    keys = [*RUN_COLUMNS, "epoch", "example_id", "test_set", "trained_on", *same]
    groups = table.assign(correct=table["grade"] == "correct").groupby(keys, sort=False)["correct"]
    return groups.agg(accuracy="mean", n_samples="size").reset_index()


def _read_file(file: Path) -> pd.DataFrame:
    readers = {
        ".parquet": pd.read_parquet,
        ".csv": lambda path: pd.read_csv(path, dtype={"lr": str, "example_id": str}),
        ".jsonl": lambda path: pd.read_json(path, lines=True, dtype={"example_id": str}),
    }
    if file.suffix not in readers:
        raise UserError(f"{file}: tables are read from {', '.join(readers)} files")
    try:
        return readers[file.suffix](file)
    except (OSError, ValueError) as error:
        raise UserError(f"{file}: not readable as {file.suffix.removeprefix('.')} ({error})") from error
