"""Write the page that a reader opens first."""

import sys
from pathlib import Path

from premem import cli
from premem.files import whole
from premem.summary import PairResults, summary_lines, summary_page
from premem.tables import read_csv, read_made_by


def main(
    study: str,
    image_format: str,
    regressions: list[Path],
    points: list[Path],
    graders: list[Path],
    data: list[Path],
    out: Path,
) -> None:
    pairs = [
        PairResults(path.parent.relative_to(out.parent), read_csv(path), read_csv(places), read_csv(counts))
        for path, places, counts in zip(regressions, points, graders, strict=True)
    ]
    left_out = {}
    for path in data:
        made_by = read_made_by(path)
        left_out[str(path.relative_to(out.parent))] = made_by.get("left_out", 0) + made_by.get("too_long", 0)
    with whole(out) as aside:
        aside.write_text(summary_page(study, pairs, left_out, image_format))
    print("\n".join(summary_lines(pairs)), file=sys.stderr)


if __name__ == "__main__":
    cli.run(main)
