"""Perturbed prompts, and what they do to accuracy: against hand-made cases, closed forms and made-up brittleness."""

import re
from itertools import islice

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
from scipy.special import expit
from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import PreTrainedTokenizerFast

from premem.analysis.robustness import ALL, MEASURED, UNPERTURBED
from premem.analysis.robustness.answers import answers_table, contrast, found_drop, predictors_of
from premem.analysis.robustness.bins import bin_edges, bin_of, table_of_bins
from premem.analysis.robustness.figures import plot_bins
from premem.analysis.robustness.page import robustness_page
from premem.analysis.robustness.prediction import (
    DropRegression,
    best_predictor_set,
    drop_correlations,
    predict_drops,
)
from premem.analysis.robustness.prompts import perturb_prompts, seeded
from premem.analysis.robustness.regression import regress
from premem.analysis.robustness.slopes import slopes
from premem.base.errors import UserError
from premem.config.analyses import Figures
from premem.config.data import Perturbation, Templates
from premem.config.sampling import SamplingSettings
from premem.config.statistics import Statistics
from premem.data.arithmetic import UNSEEN, USUAL, _read_story, generate_problems, paraphrase
from premem.lm.sampling.prompts import seeded_prompts
from premem.report.style import save

STATISTICS = Statistics(resamples=200)


# --- prompts --------------------------------------------------------------------------------------------------------


@pytest.fixture
def tokenizer():
    words = ["<unk>", *"1 2 + ? so : first we have what is really".split()]
    inner = Tokenizer(models.WordLevel({word: i for i, word in enumerate(words)}, unk_token="<unk>"))
    inner.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    return PreTrainedTokenizerFast(tokenizer_object=inner, unk_token="<unk>")


TEMPLATES = Templates(prompt="{question} so :", target=" {solution} what", stop=" what")
EXAMPLES = pd.DataFrame(
    {"example_id": ["a", "b"], "subset_rank": [1, 0], "question": ["1 + 2 ?", "2 + {other} ?"], "other": ["what", "is"]}
)


def perturbed(tokenizer, examples=EXAMPLES, **perturbations):
    return perturb_prompts(examples, perturbations, TEMPLATES, tokenizer)


def test_a_beginning_of_the_answer_is_appended_and_a_template_takes_its_columns(tokenizer):
    table = perturbed(
        tokenizer,
        examples=EXAMPLES.assign(question=["1 + 2 ?", "2 + 2 ?"]),
        begun=Perturbation(answer_begins=" first"),
        both=Perturbation(prompt="really {other} {question} :", answer_begins=" we have"),
    )
    read = {
        (row.perturbation, row.example_id): tokenizer.decode(row.prompt_ids) for row in table.itertuples(index=False)
    }
    assert read == {
        (UNPERTURBED, "a"): "1 + 2 ? so :",
        (UNPERTURBED, "b"): "2 + 2 ? so :",
        ("begun", "a"): "1 + 2 ? so : first",
        ("begun", "b"): "2 + 2 ? so : first",
        ("both", "a"): "really what 1 + 2 ? : we have",
        ("both", "b"): "really is 2 + 2 ? : we have",
    }
    assert table["answer_begins"].tolist() == ["", "", " first", " first", " we have", " we have"]
    assert table["subset_rank"].tolist() == [1, 0] * 3


def test_braces_in_a_question_are_not_a_column():
    change = Perturbation(prompt="{question} | {other}")
    assert change.write_prompt("", {"question": "2 {other} {}", "other": "x"}) == "2 {other} {} | x"


def test_words_that_the_model_does_not_know_are_refused(tokenizer):
    fine = EXAMPLES.head(1)
    with pytest.raises(UserError, match=r"perturbations\.strange: the tokenizer does not know one of its words"):
        perturbed(tokenizer, fine, strange=Perturbation(answer_begins=" verily"))
    # What is unknown without the perturbation as well is not its doing.
    perturbed(tokenizer, EXAMPLES.tail(1), begun=Perturbation(answer_begins=" first"))


