"""Write the threshold p of a pair: the one that the study fixes, otherwise the calibrated one."""

from pathlib import Path

from premem.analysis.regression.calibration import best_threshold
from premem.base import cli
from premem.base.tables import read_csv
from premem.config.statistics import Threshold
from premem.scoring.threshold import ChosenThreshold, write_threshold


def main(calibration: Path | None, settings: Threshold, out: Path) -> None:
    if settings.value is not None:
        chosen = ChosenThreshold(settings.value, fixed=True)
    else:
        assert calibration
        chosen = ChosenThreshold(best_threshold(read_csv(calibration)), fixed=False)
    write_threshold(chosen, out)


if __name__ == "__main__":
    cli.run(main)
