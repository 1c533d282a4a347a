"""The columns of examples that templates name, as texts."""

from collections.abc import Iterable
from typing import Any

import pandas as pd

from premem.base.errors import UserError


def texts_of_columns(examples: pd.DataFrame, columns: Iterable[str], where: str) -> list[dict[str, str]]:
    """Return name → text of each example, for the columns that a template names.

    Args:
        examples: a prepared split, with example_id.
        columns: their names.
        where: key of the dataset, for messages.

    Raises:
        UserError: if there is no such column, or an example has no text or number there.
    """
    texts = {}
    for column in columns:
        if column not in examples:
            raise UserError(f"{where}: a template names {{{column}}}, but the data have no such column")
        values = list(examples[column])
        for example, value in zip(examples["example_id"], values, strict=True):
            if not _is_text(value):
                what = "no value" if value is None or value != value else f"a {type(value).__name__}"
                raise UserError(
                    f"{where}: a template names {{{column}}}, but example {example} has {what} there; give every "
                    "example a text in this column"
                )
        texts[column] = [str(value) for value in values]
    return [dict(zip(texts, row, strict=True)) for row in zip(*texts.values(), strict=True)]


def _is_text(value: Any) -> bool:
    return isinstance(value, str) or (pd.api.types.is_number(value) and value == value)
