"""The list of training examples to look at."""

import pandas as pd

from premem.analysis.fix_these import count_patterns, fix_these

P = 1.5
# Each example: accuracy and perplexity at two checkpoints.
EXAMPLES = {
    "learned": ([1, 1], [2.0, 1.2]),
    "wrong": ([0, 0.25], [2.0, 1.2]),
    "before": ([0.25, 1], [2.0, 1.2]),
    "forgotten": ([0.75, 0.25], [2.0, 1.8]),
    "never": ([0.25, 0.25], [3.0, 2.5]),
}


def memorization(runs=("a", "b"), unseen=()):
    rows = [
        (run, epoch, example, accuracy[epoch - 1], perplexity[epoch - 1], (run, example) not in unseen)
        for run in runs
        for example, (accuracy, perplexity) in EXAMPLES.items()
        for epoch in (1, 2)
    ]
    return pd.DataFrame(rows, columns=["run", "epoch", "example_id", "accuracy", "perplexity", "trained_on"])


def test_every_pattern_by_hand():
    table = fix_these(memorization(), P).set_index("example_id")
    assert table["pattern"].to_dict() == {
        "wrong": "memorized_while_wrong",
        "before": "memorized_before_understood",
        "forgotten": "forgotten",
        "never": "never_learned",
    }
    assert list(table.index) == ["wrong", "before", "forgotten", "never"]  # the most urgent first
    assert table["num_runs"].tolist() == [2] * 4
    assert table.loc["before", "mean_accuracy"] == 0.625
    assert [number for _, _, number in count_patterns(table)] == [0, 1, 1, 1, 1]


def test_a_pattern_of_few_runs_is_not_listed():
    table = memorization(("a", "b", "c"))
    good = table["example_id"].isin(["wrong", "before", "never"]) & (table["run"] != "a")
    table.loc[good, ["accuracy", "perplexity"]] = [1.0, 2.0]
    assert fix_these(table, P)["example_id"].tolist() == ["forgotten"]


def test_runs_that_held_an_example_out_say_what_it_is_worth():
    table = fix_these(memorization(unseen={("a", "never")}), P).set_index("example_id")
    assert table.loc["never", ["num_runs", "unseen_accuracy"]].tolist() == [1, 0.25]
    assert table["unseen_accuracy"].notna().sum() == 1


def test_a_label_that_the_answers_dispute_comes_first():
    """Answers given while the example is not memorized agree on 7, but the label is another one."""
    scores = memorization()
    rows = [
        (
            1,
            example,
            "incorrect" if example in ("never", "before") else "correct",
            "7" if example == "never" else str(k),
        )
        for example in EXAMPLES
        for k in range(4)
    ]
    # Once memorized, the model repeats the label, which says nothing.
    rows += [(2, "before", "correct", "9") for _ in range(4)] + [(2, "wrong", "incorrect", "5") for _ in range(40)]
    answers = pd.DataFrame(rows, columns=["epoch", "example_id", "grade", "extracted"])
    table = fix_these(
        scores, P, [("a", answers), ("b", answers)], pd.DataFrame({"example_id": ["never"], "question": "Q"})
    )
    first = table.iloc[0]
    assert first[["example_id", "pattern", "other_answer", "question"]].tolist() == [
        "never",
        "disputed_label",
        "7",
        "Q",
    ]
    assert first["other_answer_share"] == 1
    shares = table.set_index("example_id")["other_answer_share"]
    assert first["label_share"] == 0
    assert shares["before"] == 0.25  # four different answers, and those at checkpoint 2 do not count
    assert shares["wrong"] == 0
