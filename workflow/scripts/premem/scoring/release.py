"""The release of Kang et al. 2025: answer types and perplexities of their runs, in NumPy files."""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from premem.base.errors import UserError
from premem.config.block import NAME_PATTERN
from premem.config.runs import Run
from premem.config.sweep import spell_learning_rate
from premem.scoring.imported_results import MEMORIZED, TEST_SET, Imported, doubts_about_membership, stack_tables
from premem.scoring.scores import RUN_COLUMNS

# The authors look for these in this order, where there are several samplings of a checkpoint.
SAMPLINGS = ("5_seed2_temp0.8", "50_seed2_temp0.8", "5_seed2", "50_seed2", "10_seed2_temp0.8")
CORRECT, INCORRECT, NO_ANSWER = 0, 1, 2
"""Answer types of the release."""
FULL = "full"
"""The size of the release's runs that were trained on all examples."""
MARGIN = 0.05
"""How far, as a share of the examples listed, the number of memorized ones may be off for a run to be repaired."""


class _Incomplete(Exception):
    """A run lacks a file; the others may still be whole."""


def read_release(folder: Path, runs: str, model: str, dataset: str) -> Imported:
    """Read the runs of a (model, dataset) pair from the release of Kang et al. 2025.

    Args:
        folder: holds ``{runs}_{epochs}epochs_{size}_lr{lr}_bs{batch}/checkpoint-{step}/``, with answer types and
            perplexities as NumPy files, and ``subsample_idxs.npy`` next to the checkpoints: the examples that the run
            was trained on. A full-size run may lack it, since it was trained on all.
        runs: what the names of the pair's runs begin with, such as ``gsm8k_orig``.
        model: its name in the study.
        dataset: its name in the study.

    Returns:
        The runs that are whole; example ids are row numbers, spelled as ``premem.data.preparation`` does. A run that
        memorized as much as if it had been trained on other examples than listed is taken to be trained on those of the
        lowest perplexity at its last checkpoint, and named; see ``doubts_about_membership``.

    Raises:
        UserError: if a name does not parse, a file holds what it cannot, or no run is complete; it names the file.
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
        raise UserError(f"{folder}: no run of {runs} is complete\n{reasons}")
    # The largest, longest and fastest first, as a study file would list them.
    tables = [release.read[key] for key in sorted(release.read, reverse=True)]
    scores, tests = (stack_tables(parts) for parts in zip(*tables, strict=True))
    return Imported(scores, tests, left_out, release.doubted)


class _Release:
    """The tables of the runs read so far, and the numbers of examples that all of them must have."""

    def __init__(self) -> None:
        # By size, epochs, learning rate and name:
        self.read: dict[tuple[int, int, float, str], tuple[pd.DataFrame, pd.DataFrame]] = {}
        self.examples: dict[str, tuple[int, Path]] = {}  # split → number, and the file that it was first seen in
        self.doubted: dict[str, str] = {}

    def read_run(self, path: Path, runs: str, model: str, dataset: str) -> None:
        run, batch = _parse_name(path, runs, model, dataset)
        checkpoints = sorted(path.glob("checkpoint-*"), key=lambda folder: _step(folder))
        if not checkpoints:
            raise _Incomplete("it has no checkpoint")
        read = [
            (
                self._read_answers(checkpoint, "train"),
                self._read_perplexity(checkpoint / "train_perplexities.npy"),
                self._read_answers(checkpoint, "test")[0],
            )
            for checkpoint in checkpoints
        ]
        trained_on, repair = _read_trained_on(path / "subsample_idxs.npy", run.size, last_perplexity=read[-1][1])
        epochs = _epochs([_step(folder) for folder in checkpoints], run.epochs, len(trained_on), batch)
        named = {"run": run.name} | {name: getattr(run, name) for name in RUN_COLUMNS if name != "run"}
        scores, tests = [], []
        for epoch, ((types, more), perplexity, test_types) in zip(epochs, read, strict=True):
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
            tests.append(
                pd.DataFrame(
                    {
                        "run": run.name,
                        "epoch": epoch,
                        "test_set": TEST_SET,
                        "example_id": _ids("test", len(test_types)),
                        **_shares(test_types),
                    }
                )
            )
        if any(name == run.name for *_, name in self.read):
            raise UserError(f"{path}: there is another run with these epochs, size and learning rate; move one away")
        self.read[len(trained_on), run.epochs, float(run.lr), run.name] = stack_tables(scores), stack_tables(tests)
        self.doubted |= {path.name: repair} if repair else {}

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


def _read_trained_on(file: Path, size: str, last_perplexity: NDArray) -> tuple[NDArray, str]:
    """Return the numbers of the examples that a run was trained on, and how they were repaired if they were.

    Args:
        file: lists them; a full-size run may lack it.
        size: of the run.
        last_perplexity: of every example, at the run's last checkpoint.
    """
    if size == FULL and not file.is_file():
        return np.arange(len(last_perplexity)), ""
    listed = _read_array(file, dimensions=1, kind="integer")
    last = len(last_perplexity) - 1
    if listed.min() < 0 or listed.max() > last or len(np.unique(listed)) < len(listed):
        raise UserError(
            f"{file}: indices must be distinct and from 0 to {last} (found {len(np.unique(listed))} distinct of "
            f"{len(listed)}, {listed.min()} to {listed.max()})"
        )
    doubts = doubts_about_membership(last_perplexity, np.isin(np.arange(last + 1), listed), file.name)
    if not doubts:
        return listed, ""
    memorized = int((last_perplexity <= MEMORIZED).sum())
    if abs(memorized - len(listed)) > MARGIN * len(listed):
        raise _Incomplete(
            f"{doubts} Nor do the perplexities tell which examples it was trained on, since {memorized} examples are "
            f"memorized and {len(listed)} are listed."
        )
    return np.sort(np.argsort(last_perplexity, kind="stable")[: len(listed)]), (
        f"{doubts} It is taken to be trained on the {len(listed)} examples of the lowest perplexity; {memorized} "
        "examples are memorized."
    )


def _parse_name(path: Path, runs: str, model: str, dataset: str) -> tuple[Run, int]:
    match = re.fullmatch(rf"{re.escape(runs)}_(\d+)epochs_({NAME_PATTERN})_lr([^_]+)_bs(\d+)", path.name)
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