def test_a_gap_in_a_column_is_refused(tokenizer):
    with pytest.raises(UserError, match=r"names {other}, but example b has no value there"):
        perturbed(tokenizer, EXAMPLES.assign(other=["what", None]), p=Perturbation(prompt="{other}"))


def test_perturbed_prompts_share_no_seed_with_the_others():
    settings = SamplingSettings(n=3)
    others = {seed + k for prompt in seeded_prompts([[1]] * 1000, settings) for seed in [prompt.seed] for k in range(3)}
    ours = [prompt.seed + k for prompt in seeded([[1]] * 1000, settings) for k in range(3)]
    assert len(set(ours)) == 3000
    assert others.isdisjoint(ours)


def test_a_paraphrase_is_the_same_story_in_other_sentences():
    for problem in islice(generate_problems("0 train", {2: 1, 3: 1}), 300):
        told = paraphrase(problem.question)
        before, after = _read_story(problem.question, USUAL), _read_story(told, UNSEEN)
        assert " ".join(operation for operation, _ in after["steps"]) == problem.skeleton
        assert [before[key] for key in ("n", "b", "o", "steps")] == [after[key] for key in ("n", "b", "o", "steps")]
        assert None in (before["m"], after["m"]) or before["m"] == after["m"]
        assert after["m"] != after["n"]
        assert told == paraphrase(problem.question)
        assert told != problem.question
    with pytest.raises(ValueError, match="not a story"):
        paraphrase("What is 1 + 1 ?")


# --- drops ----------------------------------------------------------------------------------------------------------


def test_predictors_are_those_of_the_same_checkpoint():
    memorization = pd.DataFrame(
        {"run": "r", "epoch": [1, 2, 1, 2], "example_id": ["a", "a", "b", "b"], "trained_on": True}
    ).assign(accuracy=[0.5, 1, 0.25, 0.75], perplexity=[1.6, 1.1, 1.7, 1.6])
    accuracy = pd.DataFrame({"run": "r", "split": [UNPERTURBED, "x"], "epoch": 2, "example_id": "a"})
    table = answers_table(accuracy.assign(accuracy=[1, 0.25], n_samples=4), memorization, p=1.3)
    assert table["premem_accuracy"].tolist() == [0.5, 0.5]  # what was right before it was memorized
    assert table["train_accuracy"].tolist() == [1, 1]
    assert table["perplexity"].tolist() == [1.1, 1.1]
    assert table["perturbation"].tolist() == [UNPERTURBED, "x"]
    assert "difficulty" not in table
    labels = pd.Series({"a": 3.0, "b": np.nan})
    labelled = answers_table(accuracy.assign(accuracy=[1, 0.25], n_samples=4), memorization, 1.3, labels)
    assert labelled["difficulty"].tolist() == [3, 3]
    assert labelled.drop(columns="difficulty").equals(table)


def make_answers(accuracies: dict[str, list[float]], premem: list[float], run=("r", "r")) -> pd.DataFrame:
    tables = [
        pd.DataFrame(
            {"run": run, "epoch": 1, "example_id": [str(i) for i in range(len(premem))], "premem_accuracy": premem}
        ).assign(train_accuracy=1.0, perplexity=1.5, perturbation=name, accuracy=values, n_samples=4)
        for name, values in accuracies.items()
    ]
    return pd.concat(tables, ignore_index=True)


