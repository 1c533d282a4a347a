"""Collecting data, against hand-made cases: strategies, sources, collection, rounds, data efficiency, pages."""

from typing import get_args

import numpy as np
import pandas as pd
import pytest
import yaml
from scipy.stats import t as student

from draw_start import main as draw_start
from premem.analysis.curation.collect import Collected, collect, describe_examples, extend, start, weigh
from premem.analysis.curation.efficiency import compare_strategies, data_efficiency
from premem.analysis.curation.figures import plot_strategies
from premem.analysis.curation.overlap import Overlap, spelling
from premem.analysis.curation.page import comparison_page, selection_page
from premem.analysis.curation.sources import Generator, PoolSource, read_pool
from premem.analysis.curation.strategies import STRATEGIES
from premem.base.errors import UserError
from premem.base.tables import write_table
from premem.config.analyses import Figures
from premem.config.curation import Collection, Pool, StrategyName
from premem.config.data import Reading
from premem.config.load import load_study
from premem.data.arithmetic import generate_problems
from premem.scoring.threshold import ChosenThreshold

SETTINGS = Collection()


def weights(strategy, settings=SETTINGS, **columns):
    examples = pd.DataFrame(columns)
    examples["subset_rank"] = columns.get("subset_rank", range(len(examples)))
    return STRATEGIES[strategy].weigh(examples, settings).tolist()


# --- strategies -----------------------------------------------------------------------------------------------------


def test_names_in_the_settings_are_the_strategies():
    assert get_args(StrategyName) == tuple(STRATEGIES)


def test_low_accuracy_is_below_t_and_not_at_it():
    values = [0.0, 0.49, 0.5, 0.75, float("nan")]
    assert weights("premem", premem_accuracy=values, accuracy=[1.0] * 5) == [1, 1, 0, 0, 0]
    assert weights("train_accuracy", accuracy=values, premem_accuracy=[1.0] * 5) == [1, 1, 0, 0, 0]
    assert weights("premem", Collection(threshold=0), premem_accuracy=values) == [0, 0, 0, 0, 0]
    assert weights("premem", Collection(threshold=1), premem_accuracy=[1.0, 0.75]) == [0, 1]


def test_weights_by_premem_accuracy_know_no_t():
    values = [0.0, 0.25, 1.0]
    assert weights("premem_weighted", Collection(threshold=0), premem_accuracy=values) == [1, 0.75, 0]


def test_the_highest_ifd_below_one_is_taken():
    ifd = [0.9, 1.0, 1.3, 0.2, 0.7, 0.8, float("nan"), 0.5]
    assert weights("ifd", Collection(share=0.25), ifd=ifd) == [1, 0, 0, 0, 0, 1, 0, 0]
    assert weights("ifd", Collection(share=1), ifd=ifd) == [1, 0, 0, 1, 1, 1, 0, 1]
    assert weights("ifd", ifd=[1.0, 2.0]) == [0, 0]


def test_ties_of_difficulty_fall_to_the_random_rank():
    difficulty = [3.0, 1, 3, 3, float("nan"), 2]
    found = weights("difficulty", Collection(share=0.34), difficulty=difficulty, subset_rank=[5, 0, 1, 3, 2, 4])
    assert found == [0, 0, 1, 1, 0, 0]
    assert weights("difficulty", Collection(share=0.01), difficulty=[1.0, 2.0]) == [0, 1]  # one at least


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_a_strategy_depends_on_the_keys_that_it_says_it_reads(strategy):
    values = np.linspace(0, 0.99, 40)
    columns = dict.fromkeys(("premem_accuracy", "accuracy", "ifd", "difficulty"), values)
    before = weights(strategy, **columns)
    for key in ("threshold", "share"):
        changed = weights(strategy, Collection(**{key: 0.8}), **columns) != before
        assert changed == (key in STRATEGIES[strategy].reads)


# --- what examples are weighed by -----------------------------------------------------------------------------------


def test_examples_are_described_by_the_last_checkpoint():
    """Premem accuracy at p = 1.5 by hand: the best accuracy so far at a perplexity above p, but no more than now."""
    keys = [(epoch, example) for epoch in (4, 2) for example in "abc"]  # not in the order of training
    memorization = pd.DataFrame(keys, columns=["epoch", "example_id"]).assign(
        accuracy=[1.0, 0.25, 0.75, 0.5, 0.75, 1.0], perplexity=[1.1, 1.6, 1.5, 2.0, 2.0, 1.2], trained_on=True
    )
    examples = pd.DataFrame({"example_id": list("cbad"), "solution": ["one\n\ntwo", "1", "1", "1"]})
    ifd = pd.DataFrame({"example_id": list("ab"), "ifd": [0.5, 0.75]})
    found = describe_examples(examples, memorization, 1.5, ifd, "lines").set_index("example_id")
    nan = float("nan")
    assert found.loc[list("abc"), "premem_accuracy"].tolist() == [0.5, 0.25, 0.0]
    assert found.loc[list("abc"), "accuracy"].tolist() == [1.0, 0.25, 0.75]
    assert found.loc["d", ["premem_accuracy", "accuracy", "ifd"]].isna().all()
    assert found["ifd"].tolist() == pytest.approx([nan, 0.75, 0.5, nan], nan_ok=True)
    assert found["difficulty"].tolist() == [2, 1, 1, 1]
    assert list(describe_examples(examples)) == ["example_id", "solution"]


