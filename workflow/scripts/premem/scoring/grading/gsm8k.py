"""The answer style of GSM8K (Cobbe et al. 2021): one number, after ``#### ``."""

from collections.abc import Collection

from premem.scoring.grading.authors import find_spelled_alike_without_commas, read_blindly_after_marker
from premem.scoring.grading.numerals import read_last_number, read_number, read_only_number
from premem.scoring.grading.passages import read_after_marker
from premem.scoring.grading.styles import Grader, Pair, Reference, Style


def _find(solution: str) -> str | None:
    return read_after_marker(solution) or None


def _problem(answer: str) -> str | None:
    return None if read_number(answer) is not None else "is not a number"


def _read_number_after_marker(text: str) -> str | None:
    rest = read_after_marker(text)
    return None if rest is None else read_only_number(rest)


def find_equal_numbers(pairs: Collection[Pair], time_limit: float, workers: int) -> set[Pair]:
    """Return the pairs whose numbers are equal; numbers are compared at once, so the other arguments are not needed."""
    return {pair for pair in pairs if (value := read_number(pair[0])) is not None and value == read_number(pair[1])}


GSM8K_REFERENCE = Reference(_find, _problem, write=lambda answer: f"#### {answer}")
GSM8K = Style(
    GSM8K_REFERENCE,
    {
        "original": Grader("gsm8k-original-1", read_blindly_after_marker, find_spelled_alike_without_commas),
        "strict": Grader("gsm8k-strict-2", _read_number_after_marker, find_equal_numbers),
        "lenient": Grader("gsm8k-lenient-2", read_last_number, find_equal_numbers),
    },
)
