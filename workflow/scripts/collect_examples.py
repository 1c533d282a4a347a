"""Collect new examples like those that a strategy selects, and put them under a training set."""

import json
import sys
from pathlib import Path

from premem import cli
from premem.curation.collect import collect, describe_examples, extend
from premem.curation.overlap import Overlap
from premem.curation.sources import open_source
from premem.scores import MEMORIZATION_COLUMNS
from premem.settings import Collection, Examples, NewExamples, SamplingHardware, StrategyName
from premem.tables import read_table, write_table


def main(
    name: str,
    examples: Path,
    previous: Path,
    tests: list[Path],
    memorization: list[Path],
    threshold: list[Path],
    ifd: list[Path],
    writer: list[Path],
    strategy: StrategyName,
    difficulty: list[str],
    number: int,
    round: int,
    seed: int,
    source: NewExamples,
    example_settings: Examples,
    settings: Collection,
    hardware: SamplingHardware,
    out: Path,
) -> None:
    training_set = read_table(examples, ["example_id", "question", "solution", "subset_rank"])
    described = describe_examples(
        training_set,
        memorization=read_table(memorization[0], MEMORIZATION_COLUMNS) if memorization else None,
        p=json.loads(threshold[0].read_text())["threshold"] if threshold else None,
        ifd=read_table(ifd[0], ["example_id", "ifd"]) if ifd else None,
        difficulty=difficulty[0] if difficulty else None,
    )
    before = read_table(previous, ["example_id", "question"])
    questions = [question for path in tests for question in read_table(path, ["question"])["question"]]
    opened = open_source(
        name,
        source,
        training_set,
        example_settings,
        writer[0] if writer else None,
        hardware,
        f"{strategy} {seed} {round}",
    )
    collected = collect(
        described,
        strategy,
        number,
        settings,
        opened,
        [*before["question"], *questions],
        questions,
        (seed, round),
        f"curation round {round} ({strategy}, seed {seed})",
    )
    if collected.fell_back:
        print(f"{strategy} selects no example: new ones are collected like all (collection.fallback)", file=sys.stderr)
    write_table(
        extend(before, collected, strategy, round, source.kind),
        out,
        trained_on=len(training_set),
        selected=collected.selected,
        fell_back=collected.fell_back,
        left_out=collected.left_out,
        overlap_of_start=Overlap(questions, settings.ngram).share(training_set["question"]),
    )


if __name__ == "__main__":
    cli.run(main)