def test_where_nothing_is_selected_all_are_or_it_is_an_error():
    examples = pd.DataFrame({"premem_accuracy": [0.5, 0.75], "accuracy": 1.0, "ifd": 1.5, "subset_rank": [0, 1]})
    found, fell_back = weigh(examples, "premem", SETTINGS, "here")
    assert (found.tolist(), fell_back) == ([1, 1], True)
    assert not weigh(examples, "iid", SETTINGS, "here")[1]
    strict = Collection(fallback="error")
    with pytest.raises(UserError, match=r"here: premem selects none of the 2 .*collection\.threshold is 0\.5.*raise"):
        weigh(examples, "premem", strict, "here")
    with pytest.raises(UserError) as error:
        weigh(examples, "ifd", strict, "here")
    assert "threshold" not in str(error.value)
    assert "collection.fallback: iid" in str(error.value)


# --- contamination --------------------------------------------------------------------------------------------------

LONG = "Ann has 12 pears and then she buys 3 more pears at the big market ."


def test_thirteen_words_in_a_row_are_an_overlap():
    tests = Overlap([LONG], 13)
    words = LONG.rstrip(" .").split()
    assert len(words) == 15
    assert " ".join(["Well", *words[2:]]) in tests
    assert " ".join(["Well", *words[3:]]) not in tests  # twelve of them
    assert " ".join([*words[:7], "not", *words[7:]]) not in tests
    assert "ANN has: 12 pears, and then she -- buys 3 more pears at the" in tests


def test_a_shorter_text_counts_as_a_whole():
    tests = Overlap(["1 + 1 ?", LONG], 13)
    assert "1 1" in tests
    assert "1 + 1 + 1 ?" not in tests
    assert "Ann has 12 pears" not in tests
    assert tests.share(["1 + 1", "2 + 2", LONG, "no"]) == 0.5
    assert tests.share([]) == 0


def test_a_repeat_may_differ_in_capitals_and_blanks():
    assert spelling(" How  MANY\nnow ?") == spelling("how many now ?")
    assert spelling("how many now ?") != spelling("how many now")


# --- sources --------------------------------------------------------------------------------------------------------

COLUMNS = {"skeleton": "skeleton", "steps": "steps"}


@pytest.fixture
def examples():
    """Twelve story problems with one or two steps, and scores."""
    problems = generate_problems(0, {1: 1, 2: 1})
    table = pd.DataFrame([next(problems) for _ in range(12)])
    ids = [f"train-{row:05d}" for row in range(12)]
    return table.assign(example_id=ids, subset_rank=range(12), premem_accuracy=[0.25] * 4 + [0.75] * 8)


def test_a_generator_retells_the_skeleton(examples):
    found = Generator(COLUMNS, "a").variants(examples)
    assert [new["skeleton"] for new in found] == examples["skeleton"].tolist()
    assert [new["steps"] for new in found] == examples["steps"].tolist()
    assert all(new["solution"].endswith(f"#### {new['answer']}") for new in found)
    assert not {new["question"] for new in found} & set(examples["question"])
    assert found == Generator(COLUMNS, "a").variants(examples)
    assert found != Generator(COLUMNS, "b").variants(examples)


def pool_of(examples, per_example, key="question"):
    rows = [(i, row) for i in range(per_example) for row in examples.itertuples()]
    return pd.DataFrame(
        {
            "question": [f"{row.question} again {i}" for i, row in rows],
            "solution": [row.solution for i, row in rows],
            "answer": [row.answer for i, row in rows],
            "resembles": [getattr(row, key) for i, row in rows],
        }
    )


@pytest.mark.parametrize("key", ["question", "example_id"])
def test_a_row_of_a_pool_is_handed_out_once_and_to_what_it_resembles(examples, key):
    pool = pool_of(examples.head(2), 3, key)
    other = pool.head(1).assign(question="nobody's", resembles="something else")
    pool["resembles"] = pool["resembles"].str.upper() + " "
    source = PoolSource(pd.concat([pool, other]), examples, "a")
    parents = examples.iloc[[0, 0, 1, 2, 0, 0]]
    found = source.variants(parents)
    assert [new is None for new in found] == [False, False, False, True, False, True]
    names = {row.question: row.example_id for row in examples.itertuples()}
    assert {names[new["question"].partition(" again")[0]] for new in (found[i] for i in (0, 1, 4))} == {"train-00000"}
    assert len({new["question"] for new in found if new}) == 4
    assert all(set(new) == {"question", "solution", "answer"} for new in found if new)
    assert [new is None for new in source.variants(examples.iloc[[1, 1, 1]])] == [False, False, True]
    again = PoolSource(pool, examples, "a").variants(parents)
    assert again[:3] == found[:3]
    orders = {
        tuple(new["question"] for new in PoolSource(pool, examples, seed).variants(parents[:2])) for seed in "abcdefgh"
    }
    assert len(orders) > 1


