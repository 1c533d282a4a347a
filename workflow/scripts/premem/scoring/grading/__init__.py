r"""Grading sampled answers with three graders, side by side, so that a result can be read under each.

    text, style gsm8k         expected   original    strict      lenient
    ... #### 29               29         correct     correct     correct
    ... #### $29.00           29         incorrect   correct     correct
    ... so she pays 29        29         incorrect   no_answer   correct

``original`` is the rule of the paper's authors, quirks included, for reproduction. ``strict`` asks for the answer where
the style puts it and compares values, not spellings. ``lenient`` searches the text for an answer and compares likewise.
"""

import logging
import math
import multiprocessing
import re
import signal
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Literal

from premem.errors import UserError

GRADERS = ("original", "strict", "lenient")
# Recorded with results: raise a grader's number with every change that may change a grade.
VERSIONS: dict[str, str] = {"original": "original-1", "strict": "strict-1", "lenient": "lenient-1"}

Style = Literal["gsm8k", "math"]


@dataclass(frozen=True)
class Grade:
    """What one grader says of one text; ``extracted`` is the answer it found there, "" when there is none."""

    grade: Literal["correct", "incorrect", "no_answer"]
    extracted: str


def grade_answers(
    texts: Sequence[str], answers: Sequence[str], style: Style, time_limit: float, workers: int = 1
) -> dict[str, list[Grade]]:
    r"""Grade each text against the expected final answer at the same index, with every grader.

    Args:
        texts: sampled answers.
        answers: final answers, bare: ``72`` or ``\frac{1}{2}``.
        style: how texts give their final answer: after ``#### `` (gsm8k) or in ``\boxed{}`` (math).
        time_limit: seconds that a symbolic comparison may take; it is then ended and counted as incorrect (math only).
        workers: processes that compare (math only).

    Returns:
        For each of ``GRADERS`` as many grades as texts.

    Raises:
        UserError: if the style is gsm8k and an expected answer is not one number.
        ValueError: if there are not as many answers as texts.
    """
    found = {grader: [extract(text) for text in texts] for grader, extract in EXTRACTORS[style].items()}
    pairs = {grader: list(zip(answers, found[grader], strict=True)) for grader in GRADERS}
    asked = dict.fromkeys(
        (answer, extracted)
        for grader in ("strict", "lenient")
        for answer, extracted in pairs[grader]
        if extracted is not None
    )
    equal = _find_equal_numbers(asked) if style == "gsm8k" else _find_equivalent(asked, time_limit, workers)

    def grade(grader: str, answer: str, extracted: str | None) -> Grade:
        if extracted is None:
            return Grade("no_answer", "")
        if grader == "original":
            # The authors take the thousands commas out of gsm8k answers only.
            is_correct = _spelled_alike(answer.replace(",", "") if style == "gsm8k" else answer, extracted)
        else:
            is_correct = (answer, extracted) in equal
        return Grade("correct" if is_correct else "incorrect", extracted)

    return {grader: [grade(grader, *pair) for pair in pairs[grader]] for grader in GRADERS}


def final_answer(solution: str, style: Style) -> str | None:
    r"""Return the final answer that a reference solution states, None if there is none.

    gsm8k: the rest of the line after the last ``#### ``; math: the content of the last ``\boxed{}``.
    """
    if style == "math":
        return _read_box(solution)
    _, marker, rest = solution.rpartition("#### ")
    return rest.partition("\n")[0].strip() or None if marker else None


# --- numbers (gsm8k) ------------------------------------------------------------------------------------------------

# $29.00  -1,000  .5  3/4  1 1/2  1e3. A minus between two operands is no sign, a digit in a word (x2, m2) no number.
# Digits, commas and points are taken all together, so that 1,2,3 is one bad number and not the three numbers 1, 2, 3.
_NUMBER = re.compile(
    r"""(?P<sign>(?:(?<![\w)])[-+])?(?:\\?[$€£¥₹][ ]?[-+]?)?)
    (?P<number>(?:(?<![\w.])\.\d|(?<!\w)\d)[\d,.]*)
    (?:(?P<exponent>[eE][-+]?\d+)|[ ]?/[ ]?(?P<denominator>\d[\d,.]*)|[ ](?P<fraction>\d+/\d+))?""",
    re.VERBOSE,
)
_GROUPED = re.compile(r"\d{1,3}(,\d{3})+(\.\d*)?")
LONGEST_EXPONENT = 5  # characters, as in e-999; the exact value of 1e999999999 would fill the memory
UNICODE_MINUS = "\N{MINUS SIGN}"


