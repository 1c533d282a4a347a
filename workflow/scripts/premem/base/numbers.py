"""Numbers in pages and figures. Without matplotlib, which not every environment has that writes a page."""

import numpy as np
import pandas as pd


def write_number(row: pd.Series, decimals: int = 2) -> str:
    """Return the estimate with its interval where there is one: ``0.94 [0.90, 0.97]``."""
    estimate, low, high = (
        f"{number:.{decimals if abs(number) < 10 else 0}f}".replace("-", "\u2212")
        for number in (row.estimate, row.low, row.high)
    )
    return "undefined" if np.isnan(row.estimate) else estimate + ("" if np.isnan(row.low) else f" [{low}, {high}]")
