"""Results on disk that a study no longer mentions, as after an edit of its sweep."""

from collections.abc import Iterable
from pathlib import Path
from typing import get_args

from premem.base.files import remove
from premem.base.provenance import path_of
from premem.config.analyses import FigureFormat
from premem.config.data import POOL, TRAIN
from premem.config.study import Study

FIGURES = (
    "pairs/*/*/figures/* pairs/*/*/scrutiny/* runs/*/*/*/figures/* across/*/model_comparison curation/curation".split()
)


def find_unused(study: Study, results: Path) -> list[Path]:
    """Return the folders and files below a study's results that it no longer mentions."""
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
            if not (name in kept or path.name.startswith(".") or any(parent in unused for parent in path.parents)):
                unused[path] = None
    return list(unused)


def _ending(names: Iterable[str], *endings: str) -> list[str]:
    return [f"{name}{ending}" for name in names for ending in endings]


def _epochs(study: Study, folder: str) -> Iterable[str]:
    return (f"{run}/{folder}{epoch}" for run in study.trained_runs for epoch in study.checkpoint_epochs(run.epochs))


def size_of(path: Path) -> int:
    """Bytes of a file, or of all files in a folder."""
    return sum(file.stat().st_size for file in [path, *path.rglob("*")] if file.is_file())


def remove_unused(unused: Iterable[Path]) -> None:
    """Remove results, and with them what says what made them."""
    for path in unused:
        remove(path)
        remove(path_of(path))
