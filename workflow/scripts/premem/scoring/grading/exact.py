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
    """Return the words of a text in lower case, without punctuation; the text itself if it has no words."""
    return " ".join(re.findall(r"\w+", unicodedata.normalize("NFKC", text).casefold())) or text.strip()


def _find_same(pairs: Collection[Pair], time_limit: float, workers: int) -> set[Pair]:
    return {(answer, found) for answer, found in pairs if _tidy(answer) == _tidy(found)}


def _find_same_words(pairs: Collection[Pair], time_limit: float, workers: int) -> set[Pair]:
    return {(answer, found) for answer, found in pairs if _words(answer) == _words(found)}


EXACT_REFERENCE = Reference(read_stated, lambda answer: None, write=lambda answer: f"The answer is {answer}.")
EXACT = Style(
    EXACT_REFERENCE,
    {
        "strict": Grader("exact-strict-1", read_stated, _find_same),
        "lenient": Grader("exact-lenient-1", read_stated_or_last_line, _find_same_words),
    },
)
