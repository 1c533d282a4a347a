"""premem.scoring.imported_results: the authors' release and tables of one's own; what is said of bad ones."""

import dataclasses
import gzip
import re
import shutil

import numpy as np
import pandas as pd
import pytest

from premem.analysis.regression.calibration import best_threshold, calibrate, threshold_grid
from premem.analysis.regression.measures import r_squared, squared_correlation
from premem.base.errors import UserError
from premem.base.tables import write_table
from premem.config.statistics import Grid
from premem.scoring.release import read_release
from premem.scoring.score_tables import read_tables
from premem.scoring.scores import RunScores, place_points, predict_over_grid, runs_of_tables

RUN = "toy_2epochs_full_lr2e-05_bs4"
AUTHORS_P = float(np.exp(np.exp(-2.3)))


# --- a small release ------------------------------------------------------------------------------------------------


@pytest.fixture
def release(tmp_path):
    """Two runs of 8 training examples, 4 test examples and batches of 4; the second trains on half of them."""
    random = np.random.default_rng(0)
    for name, trained_on, steps in ((RUN, range(8), (2, 4)), ("toy_4epochs_half_lr0.0001_bs4", (1, 2, 5, 6), (2, 4))):
        folder = tmp_path / "ckpts" / name
        for step in steps:
            checkpoint = folder / f"checkpoint-{step}"
            checkpoint.mkdir(parents=True)
            np.save(checkpoint / "train_answer_types5_seed2_temp0.8.npy", random.integers(0, 3, (8, 5)))
            np.save(checkpoint / "test_answer_types5_seed2_temp0.8.npy", random.integers(0, 3, (4, 5)))
            np.save(checkpoint / "train_perplexities.npy", random.uniform(1, 2, 8))
        np.save(folder / "subsample_idxs.npy", np.array(trained_on))
    (tmp_path / "ckpts" / "other_1epochs_full_lr1e-5_bs4").mkdir()
    return tmp_path / "ckpts"


def read(folder):
    return read_release(folder, "toy", "m", "d")


def test_a_release_becomes_tables(release):
    imported = read(release)
    full, half = runs_of_tables(imported.memorization, imported.tests, "test")
    assert [full.run, half.run] == ["lr2e-5_ep2_full_seed0", "lr1e-4_ep4_half_seed0"]
    assert full.checkpoint_epochs.tolist() == [1, 2]
    assert half.checkpoint_epochs.tolist() == [2, 4]
    types = np.load(release / "toy_4epochs_half_lr0.0001_bs4/checkpoint-4/train_answer_types5_seed2_temp0.8.npy")
    assert half.accuracy[1].tolist() == (types == 0).mean(axis=1)[[1, 2, 5, 6]].tolist()
    assert half.unseen_accuracy[1].tolist() == (types == 0).mean(axis=1)[[0, 3, 4, 7]].tolist()
    assert full.unseen_accuracy.shape == (2, 0)
    assert imported.memorization["example_id"].iloc[:2].tolist() == ["train-00000", "train-00001"]
    assert not imported.left_out


def test_the_authors_order_of_samplings_and_a_larger_one(release):
    for checkpoint in (release / RUN).glob("checkpoint-*"):
        np.save(checkpoint / "train_answer_types50_seed2_temp0.8.npy", np.zeros((8, 50), dtype=int))
        np.save(checkpoint / "train_answer_types50_seed2.npy", np.ones((8, 50), dtype=int))  # of another kind
    imported = read(release)
    full, half = runs_of_tables(imported.memorization, imported.tests, "test")
    assert (full.n_samples == 5).all()
    assert (full.more_samples == 50).all()
    assert (full.accuracy_of_more == 1).all()
    assert half.more_samples is None


