"""An answer style for numbers that stand where an answer usually does: at the end, or after "the answer is"."""

from premem.scoring.grading.gsm8k import find_equal_numbers
from premem.scoring.grading.numerals import read_last_number, read_number, read_only_number
from premem.scoring.grading.passages import first_sentence, read_stated
from premem.scoring.grading.styles import Grader, Reference, Style


def _read_stated_number(text: str) -> str | None:
    stated = read_stated(text)
    return None if stated is None else read_only_number(first_sentence(stated))


def _problem(answer: str) -> str | None:
    return None if read_number(answer) is not None else "is not a number"


NUMBER_REFERENCE = Reference(_read_stated_number, _problem, write=lambda answer: f"The answer is {answer}.")
NUMBER = Style(
    NUMBER_REFERENCE,
    {
        "strict": Grader("number-strict-2", _read_stated_number, find_equal_numbers),
        "lenient": Grader("number-lenient-2", read_last_number, find_equal_numbers),
    },
)
