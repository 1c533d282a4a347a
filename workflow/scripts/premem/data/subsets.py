"""Which examples of a training set a run trains on, and which it holds out."""

from random import Random

import pandas as pd

from premem.base.errors import UserError
from premem.config.runs import Subset


def trained_on(table: pd.DataFrame, subset: Subset) -> pd.DataFrame:
    """Return the examples that the run trains on: the nested random subset of its size, less what it holds out.

    Args:
        table: rows of a training set, with a column subset_rank, from 0. The first k by rank are the subset of k
            examples. Some ranks may be missing, as examples that are too long are.
        subset: of the run.

    Raises:
        UserError: if no example is left.
    """
    ranks = table["subset_rank"]
    total = int(ranks.max()) + 1
    held = _held_out_ranks(total, subset)
    left = table[(ranks < subset.number_of_size(total)) & ~ranks.isin(held)].reset_index(drop=True)
    if left.empty:
        raise UserError(
            f"datasets.….holdout: {len(held)} of {total} training examples are held out, so that run {subset.run} has "
            "none to train on; lower it"
        )
    return left


def held_out(table: pd.DataFrame, subset: Subset) -> pd.DataFrame:
    """Return the examples that the run holds out, which may be none; arguments as for ``trained_on``."""
    return table[table["subset_rank"].isin(_held_out_ranks(int(table["subset_rank"].max()) + 1, subset))].reset_index(
        drop=True
    )


def _held_out_ranks(total: int, subset: Subset) -> list[int]:
    """Draw the ranks that are held out: those beyond the run's size first, since it never sees these anyway."""
    random, wanted, size = Random(f"holdout {subset.run}"), subset.number_held_out(total), subset.number_of_size(total)
    first = random.sample(range(size, total), min(wanted, total - size))
    return first + random.sample(range(size), wanted - len(first))