@pytest.mark.parametrize(
    ("remove", "reason"),
    [
        ("checkpoint-4/train_perplexities.npy", "train_perplexities.npy is missing"),
        ("checkpoint-2/test_answer_types5_seed2_temp0.8.npy", "test_answer_types5_seed2_temp0.8.npy is missing"),
        ("checkpoint-4", "the checkpoint of epoch 2 is missing"),
        ("checkpoint-*", "no checkpoint"),
    ],
)
def test_a_run_that_is_not_whole_is_left_out_and_named(release, remove, reason):
    for path in (release / RUN).glob(remove):
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    imported = read(release)
    assert imported.memorization["run"].unique().tolist() == ["lr1e-4_ep4_half_seed0"]
    assert list(imported.left_out) == [RUN]
    assert reason in imported.left_out[RUN]


def test_no_whole_run_is_an_error(release):
    for file in release.rglob("train_perplexities.npy"):
        file.unlink()
    with pytest.raises(UserError, match=r"no run of toy is complete\n.*train_perplexities.npy is missing"):
        read(release)
    with pytest.raises(UserError, match=r"no folder is called math_"):
        read_release(release, "math", "m", "d")


@pytest.mark.parametrize(
    ("file", "array", "message"),
    [
        ("checkpoint-4/train_perplexities.npy", np.full(7, 1.5), r"holds 7 train examples, but .* holds 8"),
        ("checkpoint-4/test_answer_types5_seed2_temp0.8.npy", np.zeros((3, 5), int), r"3 test examples, but .* 4"),
        ("checkpoint-4/train_perplexities.npy", np.array([1.5] * 7 + [np.nan]), r"perplexity 7 is nan"),
        ("checkpoint-4/train_perplexities.npy", np.array([0.9] + [1.5] * 7), r"perplexity 0 is 0.9"),
        ("checkpoint-4/train_perplexities.npy", np.full((8, 1), 1.5), r"shape \(8, 1\)"),
        ("checkpoint-2/train_answer_types5_seed2_temp0.8.npy", np.full((8, 5), 3), r"unknown answer type 3"),
        ("checkpoint-2/train_answer_types5_seed2_temp0.8.npy", np.full((8, 5), 0.2), r"integer numbers in 2 dim"),
        ("subsample_idxs.npy", np.arange(1, 9), r"distinct and from 0 to 7 .*1 to 8"),
        ("subsample_idxs.npy", np.zeros(8, int), r"found 1 distinct of 8"),
    ],
)
def test_a_bad_array_is_named(release, file, array, message):
    np.save(release / RUN / file, array)
    with pytest.raises(UserError, match=rf"{re.escape(file)}.*{message}"):
        read(release)


def test_a_file_that_is_no_array_is_named(release):
    (release / RUN / "subsample_idxs.npy").write_bytes(b"\x93NUMPY half")
    with pytest.raises(UserError, match=r"subsample_idxs.npy: not a readable NumPy file"):
        read(release)


@pytest.mark.parametrize("name", ["toy_epochs_full_lr1e-5_bs4", "toy_2epochs_full_lrfast_bs4", "toy_notes"])
def test_a_name_that_does_not_parse_is_refused(release, name):
    (release / name).mkdir()
    with pytest.raises(UserError, match=rf"{name}: the name of a run is toy_.*such as toy_6epochs"):
        read(release)


def test_two_folders_of_one_run_are_refused(release):
    shutil.copytree(release / RUN, release / RUN.replace("bs4", "bs5"))
    with pytest.raises(UserError, match="there is another run with these epochs"):
        read(release)


def test_a_full_size_run_without_a_list_was_trained_on_all_examples(release):
    whole = read(release)
    for file in release.rglob("subsample_idxs.npy"):
        file.unlink()
    imported = read(release)
    assert imported.memorization["run"].unique().tolist() == ["lr2e-5_ep2_full_seed0"]
    full = whole.memorization[whole.memorization["size"] == "full"]
    pd.testing.assert_frame_equal(imported.memorization, full.reset_index(drop=True))
    assert list(imported.left_out) == ["toy_4epochs_half_lr0.0001_bs4"]
    assert "subsample_idxs.npy is missing" in imported.left_out["toy_4epochs_half_lr0.0001_bs4"]


