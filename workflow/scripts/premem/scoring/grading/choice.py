"""An answer style for multiple choice: the letter of an option, such as ``B``."""

import re
from collections.abc import Collection

from premem.scoring.grading.passages import read_stated, read_statement
from premem.scoring.grading.styles import Grader, Pair, Reference, Style

_AT_START = re.compile(r"(?:(?i:option|choice) )?(?:\(([A-Za-z])\)|([A-Za-z])(?=[).:,]|$))")
"""A letter where an answer begins: in parentheses, before a mark, or alone. In ``A cat``, A is a word."""
_BEFORE_A_WORD = re.compile(r"(?:(?i:option|choice) )?([B-HJ-Z])(?=\s)")
_SEVERAL = re.compile(
    r"(?:(?i:option|choice)s? )?\(?[A-Za-z]\)?\s*(?:[,/&;]|\band\b|\bor\b)\s*"
    r"(?:(?:and|or)\s+)?\(?[A-HJ-Z]\)?(?![A-Za-z])"
)
"""Letters joined as in ``A, B and C`` or ``A or C``, which choose none."""
_ANYWHERE = re.compile(r"(?<!not )(?:\(([A-Z])\)|(?<![A-Za-z0-9])([A-Z])(?=[).:]|\s*$))", re.MULTILINE)
_DECORATION = re.compile(r"\\text(?:bf)?|[*_`$\"'{}]")


def _plain(answer: str) -> str:
    return _DECORATION.sub("", answer).strip()


def _letter(answer: str) -> str | None:
    """Return the letter that an answer begins with, in upper case; None if it begins with none, or with several."""
    plain = _plain(answer)
    match = None if _SEVERAL.match(plain) else _AT_START.match(plain)
    return next(letter for letter in match.groups() if letter).upper() if match else None


def _stated_letter(statement: str) -> str | None:
    """Return the letter of an answer that is stated as one, where a word may follow: ``B because``, ``B Paris``."""
    plain = _plain(statement)
    if letter := _letter(statement):
        return letter
    match = None if _SEVERAL.match(plain) else _BEFORE_A_WORD.match(plain)
    return match[1] if match else None


def _read_letter(text: str) -> str | None:
    if statement := read_statement(text):
        return _stated_letter(statement)
    stated = read_stated(text)
    return None if stated is None else _letter(stated)


def _read_any_letter(text: str) -> str | None:
    if (letter := _read_letter(text)) or read_statement(text) or _SEVERAL.match(_plain(text)):
        return letter  # what a text states counts, even if it is no letter
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
        "strict": Grader("choice-strict-2", _read_letter, _find_same_letters),
        "lenient": Grader("choice-lenient-2", _read_any_letter, _find_same_letters),
    },
)
