"""The rule of the paper's authors, quirks included, for reproduction. It is to stay as it is.

Where a text states its answer is for each style their own code's choice; answers are then compared as Hendrycks et al.
2021 do.
"""

import re
from collections.abc import Collection

from premem.scoring.grading.passages import read_after, read_box
from premem.scoring.grading.styles import Pair


def read_blindly_after_marker(text: str) -> str:
    """Return what the authors' code compares: without a marker ``find`` gives -1, and the text from its fifth character
    on is taken for the answer."""
    return text[text.find("#### ") + len("#### ") :].replace(",", "")


def read_by_phrases(text: str) -> str | None:
    """The authors' cascade. Of its phrases only the first is in our sources; the others are the usual ones."""
    phrases = ("answer is", "answer:", "is equal to", "=")
    return read_box(text) or next((found for phrase in phrases if (found := read_after(phrase, text))), None)


def find_spelled_alike(pairs: Collection[Pair], time_limit: float, workers: int) -> set[Pair]:
    """Return the pairs whose normalised spellings are the same."""
    return {pair for pair in pairs if _spelled_alike(*pair)}


def find_spelled_alike_without_commas(pairs: Collection[Pair], time_limit: float, workers: int) -> set[Pair]:
    """The same, with the thousands commas taken out of the reference answers, as out of the texts."""
    return {(answer, extracted) for answer, extracted in pairs if _spelled_alike(answer.replace(",", ""), extracted)}


def _spelled_alike(first: str, second: str) -> bool:
    """Compare as Hendrycks et al. 2021 do: the normalised strings, or the bare ones where one cannot be normalised."""
    try:
        return _normalise(first) == _normalise(second)
    except _MalformedError:
        return first == second


class _MalformedError(Exception):
    """The string cannot be normalised."""


def _normalise(text: str) -> str:
    r"""Apply the string rules of Hendrycks et al. 2021 (MATH), in their order, which matters: ``\sqrt 3`` stays wrong.

    Raises:
        _MalformedError: where the rules do not apply, such as two units.
    """
    for old, new in (
        ("\n", ""),
        (r"\!", ""),
        ("\\\\", "\\"),
        ("tfrac", "frac"),
        ("dfrac", "frac"),
        (r"\left", ""),
        (r"\right", ""),
        (r"^{\circ}", ""),
        (r"^\circ", ""),
        (r"\$", ""),
    ):
        text = text.replace(old, new)
    text, *units = text.split(r"\text{ ")  # a \text that begins with a blank is a unit
    if len(units) > 1:
        raise _MalformedError
    text = text.replace(r"\%", "").replace(" .", " 0.").replace("{.", "{0.")
    if text.startswith("."):
        text = "0" + text
    left, *right = text.split("=")
    if len(right) == 1 and len(left) <= 2:  # x= or k =
        text = right[0]
    if re.search(r"\\sqrt(\\sqrt|$)", text):
        raise _MalformedError
    text = re.sub(r"\\sqrt([^{])", r"\\sqrt{\1}", text)
    text = _brace_fractions(text.replace(" ", ""))
    if text == "0.5":
        return r"\frac{1}{2}"
    return re.sub(r"^(0|-?[1-9]\d*)/(0|-?[1-9]\d*)$", r"\\frac{\1}{\2}", text)


def _brace_fractions(text: str) -> str:
    r"""Write ``\frac12`` and ``\frac1{2}`` as ``\frac{1}{2}``."""
    braced, *fractions = text.split(r"\frac")
    for fraction in fractions:
        if not fraction:
            raise _MalformedError
        if fraction.startswith("{"):
            braced += rf"\frac{fraction}"
        elif len(fraction) == 1:
            return text
        else:
            numerator, denominator, rest = fraction[0], fraction[1], fraction[2:]
            braced += rf"\frac{{{numerator}}}" + (denominator if denominator == "{" else f"{{{denominator}}}") + rest
    return braced
