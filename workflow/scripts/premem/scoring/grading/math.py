r"""The answer style of MATH (Hendrycks et al. 2021): a number or an expression, in ``\boxed{}``."""

from collections.abc import Collection

from premem.scoring.grading.authors import find_spelled_alike, read_by_phrases
from premem.scoring.grading.limits import find_equal_within
from premem.scoring.grading.numerals import read_last_number
from premem.scoring.grading.passages import FORMULA, read_after, read_box
from premem.scoring.grading.styles import Grader, Pair, Reference, Style


def _read_anywhere(text: str) -> str | None:
    formulas = [formula.strip() for formula in FORMULA.findall(text) if formula.strip()]
    return (
        read_box(text)
        or read_after("answer is|answer:", text)
        or (formulas[-1] if formulas else None)
        or read_last_number(text)
    )


def _find_equivalent(pairs: Collection[Pair], time_limit: float, workers: int) -> set[Pair]:
    alike = {(answer, extracted) for answer, extracted in pairs if answer.strip() == extracted.strip()}
    hard = [pair for pair in pairs if pair not in alike]
    if not hard:
        return alike
    # Imported late, so that grading numbers starts fast, yet before the fork, so that a new worker starts warm.
    from premem.scoring.grading.expressions import are_equivalent
    from premem.scoring.grading.values import prepare

    return alike | find_equal_within(are_equivalent, hard, time_limit, workers, prepare)


MATH_REFERENCE = Reference(find=read_box, problem=lambda answer: None, write=lambda answer: rf"\boxed{{{answer}}}")
MATH = Style(
    MATH_REFERENCE,
    {
        "original": Grader("math-original-1", read_by_phrases, find_spelled_alike),
        "strict": Grader("math-strict-2", read_box, _find_equivalent),
        "lenient": Grader("math-lenient-2", _read_anywhere, _find_equivalent),
    },
)