def write_run(folder, examples, epochs, size, trained_on, batch, memorized=0.99, listed=None, lr="2e-05"):
    """A run whose perplexities fall towards 1 for most of the examples trained on; ``listed``: what its list says."""
    random = np.random.default_rng([examples, epochs])
    path = folder / f"math_orig_{epochs}epochs_{size}_lr{lr}_bs{batch}"
    is_trained_on = np.isin(np.arange(examples), trained_on)
    ends_memorized = is_trained_on & (random.random(examples) < memorized)
    for epoch in range(1, epochs + 1):
        checkpoint = path / f"checkpoint-{int(epoch * len(trained_on) / batch)}"
        checkpoint.mkdir(parents=True)
        memorized_now = ends_memorized & (random.random(examples) < (1 if epoch == epochs else 0.3))
        perplexity = np.where(memorized_now, random.uniform(1, 1.04, examples), random.uniform(1.1, 2, examples))
        np.save(checkpoint / "train_perplexities.npy", perplexity)
        np.save(checkpoint / "train_answer_types5_seed2_temp0.8.npy", random.integers(0, 3, (examples, 5)))
        np.save(checkpoint / "test_answer_types5_seed2_temp0.8.npy", random.integers(0, 3, (9, 5)))
    if listed is not None:
        np.save(path / "subsample_idxs.npy", listed)
    return path


@pytest.fixture
def like_math(tmp_path):
    """The 11 runs of MATH's release, smaller: full-size ones list nothing, and the half run's list is wrong."""
    random = np.random.default_rng(1)
    for lr in ("5e-05", "5e-07", "0.0002"):
        for epochs in (6, 3, 1):
            write_run(tmp_path, 750, epochs, "full", np.arange(750), 24, memorized=lr != "5e-07", lr=lr)
    half, quarter, another = (random.choice(750, size, replace=False) for size in (375, 187, 375))
    write_run(tmp_path, 750, 12, "quarter", quarter, 24, listed=quarter)
    return tmp_path, half, write_run(tmp_path, 750, 6, "half", half, 24, listed=another)


def test_the_release_of_math_is_read_whole_and_its_half_run_repaired(like_math):
    folder, half, path = like_math
    imported = read_release(folder, "math_orig", "m", "d")
    runs = {run.run: run for run in runs_of_tables(imported.memorization, imported.tests, "test")}
    assert not imported.left_out
    assert len(runs) == 11
    assert sum(len(run.checkpoint_epochs) for run in runs.values()) == 3 * (6 + 3 + 1) + 6 + 12
    table = imported.memorization.set_index("run").loc["lr2e-5_ep6_half_seed0"]
    taken = table[table["epoch"] == 6]["trained_on"].to_numpy()
    assert taken.sum() == 375
    assert taken[half].mean() > 0.98
    (said,) = imported.doubted.items()
    assert said[0] == path.name
    numbers = r"is at most 1.05 for (\d+\.\d)% of them and (\d+\.\d)% of the others. .* the 375 examples"
    listed, others = map(float, re.search(numbers, said[1]).groups())
    assert abs(listed - others) < 10


def test_a_list_that_perplexities_can_neither_support_nor_replace(like_math):
    folder, half, path = like_math
    shutil.rmtree(path)
    another = np.random.default_rng(2).choice(750, 375, replace=False)
    write_run(folder, 750, 6, "half", half, 24, memorized=0.5, listed=another)
    imported = read_release(folder, "math_orig", "m", "d")
    assert not imported.doubted
    assert list(imported.left_out) == [path.name]
    assert "Nor do the perplexities tell which examples it was trained on" in imported.left_out[path.name]
    assert imported.memorization["run"].nunique() == 10


