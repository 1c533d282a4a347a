"""An answer style for multiple choice: the letter of an option, such as ``B``."""

import re
from collections.abc import Collection

from premem.scoring.grading.passages import read_stated
from premem.scoring.grading.styles import Grader, Pair, Reference, Style

_AT_START = re.compile(r"(?:(?i:option|choice) )?(?:\(([A-Za-z])\)|([A-Za-z])(?=[).:,]|$))")
"""A letter where an answer begins: in parentheses, before a mark, or alone. In ``A cat``, A is a word."""
_BEFORE_A_WORD = re.compile(r"([B-HJ-Z])(?=\s)")
_ANYWHERE = re.compile(r"\(([A-Z])\)|(?<![A-Za-z0-9])([A-Z])(?=[).:]|\s*$)", re.MULTILINE)
_DECORATION = re.compile(r"\\text(?:bf)?|[*_`$\"'{}]")


def _letter(answer: str) -> str | None:
    """Return the letter that an answer begins with, in upper case; None if it begins with none."""
    match = _AT_START.match(_DECORATION.sub("", answer).strip())
    return next(letter for letter in match.groups() if letter).upper() if match else None


def _read_letter(text: str) -> str | None:
    stated = read_stated(text)
    return None if stated is None else _letter(stated)


def _read_any_letter(text: str) -> str | None:
    if letter := _read_letter(text):
        return letter
    if (stated := read_stated(text)) and (match := _BEFORE_A_WORD.match(stated)):  # "The answer is B because …"
        return match[1]
    found = _ANYWHERE.findall(text)
    return next(letter for letter in found[-1] if letter) if found else None


def _problem(answer: str) -> str | None:
    return None if _letter(answer) else "does not begin with the letter of an option, such as B or (B)"


def _find_same_letters(pairs: Collection[Pair], time_limit: float, workers: int) -> set[Pair]:
    return {(answer, found) for answer, found in pairs if _letter(answer) == found}


CHOICE_REFERENCE = Reference(_read_letter, _problem, write=lambda answer: f"The answer is ({answer}).")
CHOICE = Style(
    CHOICE_REFERENCE,
    {
        "strict": Grader("choice-strict-1", _read_letter, _find_same_letters),
        "lenient": Grader("choice-lenient-1", _read_any_letter, _find_same_letters),
    },
)
