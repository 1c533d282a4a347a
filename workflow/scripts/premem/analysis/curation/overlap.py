"""Contamination: does a new question share consecutive words with a question of a test set?"""

import re
from collections.abc import Iterable, Iterator

WORD = re.compile(r"\w+")


def spelling(text: str) -> str:
    """Return the text without capitals and surplus white space, so that texts that differ only in these are equal."""
    return " ".join(text.lower().split())


def words(text: str) -> tuple[str, ...]:
    """Return the words and numbers of a text, in lower case and without punctuation."""
    return tuple(WORD.findall(text.lower()))


class Overlap:
    """Finds texts that share n consecutive words with one of the given texts.

    A text shorter than n words is compared as a whole. Brown et al. 2020 (appendix C) use n = 13 for contamination.
    """

    def __init__(self, texts: Iterable[str], n: int) -> None:
        self.n = n
        self.known = {gram for text in texts for gram in self._grams(text)}

    def __contains__(self, text: str) -> bool:
        return any(gram in self.known for gram in self._grams(text))

    def share(self, texts: Iterable[str]) -> float:
        """Return the share of texts that overlap."""
        found = [text in self for text in texts]
        return sum(found) / len(found) if found else 0.0

    def _grams(self, text: str) -> Iterator[tuple[str, ...]]:
        found = words(text)
        yield from (found[i : i + self.n] for i in range(max(1, len(found) - self.n + 1)))
