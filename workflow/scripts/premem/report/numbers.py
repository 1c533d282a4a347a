"""Numbers in pages and figures.

Pages are also written in environments without matplotlib, so nothing here imports it.
"""

import numpy as np
import pandas as pd

MINUS = "\u2212"


def write_number(row: pd.Series, decimals: int = 2) -> str:
    """Return the estimate, with its interval if there is one: ``0.94 [0.90, 0.97]``.

    Args:
        row: estimate, low, high; low and high are NaN without an interval.
        decimals: of numbers between −10 and 10; larger ones are rounded to whole numbers.
    """
    estimate, low, high = (
        write_minus(f"{number:.{decimals if abs(number) < 10 else 0}f}") for number in (row.estimate, row.low, row.high)
    )
    return "undefined" if np.isnan(row.estimate) else estimate + ("" if np.isnan(row.low) else f" [{low}, {high}]")


def write_minus(number: str) -> str:
    """Return a formatted number with a minus sign in place of each hyphen."""
    return number.replace("-", MINUS)


def count(number: int, noun: str) -> str:
    """Return a number with its noun: ``1 run``, ``2 runs``."""
    return f"{number} {noun}{'' if number == 1 else 's'}"
