"""What an answer style is made of.

Each style is one file of this package, which ends with its ``Reference`` and its ``Style``; the package registers both.
"""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Literal

StyleName = Literal["gsm8k", "math", "number", "choice", "exact"]
Pair = tuple[str, str]
"""A reference answer, and the answer that a grader found in a text."""


@dataclass(frozen=True)
class Grade:
    """What one grader says of one text; ``extracted`` is the answer that it found there, "" if there is none."""

    grade: Literal["correct", "incorrect", "no_answer", "unlabelled"]
    extracted: str


@dataclass(frozen=True)
class Reference:
    """How a style finds, checks and writes reference answers.

    Data preparation uses nothing else of a style, so that an edit of a grader does not make data stale.
    """

    find: Callable[[str], str | None]
    """From a reference solution to its final answer; None if it states none."""
    problem: Callable[[str], str | None]
    """From a final answer to a few words that say why it cannot be graded; None if it can."""
    write: Callable[[str], str]
    """From a final answer to the line that states it at the end of a solution, where ``find`` finds it."""


@dataclass(frozen=True)
class Grader:
    """One way to grade: where it looks for the answer of a text, and what it takes for equal."""

    version: str
    """Recorded with the grades. Every change that may change a grade gives a new one."""
    extract: Callable[[str], str | None]
    """From a text to the answer that it states; None if it states none."""
    find_equal: Callable[[Collection[Pair], float, int], set[Pair]]
    """Takes different pairs, a time limit in seconds and a number of processes; returns the pairs that are equal."""


@dataclass(frozen=True)
class Style:
    """How texts state their final answer, and how it is compared with the reference answer."""

    reference: Reference
    graders: Mapping[str, Grader]
    """``strict`` and ``lenient``, and ``original`` where the authors of the paper have a rule."""
