"""Predictors of generalization, each against a hand-made case or a closed form."""

from typing import get_args

import numpy as np
import pandas as pd
import pytest
import torch
from scipy.stats import spearmanr
from transformers import LlamaConfig, LlamaForCausalLM

from premem.analysis.predictors import PREDICTORS
from premem.analysis.predictors.compare import LINEAR, PREMEM, STUDY_P, compare
from premem.analysis.predictors.from_answers import atc_of_run, average_thresholded_confidence, self_consistency
from premem.analysis.predictors.from_scores import accuracy_by_difficulty, cartography, forgetting_events, train_loss
from premem.analysis.predictors.from_weights import distances, gradient_variance, variance_of_gradients
from premem.analysis.predictors.page import predictors_page
from premem.analysis.regression.bootstrap import resample
from premem.analysis.regression.measures import r_squared
from premem.config.analyses import CHEAP, PredictorName, Predictors
from premem.config.statistics import Statistics
from premem.lm.tokens import TokenizedExample
from premem.scoring.scores import RunScores
from premem.scoring.threshold import ChosenThreshold

STATISTICS = Statistics(resamples=200)


def test_names_in_the_settings_are_the_predictors():
    assert get_args(PredictorName) == tuple(PREDICTORS)
    assert {PREDICTORS[name].needs for name in CHEAP} == {"scores"}
    assert Predictors(names="all").names == tuple(PREDICTORS)
    with pytest.raises(ValueError, match="atc"):
        Predictors(names=["atic"])


# --- from scores ----------------------------------------------------------------------------------------------------


def test_an_example_is_forgotten_each_time_it_falls_below_half():
    accuracy = np.array([[1, 0.0], [0.25, 0.5], [0.5, 0.75], [0, 1]])
    assert forgetting_events(accuracy).tolist() == [0, 0.5, 0.5, 1]


def test_confidence_and_variability_are_mean_and_deviation_of_the_probability_of_a_token():
    confidence, variability = cartography(np.array([[2.0, 4], [1.0, 4]]))
    assert confidence == pytest.approx([(0.5 + 0.25) / 2, (0.75 + 0.25) / 2])
    assert variability == pytest.approx([0, (0.25 + 0) / 2])


def test_train_loss_is_in_nats_per_token():
    assert train_loss(np.array([[np.e, np.e**3]])) == pytest.approx([2])


def test_each_level_of_difficulty_counts_as_in_the_test_set():
    accuracy = pd.DataFrame({"run": "a", "epoch": 1, "example_id": list("uvwxz"), "accuracy": [1, 0.5, 0, 0.25, 1]})
    train = pd.Series({"u": 2.0, "v": 2, "w": 3, "x": 3, "z": float("nan")})
    (row,) = accuracy_by_difficulty(accuracy, train, pd.Series([2.0, 2, 2, 3, float("nan")])).itertuples()
    assert row.value == pytest.approx(0.75 * 0.75 + 0.25 * 0.125)
    assert row.nearest == []
    (row,) = accuracy_by_difficulty(accuracy, train, pd.Series([5.0, 1])).itertuples()
    assert row.value == pytest.approx((0.125 + 0.75) / 2)
    assert sorted(row.nearest) == [1, 5]


# --- from answers ---------------------------------------------------------------------------------------------------


def test_self_consistency_is_the_share_of_the_majority():
    extracted = ["7", "7", "8", "7", "", "", "5", ""]
    answers = pd.DataFrame({"epoch": 3, "split": "test", "example_id": ["a"] * 4 + ["b"] * 4, "extracted": extracted})
    assert self_consistency(answers).to_dict("records") == [{"epoch": 3, "split": "test", "value": (3 / 4 + 1 / 4) / 2}]


def test_the_threshold_of_confidence_lets_as_many_through_as_are_right():
    confidence, correct = [-0.1, -0.2, -0.3, -0.4], [True, False, True, False]
    assert average_thresholded_confidence(confidence, correct, [-0.05, -0.2, -0.21, -5]) == 0.5
    assert average_thresholded_confidence(confidence, [False] * 4, [0, -1]) == 0
    assert average_thresholded_confidence(confidence, [True] * 4, [-0.4, -0.5]) == 0.5


