"""Write down the threshold p of a pair: the one that the study fixes, else the calibrated one."""

import json
from pathlib import Path

from premem.analysis.regression import best_threshold
from premem.base import cli
from premem.base.files import whole
from premem.base.tables import read_csv
from premem.config.statistics import Threshold


def main(calibration: list[Path], settings: Threshold, out: Path) -> None:
    fixed = settings.value is not None
    p = settings.value if fixed else best_threshold(read_csv(calibration[0]))
    with whole(out) as aside:
        aside.write_text(json.dumps({"threshold": p, "fixed": fixed}) + "\n", encoding="utf-8")


if __name__ == "__main__":
    cli.run(main)
