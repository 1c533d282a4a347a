"""Results on disk that a study no longer mentions, as after an edit of its sweep.

Only what the workflow made is listed and removed: what ``.made`` names, its logs, and what a killed job left half
written. A folder or file that somebody put among the results stays. Links are never followed.
"""

import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import get_args

from premem.base.files import remove
from premem.base.provenance import FOLDER, path_of
from premem.config.analyses import FigureFormat
from premem.config.data import POOL, TRAIN
from premem.config.study import Study

FIGURES = (
    "pairs/*/*/figures/* pairs/*/*/scrutiny/* runs/*/*/*/figures/* across/*/model_comparison curation/curation".split()
)


UNRECORDED = {"logs", "benchmarks", "settings"}
"""Folders of results whose files ``.made`` does not name."""
WORKING = {".training"}
"""Folders in which a job works, and which a killed one leaves."""
HALF_WRITTEN = (".partial", ".removed")
"""What the names of hidden files and folders end in that are being written or removed (``premem.base.files``)."""


def find_unused(study: Study, results: Path) -> list[Path]:
    """Return the folders and files below a study's results that the workflow made and no longer mentions.

    A folder that holds other people's files as well is among them; ``remove_unused`` leaves those there.
    """
    splits = {name: (TRAIN, *dataset.test) for name, dataset in study.datasets.items()}
    splits |= dict.fromkeys(study.rounds, (TRAIN,))
    data = [f"{name}/{split}" for name in splits for split in splits[name]]
    data += [f"{name}/{POOL}" for name, d in study.datasets.items() if d.new_examples and d.new_examples.pool]
    imported = [(entry.model, entry.dataset) for entry in study.imports]  # those as well that a local release lacks
    trained_pairs = {*study.pairs, *((run.model, run.dataset) for run in study.trained_runs)}
    settled = [*study.models, *(f"training_ep{run.epochs}_{run.size}" for run in study.trained_runs)]
    runs = [str(run) for run in study.trained_runs]
    # Of what lies in a folder and is named so, the study mentions these.
    mentioned: list[tuple[str, str, Iterable[str]]] = [
        ("models", "*", _ending(study.models, "", ".json")),
        ("settings", "*.txt", _ending(settled, ".txt")),
        ("data", "*/*.parquet", _ending(data, ".parquet")),
        ("tokens", "*/*", [f"{model}/{dataset}" for model, dataset in trained_pairs]),
        ("tokens", "*/*/*.parquet", [f"{m}/{d}/{split}.parquet" for m, d in trained_pairs for split in splits[d]]),
        ("pairs", "*/*", [f"{model}/{dataset}" for model, dataset in [*study.pairs, *imported]]),
        ("across", "*", study.compared_datasets),
        (".", "curation", ["curation"] if study.curation else []),
        ("releases", "*/*", _ending((f"{model}/{dataset}" for model, dataset in imported), "", ".json")),
        ("runs", "*/*/*", runs),
        ("runs", "*/*/*/epoch-*", _epochs(study, "epoch-")),
        ("runs", "*/*/*/checkpoints/epoch-*", _epochs(study, "checkpoints/epoch-")),
    ]
    for folder, ending in (("logs/*", ".log"), ("benchmarks/*", ".tsv")):  # only a run has underscores in its name
        mentioned.append((folder, "*/*/lr*_ep*_*_seed*", _ending(runs, "", ending)))
        mentioned.append((folder, "*/*/lr*_ep*_*_seed*/epoch-*", _ending(_epochs(study, "epoch-"), ending)))
    other_formats = [format for format in get_args(FigureFormat) if format not in study.figures.formats]
    mentioned += [(".", f"{figure}.{format}", []) for figure in FIGURES for format in other_formats]
    unused: dict[Path, None] = {}
    for folder, pattern, names in mentioned:
        kept = set(names)
        for path in sorted(results.glob(f"{folder}/{pattern}")):
            name = str(path.relative_to(path.parents[pattern.count("/")]))
            if name in kept or path.name.startswith(".") or any(parent in unused for parent in path.parents):
                continue
            if not _behind_link(path, results) and next(_removable(path, results), None):
                unused[path] = None
    for path in _half_written(results):
        if not any(parent in unused for parent in path.parents):
            unused[path] = None
    return list(unused)


def _behind_link(path: Path, results: Path) -> bool:
    """Is a folder between the results and the path a link, so that the path lies somewhere else?"""
    below = path.relative_to(results).parents
    return any((results / folder).is_symlink() for folder in below if folder != Path("."))


def _removable(path: Path, results: Path) -> Iterator[Path]:
    """Yield the files, folders and links at or below a path that may be removed: those that the workflow made."""
    unrecorded = path.relative_to(results).parts[0] in UNRECORDED and path.is_file()
    working = path.name in WORKING or _is_half_written(path)
    if path.is_symlink() or path_of(path).is_file() or unrecorded or working:
        yield path
    elif path.is_dir():
        for child in sorted(path.iterdir()):
            # A link within a folder counts only if it stands in the place of a result.
            if child.name != FOLDER and (not child.is_symlink() or path_of(child).is_file()):
                yield from _removable(child, results)


def _is_half_written(path: Path) -> bool:
    return path.name.startswith(".") and path.name.endswith(HALF_WRITTEN)


def _half_written(results: Path) -> Iterator[Path]:
    for folder, folders, files in os.walk(results):  # it does not follow links
        yield from sorted(filter(_is_half_written, (Path(folder, name) for name in (*folders, *files))))
        folders[:] = [name for name in folders if not _is_half_written(Path(name))]


def _ending(names: Iterable[str], *endings: str) -> list[str]:
    return [f"{name}{ending}" for name in names for ending in endings]


def _epochs(study: Study, folder: str) -> Iterable[str]:
    return (f"{run}/{folder}{epoch}" for run in study.trained_runs for epoch in study.checkpoint_epochs(run.epochs))


def size_of(path: Path, results: Path) -> int:
    """Bytes of what may be removed at or below a path."""
    return sum(map(_bytes, _removable(path, results)))


def _bytes(path: Path) -> int:
    if path.is_symlink() or not path.is_dir():
        return path.lstat().st_size
    return sum(Path(folder, name).lstat().st_size for folder, _, files in os.walk(path) for name in files)


def remove_unused(unused: Iterable[Path], results: Path) -> list[Path]:
    """Remove results, and with them what says what made them.

    Returns:
        the folders among them that stay, since they hold files that the workflow did not make.
    """
    stay = []
    for path in unused:
        for made in [*_removable(path, results)]:
            remove(made)
            path_of(made).unlink(missing_ok=True)
        _remove_empty(path)
        if path.is_dir() and not path.is_symlink():
            stay.append(path)
    return stay


def _remove_empty(folder: Path) -> None:
    """Remove a folder and those below it, as far as they hold no file."""
    if folder.is_symlink() or not folder.is_dir():
        return
    for child in folder.iterdir():
        _remove_empty(child)
    if not any(folder.iterdir()):
        folder.rmdir()
