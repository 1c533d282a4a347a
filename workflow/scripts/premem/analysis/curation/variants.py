"""What a source of new examples is: it gives variants of given examples."""

from collections.abc import Sequence
from typing import Any, Protocol

import pandas as pd

Variant = dict[str, Any] | str | None
"""A new example (question, solution, answer and further columns), or the reason why there is none this time, or None if
the given example has no more variants."""


class Source(Protocol):
    """Gives new examples like given ones."""

    def variants(self, parents: pd.DataFrame) -> Sequence[Variant]:
        """Return a variant for every row; the same row may occur several times."""
        ...
