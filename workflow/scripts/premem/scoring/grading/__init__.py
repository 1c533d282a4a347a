r"""Grading sampled answers with three graders, side by side, so that a result can be read under each.

    text, style gsm8k         expected   original    strict      lenient
    ... #### 29               29         correct     correct     correct
    ... #### $29.00           29         incorrect   correct     correct
    ... so she pays 29        29         incorrect   no_answer   correct

``original`` is the rule of the paper's authors, quirks included, for reproduction. ``strict`` asks for the answer where
the style puts it and compares values, not spellings. ``lenient`` searches the text for an answer and compares likewise.
Each answer style is a file. ``original`` is there only where the authors have a rule: ``gsm8k`` and ``math``. What each
grader accepts is listed in docs/graders.md.
"""

from collections.abc import Callable, Sequence

from premem.base.errors import UserError
from premem.scoring.grading.choice import CHOICE, CHOICE_REFERENCE
from premem.scoring.grading.exact import EXACT, EXACT_REFERENCE
from premem.scoring.grading.gsm8k import GSM8K, GSM8K_REFERENCE
from premem.scoring.grading.math import MATH, MATH_REFERENCE
from premem.scoring.grading.number import NUMBER, NUMBER_REFERENCE
from premem.scoring.grading.styles import Grade, Pair, Reference, Style, StyleName

GRADERS = ("original", "strict", "lenient")
REFERENCES: dict[StyleName, Reference] = {
    "gsm8k": GSM8K_REFERENCE,
    "math": MATH_REFERENCE,
    "number": NUMBER_REFERENCE,
    "choice": CHOICE_REFERENCE,
    "exact": EXACT_REFERENCE,
}
STYLES: dict[StyleName, Style] = {"gsm8k": GSM8K, "math": MATH, "number": NUMBER, "choice": CHOICE, "exact": EXACT}


def grade_answers(
    texts: Sequence[str], answers: Sequence[str], style: StyleName, time_limit: float, workers: int = 1
) -> dict[str, list[Grade]]:
    r"""Grade each text against the expected final answer at the same index, with every grader.

    Args:
        texts: sampled answers.
        answers: final answers, bare: ``72`` or ``\frac{1}{2}``; None where the answer is not known.
        style: how texts give their final answer, such as after ``#### `` (gsm8k) or in ``\boxed{}`` (math).
        time_limit: seconds that a symbolic comparison may take; it is then ended and counted as incorrect (math only).
        workers: processes that compare (math only).

    Returns:
        For each grader of the style as many grades as texts.

    Raises:
        UserError: if the style cannot grade an expected answer: for gsm8k, one that is not a number.
        ValueError: if there are not as many answers as texts.
    """
    for answer in dict.fromkeys(answers):
        if answer is not None and (problem := answer_problem(answer, style)):
            raise UserError(
                f"the answer {answer!r} {problem}, so answers: {style} cannot grade it; "
                "correct the dataset's answer column, or use another style of answers"
            )
    graders = STYLES[style].graders
    found = {name: [grader.extract(text) for text in texts] for name, grader in graders.items()}
    pairs = {name: list(zip(answers, found[name], strict=True)) for name in graders}
    # Graders that compare in the same way share the work.
    asked: dict[Callable[..., set[Pair]], dict[Pair, None]] = {}
    for name, grader in graders.items():
        of_grader = [(answer, found) for answer, found in pairs[name] if answer is not None and found is not None]
        asked.setdefault(grader.find_equal, {}).update(dict.fromkeys(of_grader))
    equal = {find_equal: find_equal(list(of_all), time_limit, workers) for find_equal, of_all in asked.items()}

    def grade(name: str, answer: str | None, extracted: str | None) -> Grade:
        if answer is None:
            return Grade("unlabelled", extracted or "")
        if extracted is None:
            return Grade("no_answer", "")
        return Grade("correct" if (answer, extracted) in equal[graders[name].find_equal] else "incorrect", extracted)

    return {name: [grade(name, *pair) for pair in pairs[name]] for name in graders}


def final_answer(solution: str, style: StyleName) -> str | None:
    r"""Return the final answer that a reference solution states, None if there is none.

    gsm8k: the rest of the line after the last ``####``; math: the content of the last ``\boxed{}``.
    """
    return REFERENCES[style].find(solution)


def answer_problem(answer: str, style: StyleName) -> str | None:
    """Say in a few words why a style cannot grade against this final answer, such as ``is not a number``; None if it
    can."""
    return REFERENCES[style].problem(answer)


def versions(style: StyleName) -> dict[str, str]:
    """Return the version of each grader of a style, as it is recorded with grades."""
    return {name: grader.version for name, grader in STYLES[style].graders.items()}