def test_a_pool_names_its_columns(examples, tmp_path):
    rows = pool_of(examples, 1).rename(columns={"question": "query", "solution": "response", "resembles": "original"})
    rows.drop(columns="answer").to_json(tmp_path / "pool.jsonl", orient="records", lines=True)
    pool = {"files": [str(tmp_path / "pool.jsonl")], "columns": {"question": "query", "solution": "response"}}
    settings = Reading(answers="gsm8k", columns=COLUMNS)
    found = read_pool(Pool(**pool, resembles="original"), settings, "mine")
    assert list(found) == ["question", "solution", "resembles", "answer"]
    assert found["answer"].tolist() == examples["answer"].tolist()
    with pytest.raises(
        UserError,
        match=r"datasets\.mine\.new_examples\.pool: column 'parent' \(for resembles\) is missing; the source has "
        "query, response, original; name the right one in resembles",
    ):
        read_pool(Pool(**pool, resembles="parent"), settings, "mine")
    with pytest.raises(UserError, match=r"column 'skeleton' .* is missing.*name the right one in columns"):
        read_pool(Pool(**{**pool, "columns": {**COLUMNS, **pool["columns"]}}, resembles="original"), settings, "mine")


def test_bad_rows_of_a_pool_are_refused_or_dropped(examples, tmp_path):
    rows = pool_of(examples, 1)
    rows = pd.concat([rows, rows.tail(1), rows.head(1).assign(question="other", solution="no end", answer="")])
    rows.to_parquet(tmp_path / "pool.parquet")
    pool = Pool(files=[str(tmp_path / "pool.parquet")], resembles="resembles")
    with pytest.raises(
        UserError, match=r"new_examples\.pool: 2 bad examples: \S+, row 13: the same question as \S+, row 12; "
    ):
        read_pool(pool, Reading(answers="gsm8k"), "mine")
    assert len(read_pool(pool, Reading(answers="gsm8k", bad_examples="drop"), "mine")) == 12


def test_a_pool_is_not_generated():
    with pytest.raises(ValueError, match=r"goes under new_examples\.generate"):
        Pool(generate="arithmetic", steps={1: 1}, num_examples=3, resembles="question")


# --- collection -----------------------------------------------------------------------------------------------------


def collected(examples, number=20, source=None, strategy="premem", tests=(), seed=(0, 1), settings=SETTINGS):
    source = source or Generator(COLUMNS, f"{strategy} {seed}")
    return collect(examples, strategy, number, settings, source, examples["question"], tests, seed, "stories-round1")


def test_as_many_as_wanted_are_collected_like_the_selected(examples):
    found = collected(examples)
    new = found.examples
    assert len(new) == new["question"].map(spelling).nunique() == 20
    assert not set(new["question"].map(spelling)) & set(examples["question"].map(spelling))
    assert set(new["resembles"]) <= {"train-00000", "train-00001", "train-00002", "train-00003"}
    skeletons = examples.set_index("example_id")["skeleton"]
    assert new["skeleton"].tolist() == skeletons[new["resembles"]].tolist()
    assert (found.selected, found.fell_back, found.left_out) == (4, False, {})
    pd.testing.assert_frame_equal(new, collected(examples).examples)
    assert not new.equals(collected(examples, seed=(1, 1)).examples)
    assert not new.equals(collected(examples, seed=(0, 2)).examples)


def test_weights_are_shares_of_what_is_collected(examples):
    examples["premem_accuracy"] = [0.0, 0.5] + [1.0] * 10
    found = collected(examples, 600, strategy="premem_weighted")
    counts = found.examples["resembles"].value_counts()
    assert set(counts.index) == {"train-00000", "train-00001"}
    assert counts["train-00000"] / 600 == pytest.approx(2 / 3, abs=0.06)


class Fixed:
    """Gives these questions, one after the other, whatever is asked."""

    def __init__(self, *questions):
        self.questions, self.asked = list(questions), 0

    def variants(self, parents):
        self.asked += len(parents)
        given = [self.questions.pop(0) if len(self.questions) > 1 else self.questions[0] for _ in range(len(parents))]
        return [{"question": q, "solution": "#### 1", "answer": "1"} if "?" in q else q for q in given]


