"""Report on every training example of a run: a table, and a page of the most and the least learned ones."""

import json
from pathlib import Path

from premem.analysis.example_reports import examples_page, examples_table
from premem.analysis.robustness import MODEL_TITLES
from premem.base import cli
from premem.base.files import whole
from premem.base.tables import read_table, write_table
from premem.config.data import TRAIN
from premem.data.difficulty import difficulty_of
from premem.scoring.scores import MEMORIZATION_COLUMNS


def main(
    title: str,
    memorization: Path,
    threshold: Path,
    data: Path,
    samples: Path,
    grades: Path,
    drops: list[Path],
    difficulty: list[str],
    grader: str,
    shown: int,
    table: Path,
    out: Path,
) -> None:
    scores = read_table(memorization, MEMORIZATION_COLUMNS)
    last = scores["epoch"].max()
    p = json.loads(threshold.read_text(encoding="utf-8"))["threshold"]
    predicted, predicted_from = None, ""
    for path in drops:
        found = read_table(path, ["run", "epoch", "example_id", "predicted_drop", "model"])
        here = (found["run"] == memorization.parent.name) & (found["epoch"] == last)
        predicted = found[here].set_index("example_id")["predicted_drop"]
        predicted_from = MODEL_TITLES[found["model"].iloc[0]]
    texts = read_table(data, ["example_id", "question", "solution"])
    labels = difficulty_of(texts.set_index("example_id"), difficulty[0]) if difficulty else None
    examples = examples_table(scores, p, texts, predicted, labels)

    keys = ["split", "example_id", "sample"]
    graded = read_table(grades, ["epoch", *keys, grader, f"{grader}_extracted"])
    graded = graded[(graded["epoch"] == last) & (graded["split"] == TRAIN)]
    graded = graded.rename(columns={grader: "grade", f"{grader}_extracted": "extracted"})
    answers = read_table(samples, [*keys, "text"])[[*keys, "text"]].merge(
        graded[[*keys, "grade", "extracted"]], on=keys, validate="1:1"
    )
    write_table(examples, table)
    with whole(out) as aside:
        aside.write_text(examples_page(title, examples, answers, p, shown, predicted_from), encoding="utf-8")


if __name__ == "__main__":
    cli.run(main)