@pytest.mark.parametrize(("memorized", "list_is_right"), [(0.99, True), (0.5, True), (0, True), (0, False)])
def test_a_list_is_not_doubted_without_evidence(like_math, memorized, list_is_right):
    folder, half, path = like_math
    shutil.rmtree(path)
    listed = half if list_is_right else np.arange(375)
    write_run(folder, 750, 6, "half", half, 24, memorized=memorized, listed=listed)
    imported = read_release(folder, "math_orig", "m", "d")
    assert not imported.doubted | imported.left_out
    table = imported.memorization.set_index("run").loc["lr2e-5_ep6_half_seed0"]
    assert sorted(np.flatnonzero(table[table["epoch"] == 6]["trained_on"])) == sorted(listed)


# --- the real release -----------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def released(shared_data) -> list[RunScores]:
    folder = shared_data / "published" / "ckpts"
    if not folder.is_dir():
        pytest.skip(f"the authors' results are not at {folder} (PREMEM_SHARED)")
    imported = read_release(folder, "gsm8k_orig", "llama3-8b", "gsm8k")
    assert not imported.left_out
    return runs_of_tables(imported.memorization, imported.tests, "test")


def test_the_released_results_have_the_known_fit(released):
    points = place_points(released, AUTHORS_P)
    assert (len(points), points["run"].nunique()) == (51, 13)
    test, predicted = points["test_accuracy"], points["predicted_test_accuracy"]
    assert r_squared(test, predicted) == pytest.approx(0.9349, abs=5e-5)
    assert squared_correlation(test, predicted) == pytest.approx(0.9393, abs=5e-5)
    assert np.abs(test - predicted).mean() == pytest.approx(0.0285, abs=5e-5)
    assert r_squared(test, points["train_accuracy"]) == pytest.approx(-6.04, abs=5e-3)
    epochs = {"full": {1, 2, 3, 4, 5, 6}, "half": {2, 4, 6}, "quarter": {4, 8, 12}}
    figure = points[[row.epoch in epochs[row.size] for row in points.itertuples()]]
    assert len(figure) == 45
    assert r_squared(figure["test_accuracy"], figure["predicted_test_accuracy"]) == pytest.approx(0.9382, abs=5e-5)
    last = place_points(released, 1.0950).groupby("run").last()
    assert r_squared(last["test_accuracy"], last["predicted_test_accuracy"]) == pytest.approx(0.9420, abs=5e-4)


def test_calibration_finds_the_authors_threshold(released):
    grid = threshold_grid(Grid())
    found = best_threshold(calibrate(predict_over_grid(released, grid)))
    step = np.diff(np.log(np.log(grid[:2]))).item()
    assert abs(np.log(np.log(found)) - -2.3) < step


def test_the_authors_rule_is_the_definition_on_their_data(released):
    """They keep an example while log(log(perplexity)) ≥ τ; the definition, while perplexity > p."""
    for run in released:
        theirs = np.log(np.log(run.perplexity)) >= -2.3
        assert (theirs == (run.perplexity > AUTHORS_P)).all()


def test_all_released_runs_are_read_as_their_names_say(released):
    assert released[0].run == "lr2e-4_ep6_full_seed0"
    epochs = {run.run: run.checkpoint_epochs.tolist() for run in released}
    assert epochs["lr2e-5_ep12_quarter_seed0"] == [2, 4, 6, 8, 10, 12]
    assert epochs["lr2e-5_ep6_half_seed0"] == [1, 2, 3, 4, 5, 6]
    assert {run.run for run in released if run.unseen_accuracy.size} == {
        "lr2e-5_ep12_quarter_seed0",
        "lr2e-5_ep6_half_seed0",
    }
    more = [int(run.more_samples.max()) for run in released if run.more_samples is not None]
    assert sorted(more) == [10, 50, 50, 50]