def test_atc_finds_calibrated_confidences_right_and_shifted_ones_wrong():
    random = np.random.default_rng(0)
    probability = random.uniform(size=(2, 4000))
    correct = random.uniform(size=probability.shape) < probability
    predicted = average_thresholded_confidence(probability[0], correct[0], probability[1])
    assert predicted == pytest.approx(correct[1].mean(), abs=0.03)
    assert average_thresholded_confidence(probability[0], correct[0], probability[1] + 0.2) > predicted + 0.15


def test_atc_of_a_run_looks_at_each_checkpoint_by_itself():
    keys = [(e, s, f"{s}-{i}", 0) for e in (1, 2) for s in ("train", "test") for i in range(4)]
    confidences = pd.DataFrame(keys, columns=["epoch", "split", "example_id", "sample"])
    grades = confidences.assign(strict=["correct"] * 2 + ["incorrect"] * 6 + ["correct"] * 4 + ["incorrect"] * 4)
    confidences["log_probability"] = [-1.0, -2, -3, -4, -1, -1, -1, -3, *(-1.0, -2, -3, -4, -5, -1, -1, -1)]
    found = atc_of_run(confidences, grades, "strict").set_index("epoch")["value"]
    assert found.to_dict() == {1: 0.75, 2: 0.75}


# --- from weights ---------------------------------------------------------------------------------------------------


def test_gradient_variance_of_a_linear_model_by_hand():
    x, y = torch.tensor([[1.0, 0], [0, 2], [1, 1]]), torch.tensor([1.0, 2, 3])
    model = torch.nn.Linear(2, 1, bias=False)
    with torch.no_grad():
        model.weight[:] = torch.tensor([[0.5, -1.0]])

    def adder(i):
        return lambda: (0.5 * (model(x[i : i + 1]).squeeze() - y[i]) ** 2).backward()

    # The gradient of ½ (w·x − y)² is (w·x − y) x.
    gradients = ((x @ torch.tensor([0.5, -1.0]) - y)[:, None] * x).numpy()
    expected = gradients.var(axis=0, ddof=1).sum()
    found = variance_of_gradients(list(model.parameters()), [adder(i) for i in range(3)])
    assert found == pytest.approx(expected)
    assert model.weight.grad is None
    assert variance_of_gradients(list(model.parameters()), [adder(0), adder(0)]) == pytest.approx(0, abs=1e-6)
    assert np.isnan(variance_of_gradients(list(model.parameters()), [adder(0)]))