def test_drops_by_hand():
    answers = make_answers({UNPERTURBED: [1, 0.75], "x": [1, 0.25], "y": [0.5, 0]}, [1, 0])
    table = contrast(answers, "x")
    assert table[["right_before", "n_before", "right_after", "n_after"]].to_numpy().tolist() == [
        [4, 4, 4, 4],
        [3, 4, 1, 4],
    ]
    both = contrast(answers, ALL)
    assert both[["right_after", "n_after"]].to_numpy().tolist() == [[6, 8], [1, 8]]

    bins = table_of_bins(answers, 2, STATISTICS)
    here = bins[(bins["predictor"] == "premem_accuracy") & (bins["perturbation"] == "x")]
    found = here[here["examples"] == "all"].set_index(["bin", "statistic"])["estimate"]
    assert found[0].to_dict() == pytest.approx({"unperturbed": 0.75, "perturbed": 0.25, "drop": 0.5, "kept": 1 / 3})
    assert found[1].to_dict() == pytest.approx({"unperturbed": 1, "perturbed": 1, "drop": 0, "kept": 1})
    assert here["low"].isna().all()  # a single run has no interval

    whole = (
        regress(answers, STATISTICS)
        .query("predictor_set.isna() and perturbation == 'all' and examples == 'all'")
        .set_index("statistic")
    )
    assert whole["estimate"]["drop"] == pytest.approx((1 + 0.75) / 2 - (0.75 + 0.125) / 2)


def test_edges_of_bins():
    edges = bin_edges([], "premem_accuracy", 5)
    assert bin_of([0, 0.2, 0.25, 0.4, 0.6, 3 / 5, 0.75, 0.8, 1], edges).tolist() == [0, 1, 1, 2, 3, 3, 3, 4, 4]
    edges = bin_edges([1, 2, 3, 4, 9, 9], "perplexity", 2)
    assert bin_of([1, 2, 3, 4, 9], edges).tolist() == [0, 0, 0, 1, 1]
    assert len(bin_edges([2.0, 2, 2], "perplexity", 4)) - 1 == 0 or bin_of([2.0], [2.0, 2.0])[0] == 0
    assert bin_edges([3, 2, 2, 5], "difficulty", 5).tolist() == [2, 2.5, 4, 5]  # a bin for every label
    assert bin_edges([2, 2], "difficulty", 5).tolist() == [2, 2]
    many = [1, 2, 2, 2, 2, 2, 3, 4, 4, 5]
    edges = bin_edges(many, "difficulty", 3)  # labels more than bins: they begin where a third of the examples does
    assert edges.tolist() == [1, 1.5, 2.5, 5]
    assert bin_of(many, edges).tolist() == [0, 1, 1, 1, 1, 1, 2, 2, 2, 2]


def test_intervals_of_bins_resample_runs():
    """Runs whose drops are 0 and 1 by halves: the interval is that of a mean of coin throws."""
    runs = [f"r{i}" for i in range(8)]
    answers = make_answers({UNPERTURBED: [1.0] * 8, "x": [0.0, 1.0] * 4}, [1.0] * 8, run=runs)
    bins = table_of_bins(answers, 2, Statistics(resamples=4000))
    row = bins.query(
        "examples == 'all' and predictor == 'premem_accuracy' and perturbation == 'x' and statistic == 'drop'"
    ).iloc[0]
    assert row["estimate"] == 0.5
    assert (row["low"], row["high"]) == (0.125, 0.875)  # 2.5% and 97.5% quantiles of binomial(8, 1/2) / 8


# --- regressions ----------------------------------------------------------------------------------------------------


def simulate(interaction: float, runs=5, examples=300, samples=4, seed=0, alike=False) -> pd.DataFrame:
    """Answers whose log-odds fall by 1.5 under a perturbation, and less so by ``interaction`` per unit of premem,
    which is ``alike`` in all runs or not."""
    random = np.random.default_rng(seed)
    tables = []
    skill = random.normal(0, 0.7, examples)
    premem = random.integers(0, 5, examples) / 4
    for run in range(runs):
        premem = premem if alike else random.integers(0, 5, examples) / 4
        others = {"train_accuracy": random.integers(0, 5, examples) / 4, "perplexity": random.uniform(1, 2, examples)}
        logit = 1 + 0.3 * run + premem + skill
        for name, shift in ((UNPERTURBED, 0), ("x", -1.5 + interaction * premem), ("y", -1 + interaction * premem)):
            right = random.binomial(samples, expit(logit + shift))
            table = pd.DataFrame({"run": f"r{run}", "epoch": 1, "example_id": np.arange(examples).astype(str)})
            table = table.assign(premem_accuracy=premem, **others, perturbation=name, accuracy=right / samples)
            tables.append(table.assign(n_samples=samples))
    return pd.concat(tables, ignore_index=True)


