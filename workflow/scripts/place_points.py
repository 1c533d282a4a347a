"""Place the checkpoints of a run: train, predicted and test accuracy at the pair's threshold p."""

from pathlib import Path

from premem.base import cli
from premem.base.tables import write_table
from premem.scoring.scores import place_points, runs_of_tables
from premem.scoring.stored import read_memorization, read_tests
from premem.scoring.threshold import read_threshold


def main(memorization: Path, tests: Path, threshold: Path, test_set: str | None, out: Path) -> None:
    runs = runs_of_tables(read_memorization(memorization), read_tests(tests), test_set)
    write_table(place_points(runs, read_threshold(threshold).threshold), out)


if __name__ == "__main__":
    cli.run(main)