@pytest.fixture(scope="module")
def model():
    torch.manual_seed(0)
    shape = {"hidden_size": 16, "intermediate_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2}
    return LlamaForCausalLM(LlamaConfig(vocab_size=20, tie_word_embeddings=True, **shape)).eval()


def test_gradient_variance_of_a_language_model_by_brute_force(model):
    random = np.random.default_rng(0)
    examples = [
        TokenizedExample(random.integers(20, size=3).tolist(), random.integers(20, size=n).tolist())
        for n in (2, 5, 3, 4, 1, 6)
    ]
    drawn = np.random.default_rng(7).permutation(6).reshape(3, 2)
    gradients = []
    for batch in drawn:
        model.zero_grad()
        nll, tokens = 0.0, 0
        for example in (examples[i] for i in batch):
            ids = torch.tensor([example.prompt + example.target])
            log_probability = model(input_ids=ids).logits[0].log_softmax(-1)
            where = torch.arange(len(example.prompt), ids.shape[1])
            nll, tokens = nll - log_probability[where - 1, ids[0, where]].sum(), tokens + len(where)
        (nll / tokens).backward()
        gradients.append(torch.cat([p.grad.flatten() for p in model.parameters()]).numpy())
    expected = 2 * np.var(gradients, axis=0, ddof=1).sum()
    for tokens_at_a_time in (8, 1000):
        assert gradient_variance(model, examples, 3, 2, 7, tokens_at_a_time) == pytest.approx(expected, rel=1e-4)
    # Few examples: fewer mini-batches, and smaller ones at the end.
    assert gradient_variance(model, examples, 8, 2, 7, 1000) == pytest.approx(expected, rel=1e-4)
    assert gradient_variance(model, examples[:2], 8, 16, 7, 1000) > 0


def test_distance_counts_tied_weights_once(model):
    moved = LlamaForCausalLM(model.config)
    moved.load_state_dict(model.state_dict())
    assert distances(moved, model) == (0, 0)
    with torch.no_grad():
        moved.model.embed_tokens.weight += 0.5  # the head's weights as well
    norm = sum(p.square().sum().item() for p in model.parameters()) ** 0.5
    distance, relative = distances(moved, model)
    assert distance == pytest.approx(0.5 * (20 * 16) ** 0.5, rel=1e-5)
    assert relative == pytest.approx(distance / norm, rel=1e-5)


# --- side by side ---------------------------------------------------------------------------------------------------


def test_a_linear_map_from_the_other_runs_and_ranks():
    random = np.random.default_rng(1)
    run = np.repeat(list("abcd"), [3, 5, 4, 4])
    x = np.round(random.normal(size=16), 1)
    x[3] = x[4]
    y = 0.3 - 0.1 * x + 0.05 * random.normal(size=16)
    estimates, resampled = resample(run, y, x[:, None], [np.nan], STATISTICS, ranked=True)
    predicted = np.empty(16)
    for held in "abcd":
        predicted[run == held] = np.polyval(np.polyfit(x[run != held], y[run != held], 1), x[run == held])
    assert estimates[LINEAR] == pytest.approx(r_squared(y, predicted))
    assert estimates["rank_correlation"] == pytest.approx(spearmanr(x, y).statistic)

    draws = np.random.default_rng(STATISTICS.seed).multinomial(4, [0.25] * 4, STATISTICS.resamples)
    number = int(np.flatnonzero((draws > 0).sum(axis=1) == 3)[0])
    drawn = np.concatenate(
        [np.flatnonzero(run == name) for name, n in zip("abcd", draws[number], strict=True) for _ in range(n)]
    )
    assert resampled["rank_correlation"][number] == pytest.approx(spearmanr(x[drawn], y[drawn]).statistic)
    predicted = np.empty(len(drawn))
    for held in set(run[drawn]):  # copies of a run are left out together
        others = drawn[run[drawn] != held]
        predicted[run[drawn] == held] = np.polyval(np.polyfit(x[others], y[others], 1), x[drawn][run[drawn] == held])
    assert resampled[LINEAR][number] == pytest.approx(r_squared(y[drawn], predicted))


def test_a_predictor_that_does_not_vary_is_a_flat_line():
    run, y = np.repeat(list("abc"), 2), np.array([0.1, 0.2, 0.3, 0.4, 0.5, 0.6])
    estimates, _ = resample(run, y, np.ones((6, 1)), [np.nan], STATISTICS, ranked=True)
    means = np.repeat([np.mean(y[2:]), np.mean(y[[0, 1, 4, 5]]), np.mean(y[:4])], 2)
    assert estimates[LINEAR] == pytest.approx(r_squared(y, means))
    assert np.isnan(estimates["rank_correlation"])


@pytest.fixture(scope="module")
def compared():
    """Four runs that half memorize; test accuracy is that of the examples that they do not memorize."""
    random = np.random.default_rng(0)

    def run(number, shift):
        skill = np.linspace(0.1, 0.2 + 0.2 * number, 4)
        solved = (random.uniform(size=(1, 200)) < skill[:, None]).astype(float)
        memorized = np.arange(200) < np.array([0, 0, 100, 180])[:, None] * (number % 2)
        scores = np.where(memorized, 1.0, solved)
        return RunScores(
            *(f"run{number}", "1e-3", 4, "full", 0, np.arange(1, 5)),
            *(scores, np.where(memorized, 1.05, 1.7), np.full((4, 200), 4)),
            test_accuracy=solved * shift,
            unseen_accuracy=np.empty((4, 0)),
        )

    values = pd.DataFrame(
        [(f"run{n}", e, "distance", None, n + e) for n in range(4) for e in range(1, 5)],
        columns=["run", "epoch", "predictor", "test_set", "value"],
    )
    runs = {name: [run(n, shift) for n in range(4)] for name, shift in (("test", 1.0), ("harder", 0.5))}
    names = ("premem_accuracy", "train_accuracy", "perplexity", "distance", "atc")
    return compare(runs, names, values, np.linspace(1.01, 1.9, 30), ChosenThreshold(1.3, "test"), STATISTICS, {})


def test_predictors_are_judged_on_every_test_set(compared):
    values, comparison = compared
    assert set(values["predictor"]) == {PREMEM, STUDY_P, "train_accuracy", "perplexity", "distance"}
    assert (values.groupby(["predictor", "test_set"]).size() == 16).all()
    table = comparison.set_index(["test_set", "predictor", "statistic"])["estimate"]
    assert table["test", PREMEM, "r_squared"] > 0.8 > 0.3 > table["test", "train_accuracy", "r_squared"]
    assert table["test", "train_accuracy", "behind_premem"] == pytest.approx(
        table["test", PREMEM, LINEAR] - table["test", "train_accuracy", LINEAR]
    )
    # Half as accurate on the harder set: only a linear map gets there.
    assert table["harder", STUDY_P, "r_squared"] < 0.2 < 0.6 < table["harder", STUDY_P, LINEAR]
    judged = comparison[comparison["statistic"] == LINEAR]
    assert (judged["low"] <= judged["estimate"]).all()
    assert (judged["estimate"] <= judged["high"]).all()
    # What is no accuracy has no R² about y = x.
    assert set(comparison.loc[comparison["statistic"] == "r_squared", "predictor"]) == {
        PREMEM,
        STUDY_P,
        "train_accuracy",
    }


def test_what_is_missing_is_named(compared):
    values, comparison = compared
    missing = comparison[comparison["statistic"].isna()]
    assert missing["predictor"].tolist() == ["atc", "atc"]
    page = predictors_page("a on b", values, comparison, {"predictors": "p.png", "test_sets": "t.png"})
    assert "without labels | missing: no weights of the checkpoints and no sampled answers |" in page
    assert (
        "| forgetting events | Toneva et al. 2019 | accuracy and perplexity of the training examples | not asked for"
        in page
    )
    assert "Over 16 checkpoints of 4 runs test accuracy lies between " in page


def test_the_verdict_tells_what_intervals_tell():
    def table(*rows):
        judged = [(name, "test", LINEAR, estimate, low, estimate + 0.01, 9, 3, "") for name, estimate, low, _ in rows]
        behind = [(name, "test", "behind_premem", 0.5, difference, 0.9, 9, 3, "") for name, *_, difference in rows[1:]]
        columns = ["predictor", "test_set", "statistic", "estimate", "low", "high", "n_points", "n_runs", "note"]
        comparison = pd.DataFrame(judged + behind, columns=columns)
        values = pd.DataFrame({"test_set": "test", "test_accuracy": [0.25, 0.5]})
        return predictors_page("a on b", values, comparison, {"predictors": "p.png", "test_sets": "t.png"})

    page = table((PREMEM, 0.9, 0.8, 0), ("distance", 0.2, -1, 0.1), ("perplexity", 0.8, 0.3, -0.1))
    assert "premem accuracy (R² 0.90 [0.80, 0.91]) predicts it best" in page
    assert "Worse than premem accuracy, beyond the interval: distance from initialization." in page
    assert "Not distinguishable from premem accuracy: mean perplexity." in page
    page = table((PREMEM, 0.1, -0.8, 0), ("distance", 0.2, -1, 0.1))
    assert "no predictor is shown to be better than the mean of test accuracy" in page
