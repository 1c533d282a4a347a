"""Models side by side."""

import numpy as np
import pandas as pd
import pytest

from premem.analysis.model_comparison import ModelResults, compare_models, models_page, plot_models
from premem.config.analyses import Figures
from premem.config.checks import problems_between_blocks
from premem.config.statistics import Statistics
from premem.config.study import Study


def results(name, weights, memorized):
    """Three runs of ten examples, of which a run has memorized so many after its last epoch."""
    memorization = pd.DataFrame(
        [
            {
                "run": f"r{r}",
                "epoch": e,
                "example_id": i,
                "trained_on": True,
                "perplexity": 1.1 if e * i < 2 * m else 1.8,
            }
            for r, m in enumerate(memorized)
            for e in (1, 2)
            for i in range(10)
        ]
    )
    points = pd.DataFrame(
        [(f"r{r}", e, 0.3 * e, 0.2 * e - 0.01 * r) for r in range(3) for e in (1, 2)],
        columns=["run", "epoch", "train_accuracy", "test_accuracy"],
    )
    regression = pd.DataFrame(
        [("premem_accuracy", "r_squared", 0.9, 0.8, 0.95, ""), ("train_accuracy", "r_squared", -3, -9, 0.5, "")],
        columns=["predictor", "statistic", "estimate", "low", "high", "note"],
    )
    return ModelResults(name, weights, 1.3, memorization, points, regression)


@pytest.fixture
def table():
    return compare_models([results("large", 2e6, (10, 4, 4)), results("small", 1e4, (0, 0, 0))], Statistics())


def test_shares_and_gaps_are_of_the_last_checkpoints(table):
    assert list(table["model"].unique()) == ["small", "large"]
    of = table.set_index(["model", "statistic"])
    assert of.loc[("small", "memorized"), ["estimate", "low", "high"]].tolist() == [0, 0, 0]
    large = of.loc[("large", "memorized")]
    assert large["estimate"] == pytest.approx(0.6)
    assert large["low"] == pytest.approx(0.4)
    assert large["high"] == pytest.approx(1)
    assert of.loc[("large", "memorized_most"), ["estimate", "note"]].tolist() == [1, "r0"]
    assert of.loc[("large", "gap"), "estimate"] == pytest.approx(0.21)
    assert of.loc[("large", "gap_largest"), ["estimate", "note"]].tolist() == [pytest.approx(0.22), "r2"]
    assert of.loc[("large", "test_accuracy"), "estimate"] == pytest.approx(0.4)
    assert of.loc[("small", "premem_accuracy"), ["estimate", "low"]].tolist() == [0.9, 0.8]


def test_the_page_and_the_figure_hold_them(table):
    page = models_page("stories", table, "models.png")
    assert "| weights | 10,000 | 2,000,000 |" in page
    assert "| memorized at the end | 0.00 [0.00, 0.00] | 0.60 [0.40, 1.00] |" in page
    assert "| R² (y = x), premem accuracy, p from the other runs | – | – |" in page
    left, right = plot_models(table, Figures()).axes
    assert [text.get_text() for text in left.get_xticklabels()] == ["10k", "2M"]
    assert "\u22123.0" in [text.get_text() for text in right.texts]
    unknown = table.assign(weights=np.nan)
    assert "| weights | unknown | unknown |" in models_page("stories", unknown, "models.png")
    assert plot_models(unknown, Figures()).axes[0].get_xlabel() == "model"


def test_one_model_is_not_compared():
    study = {
        "study": "s",
        "models": {"a": {"path": "a"}},
        "datasets": {"d": {"train": {"files": ["x"]}, "test": {"t": {"files": ["y"]}}, "answers": "math"}},
        "sweep": [{"model": "a", "dataset": "d", "lr": 1, "epochs": 1, "size": "full"}],
    }
    (problem,) = problems_between_blocks(Study(**study, analyses=["model_comparison"]))
    assert "no dataset has runs of several models" in problem