def _find_numbers(text: str) -> list[str]:
    return [match.group().rstrip(".,") for match in _NUMBER.finditer(text.replace(UNICODE_MINUS, "-"))]


def _evaluate(number: str) -> Fraction | None:
    """Return the exact value of a number as ``_find_numbers`` spells it, None if it has none: ``1,2,3``, ``3/0``."""
    match = _NUMBER.fullmatch(number)
    if match is None or len(match["exponent"] or "") > LONGEST_EXPONENT:
        return None
    try:
        value = Fraction(_ungroup(match["number"]) + (match["exponent"] or ""))
        value /= Fraction(_ungroup(match["denominator"] or "1"))
        value += Fraction(match["fraction"] or 0)
    except (ValueError, ZeroDivisionError):  # misplaced commas and points, or more digits than Python reads
        return None
    return -value if "-" in match["sign"] else value


def _ungroup(digits: str) -> str:
    """Remove commas where they group thousands, and only there."""
    return digits.replace(",", "") if _GROUPED.fullmatch(digits) else digits


def _read_only_number(line: str) -> str | None:
    """Return the number in a line. With several different ones, which is meant would be a guess: return the line."""
    numbers = _find_numbers(line)
    if len({_evaluate(number) for number in numbers}) > 1:
        return line.strip()
    return numbers[0] if numbers else None


def _read_number_after_marker(text: str) -> str | None:
    _, marker, rest = text.rpartition("####")
    return _read_only_number(rest.partition("\n")[0]) if marker else None


def _read_last_number(text: str) -> str | None:
    numbers = _find_numbers(text)
    return numbers[-1] if numbers else None


def _read_blindly_after_marker(text: str) -> str:
    """Return what the authors' code compares: without a marker ``find`` gives -1, and the text from its fifth character
    on is taken for the answer."""
    return text[text.find("#### ") + len("#### ") :].replace(",", "")


def read_number(answer: str) -> Fraction | None:
    """Return the exact value of a final answer that is one number (``1,000``, ``$29.00``, ``3/4``), else None."""
    return _evaluate(_read_only_number(answer) or "")


def _find_equal_numbers(pairs: Iterable[tuple[str, str]]) -> set[tuple[str, str]]:
    """Return the (answer, extracted) pairs that are the same number."""
    equal = set()
    for answer, extracted in pairs:
        expected = read_number(answer)
        if expected is None:
            raise UserError(
                f"the answer {answer!r} is not one number, and answers: gsm8k grades numbers only; "
                "mend the dataset's answer column, or use answers: math"
            )
        if _evaluate(extracted) == expected:
            equal.add((answer, extracted))
    return equal


# --- expressions (math) ---------------------------------------------------------------------------------------------

_BOX = re.compile(r"\\(?:boxed|fbox)(?![A-Za-z])\s*")
_BRACE = re.compile(r"\\.|[{}]", re.DOTALL)  # an escaped brace is part of the answer: \{1, 2\}
_UNBRACED = re.compile(r"([^\n$]*?)(?:\$|\\[)\]])|(\S+)")
_FORMULA = re.compile(r"(?<!\\)\$((?:\\.|[^$\\])+)\$", re.DOTALL)
_SENTENCE_END = re.compile(r"\.(?:\s|$)|\n")


def _read_box(text: str) -> str | None:
    r"""Return the content of the last ``\boxed{}`` or ``\fbox{}``; None if there is none, or if it is never closed."""
    boxes = list(_BOX.finditer(text))
    if not boxes:
        return None
    start = boxes[-1].end()
    if not text.startswith("{", start):  # \boxed 5$
        match = _UNBRACED.match(text, start)
        return (match[1] or match[2] or "").strip(" .,") or None if match else None
    depth = 0
    for brace in _BRACE.finditer(text, start):
        depth += {"{": 1, "}": -1}.get(brace.group(), 0)
        if depth == 0:
            return text[start + 1 : brace.start()].strip() or None
    return None


