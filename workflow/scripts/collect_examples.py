"""Collect new examples like those that a strategy selects, and put them under a training set."""

import json
import sys
from pathlib import Path

from premem.analysis.curation.collect import collect, describe_examples, extend
from premem.analysis.curation.overlap import Overlap
from premem.analysis.curation.page import selection_page
from premem.analysis.curation.sources import open_source
from premem.base import cli
from premem.base.files import whole
from premem.base.tables import read_table, write_table
from premem.config.curation import Collection, NewExamples, StrategyName
from premem.config.data import Reading
from premem.config.hardware import SamplingHardware
from premem.lm.tokens import select_subset
from premem.scoring.scores import MEMORIZATION_COLUMNS


def main(
    examples: Path,
    size: float,
    previous: list[Path],
    tests: list[Path],
    memorization: list[Path],
    threshold: list[Path],
    ifd: list[Path],
    pool: list[Path],
    writer: list[Path],
    strategy: StrategyName,
    difficulty: list[str],
    number: int,
    seed: int,
    source: NewExamples,
    example_settings: Reading,
    settings: Collection,
    hardware: SamplingHardware,
    title: str,
    out: Path,
    more: list[Path],
) -> None:
    training_set = select_subset(read_table(examples, ["example_id", "question", "solution", "subset_rank"]), size)
    p = json.loads(threshold[0].read_text(encoding="utf-8"))["threshold"] if threshold else None
    described = describe_examples(
        training_set,
        memorization=read_table(memorization[0], MEMORIZATION_COLUMNS) if memorization else None,
        p=p,
        ifd=read_table(ifd[0], ["example_id", "ifd"]) if ifd else None,
        difficulty=difficulty[0] if difficulty else None,
    )
    before = read_table(previous[0], ["question", "round"]) if previous else training_set
    if "round" not in before:
        before = before.assign(round=0)
    round = int(before["round"].max()) + 1
    questions = [question for path in tests for question in read_table(path, ["question"])["question"]]
    model = writer[0] if writer else None
    rows = read_table(pool[0], ["question", "resembles"]) if pool else None
    opened = open_source(source, training_set, example_settings, rows, model, hardware, f"{strategy} {seed} {round}")
    known = [*before["question"], *questions]
    collected = collect(described, strategy, number, settings, opened, known, questions, (seed, round), title)
    if collected.fell_back:
        print(f"{strategy} selects no example: new ones are collected like all (collection.fallback)", file=sys.stderr)
    extended = extend(before, collected, strategy, round, source.kind)
    overlap = Overlap(questions, settings.ngram).share(training_set["question"])
    write_table(
        extended,
        out,
        trained_on=len(training_set),
        selected=collected.selected,
        p=p,
        fell_back=collected.fell_back,
        left_out=collected.left_out,
        overlap_of_start=overlap,
    )
    for path in more:
        with whole(path) as aside:
            if path.suffix == ".jsonl":
                extended.drop(columns="subset_rank").to_json(aside, orient="records", lines=True, force_ascii=False)
            else:
                aside.write_text(
                    selection_page(title, described, collected, strategy, settings, p, overlap), encoding="utf-8"
                )


if __name__ == "__main__":
    cli.run(main)
