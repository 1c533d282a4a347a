"""Collect new examples like those that a strategy selects, and append them to a training set."""

import sys
from pathlib import Path

from premem.analysis.curation.collect import describe_examples
from premem.analysis.curation.next_round import extend_training_set
from premem.analysis.curation.page import selection_page
from premem.base import cli
from premem.base.files import whole, write_text
from premem.base.tables import read_table, write_table
from premem.config.curation import Collection, NewExamples, StrategyName
from premem.config.data import Reading
from premem.config.hardware import SamplingHardware
from premem.config.runs import Subset
from premem.data.subsets import trained_on
from premem.scoring.stored import read_memorization
from premem.scoring.threshold import read_threshold


def main(
    examples: Path,
    subset: Subset,
    previous: Path | None,
    tests: list[Path],
    memorization: Path | None,
    threshold: Path | None,
    ifd: Path | None,
    pool: Path | None,
    writer: Path | None,
    strategy: StrategyName,
    difficulty: str | None,
    number: int,
    seed: int,
    source: NewExamples,
    reading: Reading,
    settings: Collection,
    hardware: SamplingHardware,
    title: str,
    out: Path,
    jsonl: Path | None = None,
    page: Path | None = None,
) -> None:
    training_set = trained_on(read_table(examples, ["example_id", "question", "solution", "subset_rank"]), subset)
    chosen = read_threshold(threshold) if threshold else None
    p = chosen.threshold if chosen else None
    described = describe_examples(
        training_set,
        memorization=read_memorization(memorization) if memorization else None,
        p=p,
        ifd=read_table(ifd, ["example_id", "ifd"]) if ifd else None,
        difficulty=difficulty,
    )
    extended = extend_training_set(
        described,
        read_table(previous, ["question", "round"]) if previous else training_set,
        [question for path in tests for question in read_table(path, ["question"])["question"]],
        strategy,
        number,
        seed,
        settings,
        source,
        reading,
        read_table(pool, ["question", "resembles"]) if pool else None,
        writer,
        hardware,
        title,
    )
    collected, overlap = extended.collected, extended.overlap_of_start
    if collected.fell_back:
        print(f"{strategy} selects no example, so all of them are used (collection.fallback)", file=sys.stderr)
    write_table(
        extended.examples,
        out,
        trained_on=len(training_set),
        selected=collected.selected,
        p=p,
        fell_back=collected.fell_back,
        left_out=collected.left_out,
        overlap_of_start=overlap,
    )
    if jsonl:
        rows = extended.examples.drop(columns="subset_rank")
        with whole(jsonl) as aside:
            rows.to_json(aside, orient="records", lines=True, force_ascii=False)
    if page:
        write_text(selection_page(title, described, collected, strategy, settings, chosen, overlap), page)


if __name__ == "__main__":
    cli.run(main)