def test_repeats_overlaps_and_failures_are_left_out_and_counted(examples):
    known = examples["question"].iloc[3]
    source = Fixed("a 1 ?", "A  1 ?", known.upper() + " ", LONG + "?", "it failed", "b 2 ?", "c 3 ?", "d 4 ?")
    examples.loc[3, "question"] = known + " ?"
    source.questions[2] = (known + " ?").upper()
    found = collected(examples, 4, source, tests=[f"Well {LONG}"])
    assert found.examples["question"].tolist() == ["a 1 ?", "b 2 ?", "c 3 ?", "d 4 ?"]
    assert found.left_out == {
        "the question exists already": 2,
        "13 consecutive words shared with a test question": 1,
        "it failed": 1,
    }
    assert source.asked == 8


def test_a_source_of_duplicates_comes_to_an_end(examples):
    with pytest.raises(UserError) as error:
        collected(examples, 5, Fixed("only this one ?"))
    message = str(error.value)
    assert message.startswith("stories-round1: 5 new examples wanted, 4 of them are missing")
    assert "left out: the question exists already" in message
    assert message.endswith("or raise collection.threshold")
    with pytest.raises(UserError, match=r"larger source, or collect fewer$"):
        collected(examples, 5, Fixed("only this one ?"), strategy="iid")


def test_a_pool_that_is_too_small_says_how_many_are_missing(examples):
    pool = pool_of(examples, 3)
    found = collected(examples, 12, PoolSource(pool, examples, "a"))
    assert sorted(found.examples["resembles"]) == sorted([*examples["example_id"].head(4)] * 3)
    with pytest.raises(
        UserError, match=r"13 new examples wanted, 1 of them are missing.* 4 selected training examples;"
    ):
        collected(examples, 13, PoolSource(pool, examples, "a"))
    doubled = pd.concat([pool[:-12], pool[-12:].assign(question=examples["question"].tolist())])
    with pytest.raises(UserError, match=r"5 of them are missing.*\(4 left out: the question exists already\)"):
        collected(examples, 13, PoolSource(doubled, examples, "a"))


def test_new_examples_say_where_they_come_from(examples):
    first = start(examples, 6, 0, "curation.start")
    described = first.assign(premem_accuracy=0.0)
    one = extend(first, collected(described, 4), "premem", 1, "generate")
    two = extend(one, collected(described, 3, seed=(0, 2)), "premem", 2, "generate")
    assert two["example_id"].is_unique
    assert two["example_id"].tolist()[6:] == [
        *(f"premem-round1-0000{i}" for i in range(4)),
        *(f"premem-round2-0000{i}" for i in range(3)),
    ]
    assert two["subset_rank"].tolist() == list(range(13))
    assert two["round"].tolist() == [0] * 6 + [1] * 4 + [2] * 3
    assert two["source"].tolist() == ["start"] * 6 + ["generate"] * 7
    assert two["strategy"].tolist() == [""] * 6 + ["premem"] * 7
    assert (two["resembles"] == "").tolist() == [True] * 6 + [False] * 7
    assert two["resembles"].isin(["", *first["example_id"]]).all()
    kept = ["example_id", "question", "solution", "answer", "skeleton", "round"]
    pd.testing.assert_frame_equal(two.head(10)[kept], one[kept])


def test_every_seed_starts_from_examples_of_its_own(examples, tmp_path):
    first, again, other = (start(examples, 6, seed, "curation.start") for seed in (0, 0, 1))
    pd.testing.assert_frame_equal(first, again)
    assert first["example_id"].is_unique and set(first["example_id"]) != set(other["example_id"])
    assert len(start(examples, 12, 0, "x")) == 12
    write_table(examples, tmp_path / "train.parquet")
    with pytest.raises(UserError, match=r"curation\.start: 13 wanted, but there are 12 training examples"):
        draw_start(tmp_path / "train.parquet", 13, 0, tmp_path / "out.parquet")
    assert not (tmp_path / "out.parquet").exists()


# --- the study ------------------------------------------------------------------------------------------------------


@pytest.fixture
def config(root):
    config = yaml.safe_load((root / "config" / "tiny-curation.yaml").read_text())
    config["curation"] = {
        "model": "tiny",
        "dataset": "stories",
        "lr": 1e-2,
        "steps": 12,
        "start": 24,
        "rounds": [8, 4],
        "iid_rounds": [16],
        "strategies": ["premem"],
        "seeds": [0, 3],
    }
    return config