def test_a_wrong_list_of_a_real_run_is_repaired(shared_data, tmp_path):
    """GSM8K's lists are right. With another list, the half run is named, and its own examples are found again."""
    source = shared_data / "published" / "ckpts"
    name = "gsm8k_orig_6epochs_half_lr2e-05_bs128"
    if not source.is_dir():
        pytest.skip(f"the authors' results are not at {source} (PREMEM_SHARED)")
    shutil.copytree(source / name, tmp_path / name)
    right = np.load(source / name / "subsample_idxs.npy")
    np.save(tmp_path / name / "subsample_idxs.npy", np.random.default_rng(0).permutation(7473)[: len(right)])
    imported = read_release(tmp_path, "gsm8k_orig", "m", "d")
    assert list(imported.doubted) == [name]
    taken = np.flatnonzero(imported.memorization[imported.memorization["epoch"] == 6]["trained_on"])
    assert np.isin(taken, right).mean() == pytest.approx(0.9976, abs=5e-4)


# --- tables of one's own --------------------------------------------------------------------------------------------


def own_tables() -> tuple[pd.DataFrame, pd.DataFrame]:
    run = {"lr": 0.01, "epochs": 2, "size": "full"}
    train = pd.DataFrame(
        {
            "epoch": [1, 1, 2, 2],
            "example_id": ["a", "b"] * 2,
            "accuracy": [0, 0.5, 1, 1],
            "perplexity": [2, 2, 1.1, 1.5],
        }
    )
    test = pd.DataFrame({"epoch": [1, 2], "example_id": ["x", "x"], "accuracy": [0.25, 0.75]})
    return train.assign(**run), test.assign(**run)


def write(table, path):
    match path.name.removesuffix(".gz").rpartition(".")[2]:
        case "parquet":
            table.to_parquet(path)
        case "csv" | "tsv" as kind:
            table.to_csv(path, index=False, sep="," if kind == "csv" else "\t")
        case "jsonl" | "json" as kind:
            table.to_json(path, orient="records", lines=kind == "jsonl")
    if path.suffix == ".gz" and "parquet" in path.name:
        path.write_bytes(gzip.compress(path.read_bytes()))
    return path


@pytest.mark.parametrize("kind", ["parquet", "csv", "jsonl", "json", "tsv", "csv.gz", "jsonl.gz", "parquet.gz"])
def test_own_tables(tmp_path, kind):
    train, test = own_tables()
    imported = read_tables(
        [write(train, tmp_path / f"train.{kind}")], [write(test, tmp_path / f"test.{kind}")], "m", "d"
    )
    (run,) = runs_of_tables(imported.memorization, imported.tests, "test")
    assert run.run == "lr1e-2_ep2_full_seed0"
    assert run.accuracy.tolist() == [[0, 0.5], [1, 1]]
    assert run.perplexity.tolist() == [[2, 2], [1.1, 1.5]]
    assert run.test_accuracy.tolist() == [[0.25], [0.75]]


def read_csvs(tmp_path, train, test, **more):
    return read_tables([write(train, tmp_path / "train.csv")], [write(test, tmp_path / "test.csv")], "m", "d", **more)


@pytest.mark.parametrize("size", ["NA", "null", "None", "0.5", "half-1", "007"])
def test_a_size_is_the_name_that_was_written(tmp_path, size):
    train, test = (table.assign(size=size) for table in own_tables())
    (run,) = runs_of_tables(*dataclasses.astuple(read_csvs(tmp_path, train, test))[:2], "test")
    assert (run.size, run.run) == (size, f"lr1e-2_ep2_{size}_seed0")


@pytest.mark.parametrize(
    ("yes", "no"),
    [("yes", "no"), ("T", "F"), ("True", "False"), ("true", "false"), (1, 0), (1.0, 0.0), ("y", "N"), (True, False)],
)
@pytest.mark.parametrize("kind", ["csv", "jsonl", "parquet"])
def test_trained_on_is_read_however_it_is_spelled(tmp_path, yes, no, kind):
    train, test = own_tables()
    train["trained_on"] = [yes, no] * 2
    files = [write(train, tmp_path / f"a.{kind}")], [write(test, tmp_path / f"b.{kind}")]
    imported = read_tables(*files, "m", "d")
    assert imported.memorization["trained_on"].tolist() == [True, False] * 2


