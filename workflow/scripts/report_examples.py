"""Report on every training example of a run: a table, and a page of the most and the least learned ones."""

from pathlib import Path

from premem.analysis.example_reports import answers_to_show, drops_of_run, examples_page, examples_table
from premem.base import cli
from premem.base.files import write_text
from premem.base.tables import read_table, write_table
from premem.data.difficulty import difficulty_of
from premem.scoring.stored import read_grades, read_memorization
from premem.scoring.threshold import read_threshold


def main(
    title: str,
    memorization: Path,
    threshold: Path,
    data: Path,
    samples: Path,
    grades: Path,
    drops: Path | None,
    difficulty: str | None,
    grader: str,
    shown: int,
    table: Path,
    out: Path,
) -> None:
    scores, chosen = read_memorization(memorization), read_threshold(threshold)
    last, run = scores["epoch"].max(), memorization.parent.name
    texts = read_table(data, ["example_id", "question", "solution"])
    labels = difficulty_of(texts.set_index("example_id"), difficulty) if difficulty else None
    predicted, predicted_from = None, ""
    if drops:
        columns = ["run", "epoch", "example_id", "predicted_drop", "predictor_set"]
        predicted, predicted_from = drops_of_run(read_table(drops, columns), run, last)
    examples = examples_table(scores, chosen.threshold, texts, predicted, labels)
    answers = answers_to_show(
        read_table(samples, ["split", "example_id", "sample", "text"]),
        read_grades(grades, [grader], [f"{grader}_extracted"]),
        last,
        grader,
    )
    write_table(examples, table)
    write_text(examples_page(title, examples, answers, chosen, shown, predicted_from), out)


if __name__ == "__main__":
    cli.run(main)