def test_rounds_unroll_by_name(config):
    study = load_study(config, "x")
    of_seed = [made for made in study.rounds.values() if made.seed == 3]
    assert [(made.dataset, made.collected, made.num_examples, made.previous) for made in of_seed] == [
        ("stories-seed3-round0", 24, 24, None),
        ("stories-premem-seed3-round1", 8, 32, "stories-seed3-round0"),
        ("stories-premem-seed3-round2", 4, 36, "stories-premem-seed3-round1"),
        ("stories-iid-seed3-round1", 8, 32, "stories-seed3-round0"),
        ("stories-iid-seed3-round2", 4, 36, "stories-iid-seed3-round1"),
        ("stories-iid-seed3-round3", 16, 52, "stories-iid-seed3-round2"),
    ]
    assert [made.number for made in of_seed] == [0, 1, 2, 1, 2, 3]
    assert len(study.rounds) == 12
    assert {made.source_dataset for made in study.rounds.values()} == {"stories"}


def test_every_training_takes_as_many_steps(config):
    study = load_study(config, "x")
    runs = [study.run_of(made) for made in study.rounds.values() if made.seed == 0]
    assert [run.epochs for run in runs] == [4, 3, 3, 3, 3, 2]  # 96 examples to see
    assert {(run.model, run.lr, run.size, run.seed) for run in runs} == {("tiny", "1e-2", "full", 0)}
    config["curation"]["steps"] = 1
    study = load_study(config, "x")
    assert {study.run_of(made).epochs for made in study.rounds.values()} == {1}


def test_a_curation_is_a_study_without_a_sweep(config):
    study = load_study(config, "x")
    assert study.pairs == [("tiny", "stories")]
    starts = study.runs_of("tiny", "stories")
    assert [run.dataset for run in starts] == ["stories-seed0-round0", "stories-seed3-round0"]
    assert study.trained_runs == tuple(map(study.run_of, study.rounds.values()))
    assert study.source_dataset("stories-iid-seed3-round3") == study.source_dataset("stories") == "stories"
    assert study.dataset("stories-premem-seed0-round2") is study.datasets["stories"]
    config["sweep"] = [{"model": "tiny", "dataset": "stories", "lr": 1e-3, "epochs": 1, "size": "full"}]
    study = load_study(config, "x")
    assert [run.lr for run in study.runs_of("tiny", "stories")] == ["1e-3"]
    assert study.pairs == [("tiny", "stories")]
    assert len(study.trained_runs) == 13


WRITE = {"model": "tiny", "prompt": "{question}", "stop": "\n", "solve": "{question}", "solve_stop": "\n"}


def no_labels(config):
    config["datasets"]["stories"]["difficulty"] = None
    config["curation"]["strategies"] = ["premem", "difficulty"]


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (
            lambda c: c.update(collection={"threshold": 1.2}),
            "collection.threshold: give a number less than or equal to 1 (given: 1.2)",
        ),
        (
            lambda c: c.update(collection={"threshold": -0.1}),
            "collection.threshold: give a number greater than or equal to 0 (given: -0.1)",
        ),
        (lambda c: c.update(collection={"share": 0}), "collection.share"),
        (lambda c: c.update(collection={"fallback": "all"}), "collection.fallback"),
        (lambda c: c["curation"].update(model="tony"), "curation.model: unknown model 'tony'; did you mean 'tiny'?"),
        (lambda c: c["curation"].update(dataset="story"), "curation.dataset: unknown dataset 'story'; did you mean"),
        (lambda c: c["datasets"]["stories"].update(new_examples=None), "give datasets.stories.new_examples"),
        (
            lambda c: c["datasets"]["stories"]["test"].update(pool={"files": ["pool.jsonl"]}),
            "datasets.stories.test.pool: a test set cannot be called pool",
        ),
        (no_labels, "curation.strategies: difficulty needs labels; give datasets.stories.difficulty"),
        (lambda c: c["curation"].update(start=65), "curation.start: 65 wanted, but stories has 64 training examples"),
        (lambda c: c.update(sizes={"half": 0.5}), "sizes: curation trains on all that it has collected; name a size"),
        (lambda c: c["curation"].update(strategies=["ifd", "ifd"]), "strategies: ifd, ifd: one of them is given twice"),
        (lambda c: c["curation"].update(seeds=[1, 0, 1]), "seeds: 1, 0, 1: one of them is given twice"),
        (lambda c: c["curation"].update(strategies=["premum"]), "curation.strategies[0]"),
        (lambda c: c["curation"].update(rounds=[]), "curation.rounds"),
        (lambda c: c["curation"].update(rounds=[8, 0]), "curation.rounds[1]"),
        (lambda c: c["datasets"]["stories"].update(columns={}, difficulty=None), "keep it (columns: {skel"),
        (
            lambda c: c["datasets"]["stories"]["columns"].update(round="steps"),
            "datasets.stories.columns: premem itself adds round to new examples; rename the column",
        ),
        (
            lambda c: c["datasets"]["stories"].update(new_examples={"write": {**WRITE, "model": "tinny"}}),
            "datasets.stories.new_examples.write.model: unknown model 'tinny'; did you mean 'tiny'?",
        ),
        (
            lambda c: c["datasets"]["stories"].update(new_examples={"write": {**WRITE, "solve": "now solve"}}),
            "solve: the template 'now solve' lacks {question}",
        ),
        (
            lambda c: c["datasets"]["stories"].update(new_examples={"generate": "arithmetic", "write": WRITE}),
            "give one of generate, pool and write (given: generate, write)",
        ),
        (
            lambda c: c["datasets"]["stories"].update(
                new_examples={"pool": {"files": ["no/pool.jsonl"], "resembles": "question"}}
            ),
            "datasets.stories.new_examples.pool.files: there is no file no/pool.jsonl; correct the path",
        ),
        (lambda c: c.update(curation=None), "give runs in sweep, imported results in imports, or curation"),
        (
            lambda c: c["datasets"].update({"stories-seed3-round0": c["datasets"]["stories"]}),
            "datasets.stories-seed3-round0: a round of curation has this name; rename the dataset",
        ),
    ],
)
def test_a_bad_value_is_named(config, spoil, message):
    config["datasets"]["stories"] |= {"columns": dict(COLUMNS)}
    load_study(config, "my.yaml")
    spoil(config)
    with pytest.raises(UserError) as error:
        load_study(config, "my.yaml")
    assert f"my.yaml: {message}" in str(error.value) or message in str(error.value)


