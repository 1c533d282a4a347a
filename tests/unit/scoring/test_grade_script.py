"""grade.py: every answer is graded against the reference of its own example."""

import pandas as pd

from grade import main
from premem.base.tables import write_table


def test_an_id_that_two_sets_share_is_an_example_of_each(tmp_path):
    references = {"train": {"1": "5", "2": "6"}, "test": {"1": "7", "x": "8"}}
    for split, answers in references.items():
        write_table(
            pd.DataFrame({"example_id": [*answers], "answer": [*answers.values()]}), tmp_path / f"{split}.parquet"
        )
    data = [tmp_path / "train.parquet", tmp_path / "test.parquet"]

    def grades(samples, data):
        write_table(samples.assign(sample=0), tmp_path / "samples.parquet")
        main([tmp_path / "samples.parquet"], [1], data, "gsm8k", 5, 1, tmp_path / "grades.parquet")
        return pd.read_parquet(tmp_path / "grades.parquet")["strict"].tolist()

    samples = pd.DataFrame({"split": ["test", "train", "test", "train"], "example_id": ["1", "1", "x", "2"]})
    assert grades(samples.assign(text=["#### 7", "#### 5", "#### 8", "#### 6"]), data) == ["correct"] * 4
    assert grades(samples.assign(text=["#### 5", "#### 7", "#### 6", "#### 8"]), data) == ["incorrect"] * 4
    # Perturbed training prompts: their splits are perturbations.
    perturbed = samples.iloc[[1, 3]].assign(split="test", text=["#### 5", "#### 7"])
    assert grades(perturbed, data[:1]) == ["correct", "incorrect"]
