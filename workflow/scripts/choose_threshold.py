"""Write the threshold p of a pair, from where the study says that it comes."""

from pathlib import Path

from premem.analysis.regression.calibration import choose_threshold
from premem.base import cli
from premem.base.tables import read_csv
from premem.config.statistics import Threshold, ThresholdSource
from premem.scoring.stored import read_memorization
from premem.scoring.threshold import read_threshold, write_threshold


def main(
    settings: Threshold,
    source: ThresholdSource,
    calibration: Path | None,
    memorization: Path | None,
    other: Path | None,
    out: Path,
) -> None:
    chosen = choose_threshold(
        settings,
        source,
        read_csv(calibration) if calibration else None,
        read_memorization(memorization) if memorization else None,
        read_threshold(other) if other else None,
        str(out.parent.parent.name) + " on " + out.parent.name,
    )
    write_threshold(chosen, out)


if __name__ == "__main__":
    cli.run(main)