# --- data efficiency ------------------------------------------------------------------------------------------------


def accuracies(of_strategy, noise=((0,), (0,)), slope=0.001, rounds=(100, 200, 300)):
    """Test accuracy 0.2 + slope × i.i.d. examples; of other strategies as given, {strategy: {examples: accuracy}}."""
    rows = []
    for seed, shifts in enumerate(noise):
        rows.append(("start", seed, 0, 0, 0.2 + shifts[0]))
        for number, total in enumerate(rounds, start=1):
            rows.append(("iid", seed, number, total, 0.2 + slope * total + shifts[0]))
        for strategy, reached in of_strategy.items():
            for number, (total, accuracy) in enumerate(reached.items(), start=1):
                rows.append((strategy, seed, number, total, accuracy + shifts[-1]))
    return pd.DataFrame(rows, columns=["strategy", "seed", "round", "new_examples", "test_accuracy"])


def cell(table, strategy, number, statistic="data_efficiency"):
    keys = (table["strategy"] == strategy) & (table["new_examples"] == number) & (table["statistic"] == statistic)
    (row,) = table[keys].to_dict("records")
    return row


def test_a_linear_curve_gives_the_efficiency_in_closed_form():
    reached = {100: 0.2 + 0.001 * 163, 200: 0.2 + 0.001 * 200}
    found = compare_strategies(accuracies({"premem": reached}), 0.95)
    for number, efficiency in ((100, 1.63), (200, 1.0)):
        row = cell(found, "premem", number)
        assert [row["estimate"], row["low"], row["high"]] == pytest.approx([efficiency] * 3, abs=300 / 400 / number)
        assert row["estimate"] == pytest.approx(efficiency, abs=1e-9)
        assert (row["note"], row["n_seeds"]) == ("", 2)
    assert cell(found, "premem", 100, "gain")["estimate"] == pytest.approx(0.063)
    assert cell(found, "start", 0, "test_accuracy")["estimate"] == pytest.approx(0.2)
    assert not ((found["strategy"] == "iid") & (found["statistic"] != "test_accuracy")).any()


def test_between_two_rounds_the_curve_is_a_line():
    iid = accuracies({"premem": {100: 0.45}}, rounds=(100, 300))
    iid.loc[iid["new_examples"] == 300, "test_accuracy"] = 0.6
    assert cell(compare_strategies(iid, 0.95), "premem", 100)["estimate"] == pytest.approx(2.0)  # .3 at 100, .6 at 300


def test_a_strategy_as_good_as_iid_has_an_efficiency_of_one():
    noise = np.random.default_rng(0).normal(0, 0.02, (8, 2))
    row = cell(compare_strategies(accuracies({"premem": {200: 0.4}}, noise), 0.95), "premem", 200)
    assert row["estimate"] == pytest.approx(1, abs=0.15)
    assert row["low"] < 1 < row["high"] < float("inf")


def test_the_interval_holds_the_numbers_that_a_paired_test_does_not_tell_apart():
    """On a straight curve it is the t interval of the differences, over the slope."""
    noise = np.random.default_rng(1).normal(0, 0.02, (6, 2))
    row = cell(compare_strategies(accuracies({"premem": {100: 0.35}}, noise), 0.9), "premem", 100)
    ahead = 150 + (noise[:, 1] - noise[:, 0]) / 0.001  # i.i.d. examples that reach the same, seed by seed
    half = student.ppf(0.95, 5) * ahead.std(ddof=1) / 6**0.5
    step = 300 / 400
    assert row["estimate"] * 100 == pytest.approx(ahead.mean(), abs=1e-6)
    assert ahead.mean() - half <= row["low"] * 100 <= ahead.mean() - half + step
    assert ahead.mean() + half - step <= row["high"] * 100 <= ahead.mean() + half