@pytest.fixture(scope="module")
def analysed():
    answers = simulate(3)
    return table_of_bins(answers, 5, STATISTICS), regress(answers, STATISTICS)


def slope_of(table: pd.DataFrame, statistic: str, *predictors: str) -> dict:
    """The row of the first predictor of a set."""
    rows = slopes(table, predictors, 0.95)
    return next(row for row in rows if row["statistic"] == statistic and row["predictor"] == predictors[0])


def test_the_interaction_is_found_where_there_is_one():
    for true in (0, 1.5):
        table = contrast(simulate(true), "x")
        spread = table.groupby("run")["premem_accuracy"].transform(lambda x: x - x.mean()).std(ddof=0)
        row = slope_of(table, "interaction", "premem_accuracy")
        assert row["low"] < true * spread < row["high"]
        assert (row["low"] > 0) == (true > 0)
        beside = slope_of(table, "interaction", "premem_accuracy", "train_accuracy", "perplexity")
        assert beside["estimate"] == pytest.approx(row["estimate"], abs=0.02)
        other = slope_of(table, "interaction", "perplexity")
        assert other["low"] < 0 < other["high"]


def single_answers(table: pd.DataFrame) -> pd.DataFrame:
    """A row per answer: z (the predictor), perturbed, cell, example, right."""
    x = table["premem_accuracy"] - table.groupby("run")["premem_accuracy"].transform("mean")
    rows = []
    for z, (_, example) in zip(x / x.std(ddof=0), table.iterrows(), strict=True):
        for arm, when in enumerate(("before", "after")):
            right, n = int(example[f"right_{when}"]), int(example[f"n_{when}"])
            rows += [(z, arm, f"{example['run']} {arm}", example["example_id"], k < right) for k in range(n)]
    return pd.DataFrame(rows, columns=["z", "perturbed", "cell", "example", "right"])


@pytest.mark.parametrize("statistic", ["still_right", "interaction"])
def test_errors_are_clustered_by_example(statistic):
    """As statsmodels gives them for single answers, each a row of its own."""
    table = contrast(simulate(1, runs=3, examples=200, alike=True), "x")
    row = slope_of(table, statistic, "premem_accuracy")
    single = single_answers(table)
    if statistic == "still_right":
        single = single[single["perturbed"] == 1].reset_index(drop=True)
        terms = {"slope": single["z"]}
    else:
        terms = {"slope": single["z"] * single["perturbed"], "z": single["z"]}
    design = pd.concat([pd.DataFrame(terms), pd.get_dummies(single["cell"])], axis=1).astype(float)
    groups = pd.factorize(single["example"])[0]
    model = sm.Logit(single["right"].astype(float), design)
    clustered = model.fit(disp=0, cov_type="cluster", cov_kwds={"groups": groups})
    assert row["estimate"] == pytest.approx(clustered.params["slope"], rel=1e-5)
    low, high = clustered.conf_int().loc["slope"]
    assert (row["low"], row["high"]) == pytest.approx((low, high), abs=0.01)  # but for the small-sample factor
    if statistic == "still_right":  # what answers to a question have in common is in both halves of an interaction
        assert clustered.bse["slope"] > 1.2 * model.fit(disp=0).bse["slope"]


