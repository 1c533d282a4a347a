"""Which examples a run trains on, and which it holds out."""

import pandas as pd
import pytest

from premem.base.errors import UserError
from premem.config.runs import Subset
from premem.data.subsets import held_out, trained_on

TABLE = pd.DataFrame({"example_id": [f"e{i}" for i in range(40)], "subset_rank": [(7 * i) % 40 for i in range(40)]})


def split(size, holdout, run="a", table=TABLE):
    subset = Subset(size=size, holdout=holdout, run=run)
    parts = (set(part(table, subset)["example_id"]) for part in (trained_on, held_out))
    trained, held = parts
    assert not trained & held
    assert len(trained) == subset.number_trained_on(len(table))
    assert len(held) == subset.number_held_out(len(table))
    return trained, held


def test_a_full_run_holds_out_what_it_would_have_trained_on():
    trained, held = split(1, 10)
    assert len(held) == 10
    assert trained | held == set(TABLE["example_id"])


def test_a_smaller_run_first_holds_out_what_it_never_sees():
    beyond = set(TABLE["example_id"]) - split(0.5, 0)[0]
    trained, held = split(0.5, 10)
    assert len(trained) == 20
    assert held < beyond
    trained, held = split(0.5, 25)
    assert len(trained) == 15
    assert held > beyond


def test_every_run_draws_its_own_and_always_the_same():
    assert split(1, 0.25) == split(1, 10)
    assert split(1, 10, "a") == split(1, 10, "a")
    assert split(1, 10, "a")[1] != split(1, 10, "b")[1]


def test_by_default_a_tenth_and_at_most_128_are_held_out():
    assert len(split(1, None)[1]) == 4
    assert Subset(size=1, holdout=None, run="a").number_held_out(7473) == 128


def test_examples_that_were_left_out_change_nothing_else():
    without = TABLE[TABLE["subset_rank"] != 11]
    trained, held = (
        set(part(without, Subset(size=1, holdout=10, run="a"))["example_id"]) for part in (trained_on, held_out)
    )
    whole_trained, whole_held = split(1, 10)
    gone = set(TABLE["example_id"]) - set(without["example_id"])
    assert (trained, held) == (whole_trained - gone, whole_held - gone)


def test_a_run_without_an_example_is_refused():
    with pytest.raises(UserError, match=r"holdout: 40 of 40 training examples are held out, so that run a has none"):
        trained_on(TABLE, Subset(size=1, holdout=50, run="a"))
