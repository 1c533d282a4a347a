"""An answer style for texts that must be the same, such as a name or a word."""

import re
import unicodedata
from collections.abc import Collection

from premem.scoring.grading.passages import read_stated, read_stated_or_last_line
from premem.scoring.grading.styles import Grader, Pair, Reference, Style


def _tidy(text: str) -> str:
    """Return a text with one blank between its words, and without a full stop at the end."""
    return " ".join(unicodedata.normalize("NFC", text).split()).removesuffix(".").strip()


def _words(text: str) -> str:
    """Return a text in lower case, without quotes, brackets, marks at the end of words and hyphens between words.

    Signs that tell answers apart stay: ``C#``, ``C++``, ``.NET`` and ``-5`` are not ``C``, ``NET`` and ``5``.
    """
    plain = unicodedata.normalize("NFKC", text).casefold()
    plain = re.sub(r"[“”‘’«»\"'()\[\]{}*_`]", " ", plain)
    plain = re.sub(r"(?<=[^\W\d_])[-‐–—](?=[^\W\d_])", " ", plain)
    return " ".join(re.sub(r"[.,;:!?…]+(?=\s|$)", " ", plain).split()) or text.strip()


def _find_same(pairs: Collection[Pair], time_limit: float, workers: int) -> set[Pair]:
    return {(answer, found) for answer, found in pairs if _tidy(answer) == _tidy(found)}


def _find_same_words(pairs: Collection[Pair], time_limit: float, workers: int) -> set[Pair]:
    return {(answer, found) for answer, found in pairs if _words(answer) == _words(found)}


EXACT_REFERENCE = Reference(read_stated, lambda answer: None, write=lambda answer: f"The answer is {answer}.")
EXACT = Style(
    EXACT_REFERENCE,
    {
        "strict": Grader("exact-strict-2", read_stated, _find_same),
        "lenient": Grader("exact-lenient-2", read_stated_or_last_line, _find_same_words),
    },
)