def _read_after(phrase: str, text: str) -> str | None:
    """Return what follows the last ``phrase``: the formula it begins with, else the rest of the sentence or line."""
    _, *parts = re.split(phrase, text, flags=re.IGNORECASE)
    if not parts:
        return None
    rest = parts[-1].lstrip(" :*")
    formula = _FORMULA.match(rest)
    answer = formula[1] if formula else _SENTENCE_END.split(rest, maxsplit=1)[0]
    return answer.strip(" *$.:") or None


def _read_by_phrases(text: str) -> str | None:
    """The authors' cascade. Of its phrases only the first is in our sources; the others are the usual ones."""
    phrases = ("answer is", "answer:", "is equal to", "=")
    return _read_box(text) or next((found for phrase in phrases if (found := _read_after(phrase, text))), None)


def _read_anywhere(text: str) -> str | None:
    formulas = [formula.strip() for formula in _FORMULA.findall(text) if formula.strip()]
    return (
        _read_box(text)
        or _read_after("answer is|answer:", text)
        or (formulas[-1] if formulas else None)
        or _read_last_number(text)
    )


def _find_equivalent(pairs: Iterable[tuple[str, str]], time_limit: float, workers: int) -> set[tuple[str, str]]:
    """Return the (answer, extracted) pairs that are the same expression, each compared once.

    Comparisons run in processes of their own, since nothing else ends one that hangs: Python looks at signals and
    threads between two of its own operations only, and a single power of large integers can take hours.
    """
    equivalent, hard = set(), []
    for answer, extracted in pairs:
        if answer.strip() == extracted.strip():
            equivalent.add((answer, extracted))
        else:
            hard.append((answer, extracted))
    if not hard:
        return equivalent

    # Imported late, so that grading numbers starts fast, yet before the fork, so that a new worker starts warm.
    import math_verify  # noqa: F401
    from pebble import ProcessExpired, ProcessPool

    # Forked: the other ways to start a process import everything anew, and run a main script without a guard again.
    context = multiprocessing.get_context("fork")
    with ProcessPool(min(workers, len(hard)), initializer=_prepare_worker, context=context) as pool:
        try:
            futures = {pair: pool.schedule(_is_equivalent, (*pair, time_limit), timeout=time_limit) for pair in hard}
            for pair, future in futures.items():
                try:
                    if future.result():
                        equivalent.add(pair)
                except (TimeoutError, ProcessExpired):
                    pass  # incorrect, as the settings say
        except BaseException:
            pool.stop()  # or leaving the pool would wait for all comparisons still to be done
            raise
    return equivalent


def _prepare_worker() -> None:
    # A handler in Python would wait for the running operation; the default action ends the worker at once.
    for number in (signal.SIGTERM, signal.SIGALRM):
        signal.signal(number, signal.SIG_DFL)
    logging.getLogger("math_verify").setLevel(logging.ERROR)  # it warns that its own time limits are off


def _is_equivalent(answer: str, extracted: str, time_limit: float) -> bool:
    """Compare two expressions with math-verify; runs in a worker, which the pool ends at the time limit."""
    from math_verify import LatexExtractionConfig, parse, verify

    def read(expression: str) -> list:
        bare = " ".join(re.sub(r"(?<!\\)(\$|\\[()\[\]])", "", expression).split())
        bare = re.sub(r"(?<!\\right)\.$", "", bare)  # math-verify reads no 5. as a formula
        return parse(f"${bare}$", [LatexExtractionConfig()], parsing_timeout=None)

    signal.alarm(math.ceil(time_limit) + 5)  # ends this worker even if the pool was killed and left it behind
    try:
        return verify(read(answer), read(extracted), timeout_seconds=None)
    finally:
        signal.alarm(0)


# --- the original comparison ----------------------------------------------------------------------------------------


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


# For each style and grader: text to answer, None if there is none.
EXTRACTORS: dict[Style, dict[str, Callable[[str], str | None]]] = {
    "gsm8k": {
        "original": _read_blindly_after_marker,
        "strict": _read_number_after_marker,
        "lenient": _read_last_number,
    },
    "math": {"original": _read_by_phrases, "strict": _read_box, "lenient": _read_anywhere},
}