def test_gain_and_accuracy_have_t_intervals_over_seeds():
    noise = np.random.default_rng(2).normal(0, 0.02, (5, 2))
    found = compare_strategies(accuracies({"premem": {100: 0.35}}, noise), 0.95)
    values = {"gain": 0.05 + noise[:, 1] - noise[:, 0], "test_accuracy": 0.35 + noise[:, 1]}
    for statistic, of_seeds in values.items():
        row = cell(found, "premem", 100, statistic)
        half = student.ppf(0.975, 4) * of_seeds.std(ddof=1) / 5**0.5
        expected = [of_seeds.mean(), of_seeds.mean() - half, of_seeds.mean() + half]
        assert [row["estimate"], row["low"], row["high"]] == pytest.approx(expected)
        assert row["n_seeds"] == 5


def test_intervals_of_an_accuracy_stay_within_what_it_can_be():
    found = compare_strategies(accuracies({"premem": {100: 0.97}}, np.array([[0, 0.02], [0, -0.1]])), 0.95)
    row = cell(found, "premem", 100, "test_accuracy")
    half = student.ppf(0.975, 1) * 0.06
    assert [row["estimate"], row["low"], row["high"]] == pytest.approx([0.93, 0.93 - half, 1])
    found = compare_strategies(accuracies({"premem": {100: 0.03}}, np.array([[0, -0.02], [0, 0.1]])), 0.95)
    assert cell(found, "premem", 100, "test_accuracy")["low"] == 0


def test_beyond_the_curve_nothing_is_known_but_a_bound():
    found = compare_strategies(accuracies({"premem": {100: 0.9}}), 0.95)
    row = cell(found, "premem", 100)
    assert np.isnan(row["estimate"]) and row["high"] == row["low"] == float("inf")
    assert row["note"].startswith("more than 3: no number of i.i.d. examples that was tried reaches it")
    noise = np.random.default_rng(3).normal(0, 0.01, (4, 2))
    row = cell(compare_strategies(accuracies({"premem": {100: 0.505}}, noise), 0.95), "premem", 100)
    assert 2 < row["low"] < 3 and row["high"] == float("inf")  # cannot be distinguished from the last ones tried


def test_a_strategy_below_the_start_is_worth_nothing():
    row = cell(compare_strategies(accuracies({"premem": {100: 0.1}}), 0.95), "premem", 100)
    assert (row["estimate"], row["low"], row["high"]) == (0, 0, 0)


def test_the_interval_holds_the_estimate():
    random = np.random.default_rng(4)
    tried = np.linspace(0, 2, 41)
    for _ in range(200):
        iid = np.cumsum(random.normal(0.01, 0.02, (3, 41)), axis=1)
        reached = random.normal(0.2, random.choice([0, 0.001, 0.2]), 3)
        estimate, low, high, _ = data_efficiency(reached, iid, tried, 0.95)
        assert low <= (np.inf if np.isnan(estimate) else estimate) <= high  # NaN: beyond the largest number tried


def test_what_is_beyond_all_tried_has_no_upper_end():
    """Also where a few examples scatter so widely that they cannot be distinguished from the strategy, and more can."""
    iid = np.array([[0.5, 0.4, 0.65], [0.5, 0.6, 0.65], [0.5, 0.8, 0.65]])
    estimate, low, high, note = data_efficiency(np.full(3, 0.7), iid, np.array([0.0, 1.0, 2.0]), 0.95)
    assert np.isnan(estimate) and note.startswith("more than 2:")
    assert (low, high) == (1, np.inf)


def test_one_seed_has_no_interval():
    found = compare_strategies(accuracies({"premem": {100: 0.35}}, [(0,)]), 0.95)
    row = cell(found, "premem", 100)
    assert row["estimate"] == pytest.approx(1.5)
    assert np.isnan([row["low"], row["high"]]).all() and row["note"] == "one seed"
    assert np.isnan(cell(found, "premem", 100, "gain")["low"])


# --- pages and the figure -------------------------------------------------------------------------------------------