def test_nullable_columns_of_parquet(tmp_path):
    train, test = (table.convert_dtypes() for table in own_tables())
    train = train.assign(trained_on=pd.array([True, False] * 2, dtype="boolean"), seed=pd.array([3] * 4, dtype="Int64"))
    test = test.assign(seed=3.0)
    imported = read_tables([write(train, tmp_path / "a.parquet")], [write(test, tmp_path / "b.parquet")], "m", "d")
    assert imported.memorization["run"].unique().tolist() == ["lr1e-2_ep2_full_seed3"]
    train["seed"] = pd.array([3, None, 3, 3], dtype="Int64")
    with pytest.raises(UserError, match=r"a.parquet, row 2: seed must be a whole number from 0 up \(given: nothing\)"):
        read_tables([write(train, tmp_path / "a.parquet")], [tmp_path / "b.parquet"], "m", "d")


@pytest.mark.parametrize(("is_right", "memorizes"), [(True, True), (False, True), (False, False)])
def test_what_was_trained_on_is_checked(tmp_path, is_right, memorizes):
    _, test = own_tables()
    random = np.random.default_rng(0)
    trained_on = random.permutation(100) < 50
    memorized = (trained_on if is_right else random.permutation(trained_on)) & memorizes
    run = {"lr": 0.01, "epochs": 2, "size": "half", "accuracy": 1, "trained_on": trained_on}
    examples = {"example_id": range(100), "perplexity": np.where(memorized, 1.01, 1.5)}
    train = pd.concat([pd.DataFrame(run | examples | {"epoch": epoch}) for epoch in (1, 2)])
    doubted = read_csvs(tmp_path, train, test.assign(size="half")).doubted
    if is_right or not memorizes:
        assert not doubted
    else:
        (said,) = doubted.items()
        assert said[0] == "m on d, lr1e-2_ep2_half_seed0"
        assert "as trained_on says, are not more memorized than the others" in said[1]


def test_ids_of_examples_stay_as_they_were_written(tmp_path):
    train, test = own_tables()
    ids = ["007", "12345678901234567890"]
    imported = read_csvs(tmp_path, train.assign(example_id=ids * 2), test)
    assert imported.memorization["example_id"].tolist() == ids * 2


def test_columns_of_other_names(tmp_path):
    train, test = own_tables()
    names = {"example_id": "qid", "accuracy": "score", "perplexity": "ppl", "lr": "learning rate"}
    expected = read_csvs(tmp_path, train, test)
    columns = dict(names)
    imported = read_csvs(tmp_path, train.rename(columns=names), test.rename(columns=names), columns=columns)
    pd.testing.assert_frame_equal(imported.memorization, expected.memorization)
    pd.testing.assert_frame_equal(imported.tests, expected.tests)
    with pytest.raises(UserError, match=r"train.csv: column score \(for accuracy\) is missing .* right one in columns"):
        read_csvs(tmp_path, train, test, columns={"accuracy": "score"})
    bad = train.rename(columns=names).assign(ppl=0.5)
    with pytest.raises(UserError, match=r"train.csv, row 1: ppl \(perplexity\) must be a number from 1 up"):
        read_csvs(tmp_path, bad, test.rename(columns=names), columns=columns)


def test_the_projects_own_tables_are_read_as_they_are(release, tmp_path):
    """Those of a pair, which hold several runs, lists of examples trained on, and larger samplings."""
    for checkpoint in (release / RUN).glob("checkpoint-*"):
        np.save(checkpoint / "train_answer_types50_seed2_temp0.8.npy", np.zeros((8, 50), dtype=int))
    made = read(release)
    write_table(made.memorization, tmp_path / "memorization.parquet")
    write_table(made.tests, tmp_path / "test_accuracy.parquet")
    imported = read_tables([tmp_path / "memorization.parquet"], [tmp_path / "test_accuracy.parquet"], "m", "d")
    pd.testing.assert_frame_equal(imported.memorization, made.memorization.astype({"example_id": "str"}))
    pd.testing.assert_frame_equal(imported.tests, made.tests.astype({"example_id": "str"}))