def test_the_slope_of_the_drop_by_hand():
    """Drops 1, 0, 1, 0.5 at premem 0, 1, 0, 1: −0.75 per unit, of which a standard deviation is a half. Its error is
    the sandwich by hand: sums of x times residual within each example."""
    answers = make_answers({UNPERTURBED: [1, 1, 1, 1], "x": [0, 1, 0, 0.5]}, [0, 1, 0, 1], run=["r"] * 4)
    row = slope_of(contrast(answers, "x"), "drop_slope", "premem_accuracy")
    assert row["estimate"] == pytest.approx(-0.375)
    z, drop = np.array([-1, 1, -1, 1]), np.array([1, 0, 1, 0.5]) - 0.625
    residual = drop + 0.375 * z
    error = np.sqrt(((z * residual) ** 2).sum()) / (z**2).sum() * np.sqrt(4 / 3 * 3 / 3)
    assert row["high"] - row["estimate"] == pytest.approx(1.959964 * error, rel=1e-4)


def test_checkpoints_without_wrong_answers_tell_of_the_drop_and_not_of_the_odds():
    answers = simulate(2, runs=2)
    first = answers["run"] == "r0"
    answers.loc[first & (answers["perturbation"] == UNPERTURBED), "accuracy"] = 1.0
    table = contrast(answers, "x")
    assert slope_of(table, "interaction", "premem_accuracy")["estimate"] == pytest.approx(
        slope_of(table[table["run"] == "r1"], "interaction", "premem_accuracy")["estimate"], rel=0.1
    )
    alone = table[table["run"] == "r0"]
    assert slope_of(alone, "interaction", "premem_accuracy")["note"].startswith(
        "undefined: all answers of a checkpoint"
    )
    assert (
        slope_of(alone, "drop_slope", "premem_accuracy")["high"]
        < 0
        < slope_of(alone, "still_right", "premem_accuracy")["low"]
    )


def test_a_fit_that_is_not_possible_says_why():
    def notes(answers, *predictors):
        return {row["statistic"]: row.get("note") for row in slopes(contrast(answers, "x"), predictors, 0.95)}

    answers = make_answers({UNPERTURBED: [1, 0.75], "x": [1, 0.25]}, [1, 1])
    assert set(notes(answers, "premem_accuracy").values()) == {
        "undefined: the predictor does not vary within a checkpoint"
    }
    answers = make_answers({UNPERTURBED: [1, 1, 0, 0], "x": [0, 0, 1, 1]}, [1, 1, 0, 0], run=["r"] * 4)
    assert notes(answers, "premem_accuracy")["still_right"] == "undefined: the regression has no finite solution"
    same = simulate(0, runs=2).assign(train_accuracy=lambda table: 2 * table["premem_accuracy"])
    assert set(notes(same, "premem_accuracy", "train_accuracy").values()) == {
        "undefined: the predictors of the set are the same but for their scale"
    }


def test_a_saturated_regression_predicts_the_drops_of_its_groups():
    """With a predictor of two values, the regression fits their four shares of right answers exactly."""
    answers = make_answers({UNPERTURBED: [1, 0.5, 0.75, 0.75], "x": [0.5, 0.5, 0.25, 0]}, [1, 1, 0, 0], run=["r"] * 4)
    table = contrast(answers, "x")
    assert DropRegression(table, ["premem_accuracy"]).predict(table) == pytest.approx([0.25, 0.25, 0.625, 0.625])


def test_drops_of_a_run_are_predicted_by_the_others():
    table = contrast(simulate(3, runs=4), "x")
    found = drop_correlations(table, ["premem_accuracy"])
    held = table[table["run"] == "r2"]
    fitted = DropRegression(table[table["run"] != "r2"], ["premem_accuracy"])
    assert found["r2"] == pytest.approx(np.corrcoef(fitted.predict(held), found_drop(held))[0, 1])
    assert found.min() > 0.1
    assert drop_correlations(table, ["perplexity"]).abs().max() < 0.2
    assert drop_correlations(held, ["premem_accuracy"]).isna().all()  # no other run
    # A run in which all look alike: nothing is told, which is not undefined.
    table.loc[table["run"] == "r2", "premem_accuracy"] = 0.5
    assert drop_correlations(table, ["premem_accuracy"])["r2"] == 0