def test_the_page_of_a_comparison_says_what_came_out():
    noise = np.random.default_rng(5).normal(0, 0.005, (3, 2))
    accuracy = accuracies({"premem": {100: 0.35, 200: 0.9}, "ifd": {100: 0.3, 200: 0.3}}, noise)
    efficiency = compare_strategies(accuracy, 0.95)
    made = accuracy[accuracy["round"] > 0]
    gathered = made.drop(columns="test_accuracy").assign(
        selected=8, p=1.25, trained_on=32, overlap_of_start=0.25, repeated=1, overlapping=2, other=0, difficulty=1.5
    )
    gathered["fell_back"] = (gathered["strategy"] == "premem") & (gathered["round"] == 2)
    gathered["p"] = gathered["p"].where(gathered["strategy"] == "premem").astype(object)
    said = "tiny on stories", efficiency, gathered, Collection(threshold=0.4)
    page = comparison_page(*said, True, "curation.png")
    assert page.startswith("# Collecting data: tiny on stories\n")
    assert "![Strategies](curation.png)" in page
    assert "| low premem accuracy | 200 |" in page and "| more than 1.5 [∞, ∞) |" not in page
    assert "p = 1.250, calibrated on the test accuracy of the runs" in page
    assert "p = 1.250, chosen without test accuracies" in comparison_page(*said, False, "curation.png")
    assert "below t = 0.4" in page and "25.0% share as many" in page
    line = next(line for line in page.splitlines() if "Algorithm 1" in line)
    assert line == "| low premem accuracy | Kang et al. 2025, Algorithm 1 | 25% | 1.50 | 3 of 6 | 6 | 12 | 0 |"
    estimate = cell(efficiency, "premem", 100)["estimate"]
    assert f"| {estimate:.2f} [" in page


def test_the_figure_draws_estimates_and_open_ends(tmp_path):
    noise = np.random.default_rng(5).normal(0, 0.005, (3, 2))
    efficiency = compare_strategies(accuracies({"premem": {100: 0.35, 200: 0.9}, "ifd": {200: 0.3}}, noise), 0.95)
    left, right = plot_strategies(efficiency, Figures()).axes
    (line,) = (line for line in left.lines if line.get_label() == "low premem accuracy")
    expected = [
        cell(efficiency, *key, "test_accuracy")["estimate"] for key in (("start", 0), ("premem", 100), ("premem", 200))
    ]
    assert line.get_ydata().tolist() == pytest.approx(expected)
    assert [label.get_text() for label in right.get_yticklabels()] == [
        "low premem accuracy",
        "instruction-following difficulty",
    ]
    assert [line.get_marker() for line in right.lines].count(">") == 1  # premem went beyond what was tried
    with pytest.raises(KeyError):
        plot_strategies(efficiency.drop(columns="low"), Figures())


def test_the_page_of_a_selection_says_what_and_why(examples):
    found = collected(examples, 9)
    page = selection_page(
        "New examples",
        examples,
        found,
        "premem",
        Collection(threshold=0.5, share=0.3),
        ChosenThreshold(1.5, "value"),
        0.25,
    )
    assert page.startswith("# New examples\n")
    for text in (
        "| strategy | low premem accuracy (Kang et al. 2025, Algorithm 1) |",
        "| t | 0.5 |",
        "| threshold p | 1.500 (p given in the study) |",
        "| training examples selected | 4 of 12 (33%) |",
        "| new examples | 9 |",
        "| left out | none |",
        "25.0% of the training examples, no new example",
        "| *mean, selected* | 0.25 |  |",
        "| *mean, not selected* | 0.75 |  |",
    ):
        assert text in page
    assert "share of the hardest" not in page and "selected no example" not in page
    new = found.examples.iloc[0]
    assert f"Training example {new['resembles']}:" in page and f"    {new['question']}\n    {new['solution']}" in page
    parent = examples.set_index("example_id").loc[new["resembles"], "question"]
    assert f"    {parent}" in page
    all_taken = Collected(found.examples, np.ones(12), True, {"it failed": 2})
    page = selection_page("New", examples[["example_id", "question"]], all_taken, "ifd", SETTINGS, None, 0)
    for text in (
        "selected no example, so all training examples were used",
        "| threshold p | not read |",
        "2: it failed",
        "hardest | 0.3 |",
    ):
        assert text in page


def test_numbers_of_a_pool_are_numbers_where_a_generator_gave_some(examples, tmp_path):
    rows = pool_of(examples, 1).assign(skeleton="add", steps=3)
    rows.to_json(tmp_path / "pool.jsonl", orient="records", lines=True)
    pool = Pool(files=[str(tmp_path / "pool.jsonl")], resembles="resembles")
    settings = Reading(answers="gsm8k", columns=COLUMNS)
    opened = PoolSource(read_pool(pool, settings, "mine"), examples, "0")
    variants = [variant for variant in opened.variants(examples) if variant]
    collected = Collected(pd.DataFrame(variants).assign(resembles="x"), np.ones(len(examples)), False, {})
    previous = examples.assign(round=0)
    table = extend(previous, collected, "premem", 1, "pool")
    assert table["steps"].dtype == examples["steps"].dtype == "int64"
    assert table["steps"].iloc[len(examples) :].eq(3).all()
    collected.examples["steps"] = "two"
    with pytest.raises(UserError, match=r"new_examples: column steps holds numbers .*'two'"):
        extend(previous, collected, "premem", 1, "pool")
