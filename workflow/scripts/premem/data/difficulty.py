"""How hard the examples of a dataset are, by its own labels (``difficulty`` in the dataset's settings).

Labels are numbers, the higher the harder: the steps of a story problem, the level of a MATH problem, the lines of a
GSM8K solution.
"""

import pandas as pd

from premem.base.errors import UserError

LINES = "lines"
"""The setting that counts the lines of the solution."""
NUMBER = r"(\d+(?:\.\d+)?)"


def difficulty_of(table: pd.DataFrame, setting: str) -> "pd.Series[float]":
    """Return the difficulty of every example.

    Args:
        table: a prepared split (``premem.data.preparation.prepare_split``).
        setting: ``lines``, for the number of lines of the solution that are not empty; else a column, whose values are
            numbers or hold one (``Level 3`` is 3).

    Returns:
        A float for every row, with the table's index; NaN where the label holds no number (``Level ?``).

    Raises:
        UserError: if the column is missing, or no label holds a number.
    """
    if setting == LINES:
        lines = table["solution"].str.split("\n")
        return lines.map(lambda lines: sum(bool(line.strip()) for line in lines)).astype(float).rename("difficulty")
    if setting not in table:
        raise UserError(
            f"difficulty: there is no column {setting!r} (there are {', '.join(table)}); name one that the dataset's "
            f"columns keep, or {LINES}"
        )
    difficulty = table[setting].astype(str).str.extract(NUMBER, expand=False).astype(float).rename("difficulty")
    if difficulty.isna().all():
        raise UserError(
            f"difficulty: no value of the column {setting!r} holds a number, such as {table[setting].iloc[0]!r}"
        )
    return difficulty
