"""Write the page that a reader opens first."""

import sys
from pathlib import Path

from premem.analysis.cautions import cautions
from premem.analysis.fix_these import count_patterns
from premem.analysis.forecast import why_no_interval
from premem.base import cli
from premem.base.files import read_json, whole
from premem.base.tables import read_csv, read_made_by
from premem.config.statistics import Statistics
from premem.report.decisions import decisions
from premem.report.summary import PairResults, summary_lines, summary_page
from premem.scoring.stored import read_tests
from premem.scoring.threshold import ChosenThreshold, read_threshold


def main(
    study: str,
    image_format: str,
    pairs: list[Path],
    test_sets: dict[str, str | None],
    collect: dict[str, str],
    statistics: Statistics,
    imported: list[Path],
    data: list[Path],
    out: Path,
) -> None:
    results = [read_pair(path, out.parent, test_sets, collect, statistics) for path in pairs]
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
            summary_page(study, results, left_out, runs_left_out, image_format, runs_doubted), encoding="utf-8"
        )
    print("\n".join(summary_lines(results)), file=sys.stderr)


def read_pair(
    folder: Path, results: Path, test_sets: dict[str, str | None], collect: dict[str, str], statistics: Statistics
) -> PairResults:
    """Read the tables of a pair.

    Args:
        folder: of the pair.
        results: folder of the study's results.
        test_sets: pair, as in ``model/dataset`` → the predicted test set; None where none has labels.
        collect: pair → the command that collects new examples, if there is one.
        statistics: gives the coverage of forecasts.
    """
    pair, here = "/".join(folder.parts[-2:]), folder.relative_to(results)
    graders, points = folder / "graders.csv", read_csv(folder / "points.csv")
    forecast, fix_these = read_csv(folder / "forecast.csv"), read_csv(folder / "fix_these.csv")
    chosen = read_threshold(folder / "threshold.json")
    tests = read_tests(folder / "test_accuracy.parquet")
    of_set = tests[tests["test_set"] == test_sets[pair]]
    checked = results / "tokens" / pair / "checked.json"
    shared = read_json(checked)["shared"] if checked.is_file() else {}
    doubts = [
        f"Of the questions of test set {split}, {number} are in the training set as well, so that its accuracy is too "
        "high."
        for split, number in shared.items()
    ]
    upper = decisions(
        forecast,
        count_patterns(fix_these),
        describe_source(chosen),
        statistics.coverage,
        why_no_interval(forecast, statistics.coverage),
        [*doubts, *cautions(points, of_set["example_id"].nunique() or None)],
        {name: f"[{name}.csv]({here / name}.csv)" for name in ("forecast", "fix_these")},
        collect.get(pair, ""),
    )
    counts = read_csv(graders) if graders.is_file() else None
    regression = read_csv(folder / "regression.csv")
    return PairResults(here, regression, points, counts, list(upper), describe_source(chosen))


def describe_source(chosen: ChosenThreshold) -> str:
    """Say in a sentence how p was chosen, and what follows from it."""
    p = f"p = {chosen.threshold:.3f}"
    match chosen.source:
        case "test":
            told = (
                f"{p} was chosen on the test accuracies that it is judged on. The forecast of each run has a p that "
                "was chosen on the other runs, where there are any."
            )
        case "unseen":
            told = f"{p} was chosen on training examples that the runs held out. No test label was used."
        case "quantile":
            told = (
                f"{p} is a low quantile of the perplexity of training examples that the runs held out. No test label "
                "was used."
            )
        case "study":
            told = (
                f"{p} was chosen in another study. p does not carry over from one dataset to another: with the p of "
                "the other dataset, R² fell from 0.93 to 0.08 on GSM8K (docs/method.md)."
            )
        case "value":
            told = f"{p} is given in the study file. Nothing in this study says whether it is right."
    if chosen.lowest is not None and chosen.highest is not None:
        told += f" R² is within 0.05 of its best for p from {chosen.lowest:.3f} to {chosen.highest:.3f}."
    return told


if __name__ == "__main__":
    cli.run(main)
