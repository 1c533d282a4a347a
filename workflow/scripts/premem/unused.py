"""Results on disk that a study no longer mentions, as after an edit of its sweep."""

from collections.abc import Iterable
from pathlib import Path

from premem.files import remove
from premem.provenance import path_of
from premem.study import POOL, TRAIN, Study


def find_unused(study: Study, results: Path) -> list[Path]:
    """Return the folders and files below a study's results that it no longer mentions."""
    splits = {name: (TRAIN, *dataset.test) for name, dataset in study.datasets.items()}
    splits |= dict.fromkeys(study.rounds, (TRAIN,))
    pools = [name for name, dataset in study.datasets.items() if dataset.new_examples and dataset.new_examples.pool]
    models = {run.model for run in study.trained_runs}
    models |= {d.new_examples.write.model for d in study.datasets.values() if d.new_examples and d.new_examples.write}
    trained_pairs = {*study.pairs, *((run.model, run.dataset) for run in study.trained_runs)}
    mentioned = {
        "models/*": [f"{model}{ending}" for model in models for ending in ("", ".json")],
        "data/*/*.parquet": [
            *(f"{name}/{split}.parquet" for name in splits for split in splits[name]),
            *(f"{name}/{POOL}.parquet" for name in pools),
        ],
        "tokens/*/*/*.parquet": [f"{m}/{d}/{split}.parquet" for m, d in trained_pairs for split in splits[d]],
        "pairs/*/*": [f"{model}/{dataset}" for model, dataset in study.judged_pairs],
        "across/*": study.compared_datasets,
        "curation": [""] if study.curation else [],
        "releases/*/*": [f"{m}/{d}{ending}" for m, d in study.imported for ending in ("", ".json")],
        "runs/*/*/*": [str(run) for run in study.trained_runs],
        "runs/*/*/*/epoch-*": list(_epochs(study, "epoch-")),
        "runs/*/*/*/checkpoints/epoch-*": list(_epochs(study, "checkpoints/epoch-")),
    }
    unused: list[Path] = []
    for pattern, kept in mentioned.items():
        top = pattern.partition("/")[0]
        for path in sorted(results.glob(pattern)):
            is_kept = str(path.relative_to(results / top)) in kept or path.name.startswith(".")
            if not is_kept and not any(parent in unused for parent in path.parents):
                unused.append(path)
    return unused


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
