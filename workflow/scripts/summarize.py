"""Write the page that a reader opens first."""

import sys
from pathlib import Path

from premem.base import cli
from premem.base.files import whole
from premem.base.tables import read_csv, read_made_by
from premem.report.summary import PairResults, summary_lines, summary_page


def main(
    study: str,
    image_format: str,
    regressions: list[Path],
    points: list[Path],
    graders: list[Path],
    imported: list[Path],
    data: list[Path],
    out: Path,
) -> None:
    counts = {path.parent: read_csv(path) for path in graders}
    pairs = [
        PairResults(path.parent.relative_to(out.parent), read_csv(path), read_csv(places), counts.get(path.parent))
        for path, places in zip(regressions, points, strict=True)
    ]
    left_out = {}
    for path in data:
        made_by = read_made_by(path)
        left_out[str(path.relative_to(out.parent))] = made_by.get("left_out", 0) + made_by.get("too_long", 0)
    runs_left_out: dict[str, str] = {}
    runs_doubted: dict[str, str] = {}
    for path in imported:
        runs_left_out |= read_made_by(path)["left_out_runs"]
        runs_doubted |= read_made_by(path).get("doubted_runs", {})
    with whole(out) as aside:
        aside.write_text(
            summary_page(study, pairs, left_out, runs_left_out, image_format, runs_doubted), encoding="utf-8"
        )
    print("\n".join(summary_lines(pairs)), file=sys.stderr)


if __name__ == "__main__":
    cli.run(main)
