"""premem.report.figures: every figure from made-up data, for a single run and for more runs than fit."""

from itertools import combinations
from pathlib import Path

import matplotlib
import numpy as np
import pandas as pd
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.legend import Legend
from matplotlib.text import Text

from premem.config.analyses import Figures
from premem.report import figures, style

WIDTH = Figures()
P = 1.5
SMALLEST_FONT = 7
RUNS = [
    (lr, epochs, size, seed)
    for seed in (0, 1)
    for epochs, size in ((30, "full"), (15, "full"), (1, "full"), (60, "quarter"))
    for lr in ("1e-2", "3e-3", "1e-3", "3e-4")
]


def make_points(number: int) -> pd.DataFrame:
    """The points of the first runs; predictions close to test accuracy, train accuracy above it."""
    random = np.random.default_rng(0)
    rows = []
    for lr, epochs, size, seed in RUNS[:number]:
        for epoch in range(-(-epochs // 6), epochs + 1, -(-epochs // 6)):
            test = 0.8 * epoch / epochs * random.uniform(0.6, 1)
            run = f"lr{lr}_ep{epochs}_{size}_seed{seed}"
            accuracies = (1 + test) / 2, test + random.normal(0, 0.03), test
            rows.append((run, lr, epochs, size, seed, epoch, *accuracies))
    names = ["train_accuracy", "predicted_test_accuracy", "test_accuracy"]
    return pd.DataFrame(rows, columns=["run", "lr", "epochs", "size", "seed", "epoch", *names])


def make_table(intervals: bool = True, fixed: bool = False, train: float = -6.04) -> pd.DataFrame:
    """What ``regression_table`` gives; the numbers are as wide as they come."""
    tuned, held_out = "p fixed in the config" if fixed else "p tuned on these points", "p calibrated without the run"
    rows = [
        ("premem_accuracy", "r_squared", 0.935, -0.89, 0.96, tuned),
        ("premem_accuracy", "r_squared_leave_one_run_out", -0.91, -12.8, 0.95, f"{held_out}; undefined in 1 resample"),
        ("premem_accuracy", "mean_absolute_error", 0.0285, 0.02, 0.04, tuned),
        ("premem_accuracy", "threshold", P, 1.3, 1.6, tuned),
        ("train_accuracy", "r_squared", train, -9.5, -3.1, ""),
        ("train_accuracy", "mean_absolute_error", 0.31, 0.25, 0.37, ""),
    ]
    table = pd.DataFrame(rows, columns=["predictor", "statistic", "estimate", "low", "high", "note"])
    if fixed:  # nothing is calibrated
        table = table[~table["statistic"].str.endswith("leave_one_run_out")]
    return table if intervals else table.assign(low=np.nan, high=np.nan)


def make_calibration(best: float = 0.935) -> pd.DataFrame:
    p = np.exp(np.exp(np.linspace(-4.6, 0.47, 60)))
    return pd.DataFrame({"threshold": p, "r_squared": best - 20 * np.log(np.log(p) / np.log(P)) ** 4})


def make_memorization(number: int, examples: int = 40) -> dict[str, pd.DataFrame]:
    random = np.random.default_rng(0)
    return {
        f"lr {lr}, {epochs} epochs, {size}, seed {seed}": pd.DataFrame(
            {
                "example_id": np.tile(np.arange(examples), 3),
                "epoch": np.repeat([1, 2, 3], examples),
                "accuracy": random.integers(0, 5, 3 * examples) / 4,
                "perplexity": random.uniform(1, 2, 3 * examples),
            }
        )
        for lr, epochs, size, seed in RUNS[:number]
    }


FIGURES = {
    f"{name} of {number}": (plot, number)
    for number in (1, 3, 30)
    for name, plot in {
        "prediction": lambda n: figures.plot_prediction(make_points(n), make_table(intervals=n > 2), WIDTH),
        "training curves": lambda n: figures.plot_training_curves(make_points(n), WIDTH),
        "threshold": lambda n: figures.plot_threshold(make_calibration(), make_table(intervals=n > 2), WIDTH),
        "learning progress": lambda n: figures.plot_learning_progress(make_memorization(n), P, WIDTH),
    }.items()
}


def read_texts(figure: Figure) -> list[Text]:
    """All texts but tick labels."""
    ticks = {
        id(label)
        for ax in figure.findobj(matplotlib.axes.Axes)
        for axis in (ax.xaxis, ax.yaxis)
        for label in (*axis.get_ticklabels(), *axis.get_ticklabels(minor=True), axis.get_offset_text())
    }
    texts = {id(text): text for text in figure.findobj(Text) if id(text) not in ticks}
    return [text for text in texts.values() if text.get_visible() and text.get_text().strip()]


@pytest.mark.parametrize("case", FIGURES)
def test_figures_are_legible(case):
    plot, number = FIGURES[case]
    figure = plot(number)
    assert figure.get_figwidth() == WIDTH.width
    with matplotlib.rc_context(style.LOOK):
        renderer = FigureCanvasAgg(figure).get_renderer()
        figure.draw(renderer)
        texts = read_texts(figure)
        assert texts
        for ax in figure.findobj(matplotlib.axes.Axes):
            assert inside(figure, ax.get_tightbbox(renderer)), ax
            assert min(label.get_fontsize() for label in ax.get_xticklabels() + ax.get_yticklabels()) >= SMALLEST_FONT
        for text in texts:
            assert text.get_fontsize() >= SMALLEST_FONT
            assert inside(figure, text.get_window_extent(renderer)), text
        for one, other in combinations(texts, 2):
            assert not one.get_window_extent(renderer).overlaps(other.get_window_extent(renderer)), (one, other)


def inside(figure: Figure, box: matplotlib.transforms.Bbox, slack: float = 2) -> bool:
    """Does the box lie within the figure, but for some pixels?"""
    page = figure.figure.bbox
    return (box.min >= page.min - slack).all() and (box.max <= page.max + slack).all()


@pytest.mark.parametrize("case", [case for case in FIGURES if case.endswith(" of 1")])
def test_saved_files_are_real_and_do_not_change(case, tmp_path):
    plot, number = FIGURES[case]
    starts = {"pdf": b"%PDF-", "png": b"\x89PNG\r\n\x1a\n"} | ({"svg": b"<?xml"} if "threshold" in case else {})
    for folder in ("one", "two"):
        style.save(plot(number), [tmp_path / folder / f"figure.{kind}" for kind in starts], dpi=50)
    for kind, start in starts.items():
        one, two = ((tmp_path / folder / f"figure.{kind}").read_bytes() for folder in ("one", "two"))
        assert one.startswith(start)
        assert one == two
    assert len(list(Path(tmp_path / "one").iterdir())) == len(starts)  # nothing else is left


def test_nothing_global_changes():
    before = dict(matplotlib.rcParams)
    figures.plot_threshold(make_calibration(), make_table(), WIDTH)
    assert dict(matplotlib.rcParams) == before


def test_runs_look_the_same_in_every_figure():
    points = make_points(30)
    runs = style.RunStyle(points)
    looks = {run: runs.of(next(rows.itertuples())) for run, rows in points.groupby("run")}
    assert len({look["color"] for look in looks.values()}) == 4
    assert len({look["marker"] for look in looks.values()}) == 4
    assert looks["lr3e-3_ep60_quarter_seed0"]["fillstyle"] != looks["lr3e-3_ep30_full_seed0"]["fillstyle"]
    assert list(runs.colours) == ["3e-4", "1e-3", "3e-3", "1e-2"]
    part = points[points["run"] == "lr1e-2_ep30_full_seed0"]
    axes = figures.plot_prediction(part, make_table(), WIDTH, runs).axes
    assert [ax.lines[1].get_color() for ax in axes] == [looks["lr1e-2_ep30_full_seed0"]["color"]] * 2


def test_prediction_says_how_p_was_chosen():
    titles = [
        figures.plot_prediction(make_points(3), make_table(fixed=fixed), WIDTH).axes[0].get_title(loc="left")
        for fixed in (False, True)
    ]
    assert titles[0].splitlines() == [
        "R² (y = x) 0.94 [−0.89, 0.96], p tuned on these points",
        "R² −0.91 [−13, 0.95], p calibrated without the run",
        "mean absolute error 0.029 [0.020, 0.040], p = 1.500",
    ]
    assert titles[1].splitlines() == [
        "R² (y = x) 0.94 [−0.89, 0.96], p fixed in the config",
        "mean absolute error 0.029 [0.020, 0.040], p = 1.500",
    ]


def test_training_curves_say_how_many_runs_are_left_out():
    figure = figures.plot_training_curves(make_points(30), WIDTH)
    assert len(figure.axes) == 24
    assert "not shown: 6 more runs" in figure.get_supxlabel()
    figure = figures.plot_training_curves(make_points(3), WIDTH)
    assert figure.axes[0].get_title() == "lr 1e-2, 30 epochs, full"
    assert "not shown" not in figure.get_supxlabel()


def test_threshold_keeps_a_readable_range():
    figure = figures.plot_threshold(make_calibration(), make_table(), WIDTH)
    (ax,) = figure.axes
    assert ax.get_ylim() == pytest.approx((0.935 - 1.55, 0.935 + 0.08), abs=0.01)
    texts = [text.get_text() for legend in figure.findobj(Legend) for text in legend.get_texts()]
    assert "train accuracy: R² −6.04 [−9.50, −3.10] (below this axis)" in texts
    (ax,) = figures.plot_threshold(make_calibration(), make_table(train=0.2), WIDTH).axes
    assert ax.get_ylim()[0] < 0.2 < ax.get_ylim()[1]


def test_threshold_without_a_defined_r_squared():
    undefined = make_table(intervals=False).assign(estimate=np.nan)
    assert figures.plot_threshold(make_calibration(best=np.nan), undefined, WIDTH).axes


def test_examples_are_sorted_by_when_they_are_learned():
    # columns: solved late; solved only once memorized; solved at first, memorized later; solved at first
    accuracy = np.array([[0.0, 0.0, 1.0, 1.0], [1.0, 1.0, 1.0, 1.0]])
    perplexity = np.array([[2.0, 2.0, 2.0, 2.0], [2.0, 1.0, 1.0, 2.0]])
    order, learned = figures._sort_examples(accuracy, perplexity, P)
    assert order.tolist() == [3, 2, 0, 1]
    assert learned == 3


def test_many_rows_are_averaged():
    image = np.repeat(np.arange(1000.0), 6).reshape(1000, 2, 3)
    averaged = figures._average_rows(image)
    assert averaged.shape == (256, 2, 3)
    assert averaged[0, 0, 0] == pytest.approx(1)  # rows 0 to 2
    assert figures._average_rows(image[:10]) == pytest.approx(image[:10])