def test_brittleness_is_ranked_by_what_tells_of_it(analysed):
    _, table = analysed
    assert best_predictor_set(table) in ("premem_accuracy", "premem_and_train_accuracy", "together")
    table = table[table["examples"] == "all"]
    found = table[table["perturbation"] == ALL].set_index(["predictor_set", "statistic"])
    premem, train = (found.loc[(name, "drop_correlation")] for name in ("premem_accuracy", "train_accuracy"))
    assert premem["low"].item() > train["high"].item()
    assert found.loc[("premem_accuracy", "ahead_of_train_accuracy"), "low"].item() > 0
    assert not (table["statistic"] == "ahead_of_train_accuracy")[table["predictor_set"] == "train_accuracy"].any()


def test_every_example_gets_a_predicted_drop_even_where_nothing_was_perturbed():
    answers = simulate(3, runs=3)
    first = answers[answers["perturbation"] == UNPERTURBED]
    memorization = first[["run", "epoch", "example_id", "perplexity"]].assign(
        accuracy=first["train_accuracy"], trained_on=True
    )
    later = pd.concat([memorization, memorization.assign(epoch=2)])
    first_of_both = predictors_of(memorization, 1.0)
    drops = predict_drops(answers, later, 1.0, "together")
    assert len(drops) == len(later)
    first, last = (drops[drops["epoch"] == epoch]["predicted_drop"].to_numpy() for epoch in (1, 2))
    assert first == pytest.approx(last)
    fitted = DropRegression(contrast(answers, ALL), MEASURED)
    assert first == pytest.approx(fitted.predict(first_of_both))


def test_labels_of_difficulty_are_one_more_predictor_of_drops():
    """Drops 0, 0.25, 0.75 and 1 at labels 1, 1, 3 and 3: 0.75 between them, of which a standard deviation is a half."""
    answers = make_answers({UNPERTURBED: [1] * 4, "x": [1, 0.75, 0.25, 0]}, [0, 1, 0, 1], run=["r"] * 4)
    answers["difficulty"] = [1, 1, 3, 3] * 2
    assert slope_of(contrast(answers, "x"), "drop_slope", "difficulty")["estimate"] == pytest.approx(0.375)
    bins = table_of_bins(answers, 5, STATISTICS).query("predictor == 'difficulty' and perturbation == 'x'")
    for examples in ("all", "solved"):
        drops = bins[(bins["examples"] == examples) & (bins["statistic"] == "drop")]
        assert drops["estimate"].tolist() == pytest.approx([0.125, 0.875])
        assert drops[["mean", "low_edge", "high_edge"]].to_numpy().tolist() == [[1, 1, 2], [3, 2, 3]]


@pytest.fixture(scope="module")
def with_and_without_labels():
    """Answers with labels that tell of drops, of which a third is missing, and without: answers, bins, regression."""
    plain = simulate(3, runs=3, examples=120, alike=True)
    labels = (4 - 4 * plain["premem_accuracy"]).where(plain["example_id"].astype(int) % 3 > 0)
    both = plain.assign(difficulty=labels), plain
    return [(answers, table_of_bins(answers, 5, STATISTICS), regress(answers, STATISTICS)) for answers in both]


def test_labels_change_nothing_of_the_other_predictors(with_and_without_labels):
    (_, more_bins, more), (_, bins, regression) = with_and_without_labels
    for labelled, plain, column in ((more, regression, "predictor_set"), (more_bins, bins, "predictor")):
        of_labels = labelled[column].str.contains("difficulty", na=False)
        assert of_labels.any()
        pd.testing.assert_frame_equal(labelled[~of_labels].reset_index(drop=True), plain)
    assert best_predictor_set(more) == best_predictor_set(regression)