def test_own_grades_become_accuracies(tmp_path):
    train, test = own_tables()
    grades = train.drop(columns="accuracy").loc[[0, 0, 1, 1, 2, 2, 3, 3]]
    grades["grade"] = ["correct", "incorrect", "no_answer", "incorrect", "correct", "correct", "correct", "no_answer"]
    imported = read_tables([write(grades, tmp_path / "a.csv")], [write(test, tmp_path / "b.csv")], "m", "d")
    (run,) = runs_of_tables(imported.memorization, imported.tests, "test")
    assert run.accuracy.tolist() == [[0.5, 0], [1, 0.5]]
    assert (run.n_samples == 2).all()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda t: t.drop(columns="perplexity"), "column perplexity is missing"),
        (lambda t: t.drop(columns=["accuracy", "lr"]), r"column lr, accuracy \(or grade\) is missing"),
        (lambda t: t.assign(perplexity=[2, 2, 0.5, 2]), r"row 3: perplexity must be a number from 1 up \(given: .*0.5"),
        (lambda t: t.assign(perplexity=[2, None, 2, 2]), r"row 2: perplexity must be"),
        (lambda t: t.assign(accuracy=[0, 1, 1, 80]), r"row 4: accuracy must be a share from 0 to 1"),
        (lambda t: t.assign(epoch=[0, 1, 2, 2]), r"row 1: epoch must be a whole number"),
        (lambda t: t.assign(lr=-1), r"row 1: lr must be a number above 0"),
        (lambda t: t.assign(grade="right"), r"row 1: grade must be correct, incorrect or no_answer"),
        (lambda t: t.assign(size="a/../../x"), r"row 1: size must be a name .*\(given: a/../../x\)"),
        (lambda t: t.assign(size=["full", "", "full", "full"]), r"row 2: size must be a name .*\(given: nothing\)"),
        (lambda t: t.assign(size="a_b"), r"row 1: size must be a name"),
        (lambda t: t.assign(lr=["1e-2", "1e-2", "1e-2/x", "1e-2"]), r"row 3: lr must be a number above 0"),
        (lambda t: t.assign(lr="nan"), r"row 1: lr must be a number above 0"),
        (lambda t: t.assign(epochs=1.5), r"row 1: epochs must be a whole number from 1 up \(given: 1.5\)"),
        (lambda t: t.assign(epochs="1e999999999"), r"row 1: epochs must be a whole number"),
        (lambda t: t.assign(seed=-1), r"row 1: seed must be a whole number from 0 up"),
        (lambda t: t.assign(n_samples="five"), r"row 1: n_samples must be a whole number"),
        (lambda t: t.assign(perplexity="inf"), r"row 1: perplexity must be a number from 1 up"),
        (
            lambda t: t.assign(trained_on=["yes", "no", "perhaps", "yes"]),
            r"row 3: trained_on must be one of true, t, yes",
        ),
        (lambda t: t.assign(example_id=[" ", "b", "a", "b"]), r"row 1: example_id must not be empty"),
        (
            lambda t: t.drop(columns="lr").assign(run="my run"),
            r"row 1: run must be a name such as lr5e-5_ep6_full_seed0",
        ),
        (lambda t: t.drop(columns="lr").assign(run="lr1e-2_ep2_../x_seed0"), r"row 1: run must be a name"),
        (lambda t: t.assign(example_id="a"), r"example a of run lr1e-2_ep2_full_seed0 occurs twice at epoch 1"),
    ],
)
def test_bad_own_tables(tmp_path, change, message):
    train, test = own_tables()
    with pytest.raises(UserError, match=rf"train.csv.*{message}"):
        read_tables([write(change(train), tmp_path / "train.csv")], [write(test, tmp_path / "test.csv")], "m", "d")


def test_an_unknown_kind_of_file_is_refused(tmp_path):
    (tmp_path / "train.xlsx").touch()
    with pytest.raises(UserError, match=r"train.xlsx: tables are read from .*\.parquet files"):
        read_tables([tmp_path / "train.xlsx"], [], "m", "d")
