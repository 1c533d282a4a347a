"""Looking numbers up in the answer to one question."""

import pandas as pd

from premem.analysis.scrutiny.common import END_OF_GRID
from premem.report.numbers import count, write_number

R2, HELD_OUT, ERROR = "r_squared", "r_squared_leave_one_run_out", "mean_absolute_error"


class Rows:
    """The rows of one question: those with numbers (``table``), and those that say what is missing (``missing``).

    Args:
        table: rows from ``premem.analysis.scrutiny.ask``.
    """

    def __init__(self, table: pd.DataFrame) -> None:
        self.missing = table[table["statistic"].fillna("") == ""]
        self.table = table.drop(self.missing.index)

    def variants(self, statistic: str = R2) -> list[str]:
        """Return the variants that have this statistic, in order."""
        return list(self.table.loc[self.table["statistic"] == statistic, "variant"].unique())

    def find(self, variant: str, statistic: str, x: float | None = None) -> pd.Series | None:
        """Return a row; None if there is none."""
        table = self.table
        found = table[(table["variant"] == variant) & (table["statistic"] == statistic)]
        found = found if x is None else found[found["x"] == x]
        return None if found.empty else found.iloc[0]

    def cell(self, variant: str, statistic: str, decimals: int = 2, x: float | None = None) -> str:
        """Return a number with its interval, such as ``0.94 [0.87, 0.97]``; a dash if there is no such row."""
        row = self.find(variant, statistic, x)
        if row is None:
            return "–"
        end = statistic == "threshold" and END_OF_GRID in str(row["note"])
        return write_number(row, decimals) + (" (end of the grid)" if end else "")

    def size(self, variant: str, statistic: str = R2) -> str:
        """Return how many checkpoints of how many runs a row is computed from."""
        row = self.find(variant, statistic)
        return "–" if row is None else f"{count(row.n_points, 'checkpoint')} of {count(row.n_runs, 'run')}"

    def percent(self, variant: str, statistic: str) -> str:
        """Return a share in percent; a dash if there is no such row."""
        row = self.find(variant, statistic)
        return "–" if row is None or pd.isna(row.estimate) else f"{row.estimate:.0%}"