def test_labels_are_compared_on_the_examples_that_have_one(with_and_without_labels):
    answers, _, regression = with_and_without_labels[0]
    found = regression.query("examples == 'all' and perturbation == 'x'")
    found = found[found["predictor_set"] == "difficulty"].set_index("statistic")
    assert (found["n_examples"] == 3 * 80).all()
    known = contrast(answers.dropna(), "x")
    ours, train = (drop_correlations(known, [name]) for name in ("difficulty", "train_accuracy"))
    assert found["estimate"]["drop_correlation"] == pytest.approx(ours.mean())
    assert found["estimate"]["ahead_of_train_accuracy"] == pytest.approx((ours - train).mean())


def test_no_label_at_all_is_no_predictor(with_and_without_labels):
    """As of the solved examples, where none that has a label is solved."""
    answers, bins, regression = with_and_without_labels[1]
    unknown = answers.assign(difficulty=np.nan)
    pd.testing.assert_frame_equal(table_of_bins(unknown, 5, STATISTICS), bins)
    pd.testing.assert_frame_equal(regress(unknown, STATISTICS), regression)


# --- the page -------------------------------------------------------------------------------------------------------


def page_of(bins, regression):
    changes = {"x": Perturbation(answer_begins=" x|`y"), "y": Perturbation(prompt="a\n{question}")}
    return robustness_page("a on b", changes, bins, regression, {"all": "all.png", "solved": "solved.png"})


def test_the_page_tells_what_was_found(analysed):
    page = page_of(*analysed)
    assert "Examples with a low premem accuracy lose more accuracy (" in page
    assert "The interval does not show whether examples with a low or a high perplexity lose more accuracy (" in page
    assert re.search(r"Examples with a low premem accuracy lose more of their odds \(.* given train accuracy\)", page)
    assert "Better than train accuracy alone, beyond the interval: premem accuracy" in page
    assert "| x | answer begins ` x\\|'y` |" in page
    assert "prompt `a⏎{question}`" in page
    assert "nan" not in page


def test_the_page_tells_of_difficulty_where_there_are_labels(with_and_without_labels):
    (_, bins, regression), (_, *plain) = with_and_without_labels
    assert "ifficulty" not in page_of(*plain)
    page = page_of(bins, regression)
    assert "*Difficulty* is the dataset's own label, and higher means harder. 240 of the pairs have one." in page
    assert "| difficulty | examples | unperturbed |" in page
    assert "odds: difficulty | correlation |" in page
    assert "| train accuracy and difficulty |" in page
    assert "| difficulty: still right | difficulty: drop |" in page
    assert "from the predictor set with the best correlation of all sets without labels: " in page
    assert "nan" not in page
    assert len(plot_bins(bins, "all", Figures()).axes) == 2 * 4


@pytest.mark.parametrize("solved", [0, 1])
def test_a_page_of_undefined_numbers_is_a_page(solved, tmp_path):
    answers = make_answers({UNPERTURBED: [0, 0], "x": [0, 0]}, [0, 0]).assign(train_accuracy=solved)
    bins = table_of_bins(answers, 5, STATISTICS)
    page = page_of(bins, regress(answers, STATISTICS))
    assert "Nothing can be fitted" in page
    assert "undefined: the predictor does not vary within a checkpoint" in page
    assert ("No example was always answered correctly" in page) == (not solved)
    assert "nan" not in page
    save(plot_bins(bins, "solved", Figures()), [tmp_path / "figure.png"], 60)


def test_the_figure_has_a_panel_for_every_perturbation_and_predictor(analysed, tmp_path):
    for examples, rows in (("all", 3), ("solved", 2)):
        figure = plot_bins(analysed[0], examples, Figures())
        assert len(figure.axes) == 2 * rows
        assert [ax.get_title() for ax in figure.axes[:2]] == ["x", "y"]
    save(figure, [tmp_path / "figure.png"], 60)
    assert (tmp_path / "figure.png").stat().st_size > 1000
