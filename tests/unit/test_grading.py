"""Grading: what each grader makes of awkward answers, and that a comparison that hangs is ended."""

import multiprocessing
import os
import signal
import subprocess
import sys
import time
from fractions import Fraction
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from premem.errors import UserError
from premem.scoring import grading
from premem.scoring.grading import GRADERS, STYLES, Grade, StyleName, final_answer, grade_answers, versions

LETTERS = {"correct": "c", "incorrect": "i", "no_answer": "-"}


def grade_one(text: str, answer: str, style: StyleName) -> dict[str, Grade]:
    return {grader: grades[0] for grader, grades in grade_answers([text], [answer], style, time_limit=5.0).items()}


# --- gsm8k ----------------------------------------------------------------------------------------------------------

# text, expected answer, grades of original, strict and lenient (c correct, i incorrect, - no answer)
GSM8K = [
    ("5 * 5.80 = 29\n#### 29", "29", "ccc"),
    ("#### $29.00", "29", "icc"),
    ("#### 29.", "29", "icc"),
    ("#### 29 dollars", "29", "icc"),
    ("#### 29dollars", "29", "icc"),
    (r"#### \$29", "29", "ccc"),
    ("#### $29$", "29", "icc"),
    ("#### **29**", "29", "icc"),
    ("#### €29", "29", "icc"),
    ("#### 1,000", "1000", "ccc"),
    ("#### 1000", "1,000", "ccc"),
    ("#### 1,234,567.50", "1234567.5", "icc"),
    ("#### 3/4", "0.75", "icc"),
    ("#### 3 / 4", "0.75", "icc"),
    ("#### 1/2", "0.5", "ccc"),
    ("#### 1 1/2", "1.5", "icc"),
    ("#### -1 1/2", "-1.5", "icc"),
    ("#### .5", "0.5", "ccc"),
    ("#### -5", "-5", "ccc"),
    ("#### \N{MINUS SIGN}5", "-5", "icc"),
    ("#### -5", "5", "iii"),
    ("#### +5", "5", "icc"),
    ("#### -$5", "-5", "icc"),
    ("#### $-5", "-5", "icc"),
    ("#### 50%", "50", "icc"),
    (r"#### 50\%", "50", "ccc"),
    ("#### 50", "50%", "icc"),
    ("#### 1e3", "1000", "icc"),
    ("#### 007", "7", "icc"),
    ("#### 0.1", "0.10", "icc"),
    ("#### 0.33", "1/3", "iii"),  # exact: not nearly a third
    (
        "####29",
        "29",
        "ccc",
    ),  # without a blank it is no marker to the authors, whose code reads from the fifth character
    ("So: ####29", "29", "icc"),
    ("#### 29 m2", "29", "icc"),  # the 2 belongs to a word
    # The last marker counts (the authors take the first), and only its line.
    ("#### 28\nNo: #### 29", "29", "icc"),
    ("#### 29\nThere are 7 days.", "29", "ici"),
    ("It is ####\n29", "29", "i-c"),
    ("#### none", "29", "i--"),
    ("so she pays 29", "29", "i-c"),
    ("abc 29", "29", "c-c"),
    ("so it is 10-3", "3", "i-c"),
    ("", "29", "i--"),
    # What could be meant is not guessed; what cannot be read is incorrect.
    ("#### 29 or 30", "29", "iii"),
    ("#### 29 = 29.00", "29", "icc"),
    ("#### 5^2", "5", "iii"),
    ("#### 5:30", "5", "iii"),
    ("#### 1,2,3", "123", "cii"),
    ("#### 1,2,3", "3", "iii"),
    ("#### 1.2.3", "1.2", "iii"),
    ("#### 10,00", "1000", "cii"),
    ("#### 3/0", "3", "iii"),
    ("#### 0/0", "0", "iii"),
    ("#### 1 1/0", "1", "iii"),
    ("#### 1e999999999", "1", "iii"),
    ("#### 1e-999999999", "0", "iii"),
    ("#### " + "9" * 100_000, "9", "iii"),
    ("#### " + "(" * 100_000, "9", "i--"),
]


@pytest.mark.parametrize(("text", "answer", "grades"), GSM8K, ids=[text[:20] for text, _, _ in GSM8K])
def test_gsm8k(text: str, answer: str, grades: str) -> None:
    found = grade_one(text, answer, "gsm8k")
    assert "".join(LETTERS[found[grader].grade] for grader in GRADERS) == grades


def test_gsm8k_reports_what_it_read() -> None:
    assert grade_one("it costs $1,000.\n#### $1,000.50 each", "1000.5", "gsm8k") == {
        "original": Grade("incorrect", "$1000.50 each"),
        "strict": Grade("correct", "$1,000.50"),
        "lenient": Grade("correct", "$1,000.50"),
    }
    assert grade_one("who knows", "1", "gsm8k")["strict"] == Grade("no_answer", "")


def test_gsm8k_refuses_answers_that_are_no_number() -> None:
    with pytest.raises(UserError, match=r"'yes'.*answer column"):
        grade_answers(["#### 5"], ["yes"], "gsm8k", time_limit=5.0)


@st.composite
def rendered_numbers(draw: st.DrawFn) -> tuple[str, str]:
    """A number, plain and as a model might write it."""
    places = draw(st.integers(0, 4))
    digits = draw(st.integers(0, 10**12))
    whole, decimals = divmod(digits, 10**places)
    sign = draw(st.sampled_from(["", "-"]))
    fraction = f".{decimals:0{places}}" if places else ""
    if fraction:
        fraction += draw(st.sampled_from(["", "0", "00"]))
    else:
        fraction = draw(st.sampled_from(["", ".", ".0", ".00"]))
    grouped = f"{whole:,}" if draw(st.booleans()) else str(whole)
    prefix = draw(st.sampled_from([sign, f"{sign}$", f"${sign}", f"{sign}$ "]))
    unit = draw(st.sampled_from(["", "%", " dollars", "."]))
    plain = f"{sign}{whole}" + (f".{decimals:0{places}}" if places else "")
    return plain, f"{prefix}{grouped}{fraction}{unit}"


@given(rendered_numbers(), st.integers(1, 10**6))
def test_strict_reads_a_number_however_it_is_written(number: tuple[str, str], off: int) -> None:
    plain, rendered = number
    text = f"Some steps: 1 + 1 = 2.\n#### {rendered}"
    assert grade_one(text, plain, "gsm8k")["strict"].grade == "correct"
    other = Fraction(plain) + off
    assert grade_one(text, f"{other.numerator}/{other.denominator}", "gsm8k")["strict"].grade == "incorrect"


@given(st.text(alphabet="0123456789.,/+-$%eE# \n\\{}²٣x", max_size=40))
def test_no_text_breaks_a_grader(text: str) -> None:
    for grades in grade_answers([text, f"#### {text}"], ["7", "7"], "gsm8k", time_limit=5.0).values():
        assert len(grades) == 2


def test_grading_numbers_does_not_load_the_symbolic_grader() -> None:
    code = (
        "import sys; from premem.scoring.grading import grade_answers; grade_answers(['#### 1'], ['1'], 'gsm8k', 1.0);"
        "sys.exit(bool({'math_verify', 'sympy', 'pebble'} & set(sys.modules)))"
    )
    package = str(Path(grading.__file__).parents[3])
    subprocess.run([sys.executable, "-c", code], check=True, env={**os.environ, "PYTHONPATH": package})


# --- math -----------------------------------------------------------------------------------------------------------

MATH = [
    (r"Thus $x = \boxed{\frac{1}{2}}$.", r"\frac{1}{2}", "ccc"),
    (r"\boxed{\frac12}", r"\frac{1}{2}", "ccc"),
    (r"\boxed{\dfrac{1}{2}}", r"\frac{1}{2}", "ccc"),
    (r"\boxed{1/2}", r"\frac{1}{2}", "ccc"),
    (r"\boxed{0.5}", r"\frac{1}{2}", "ccc"),
    (r"\boxed{.5}", r"\frac{1}{2}", "ccc"),
    (r"\boxed{\frac{2}{4}}", r"\frac{1}{2}", "icc"),
    (r"\boxed{\frac{1}{3}}", r"\frac{1}{2}", "iii"),
    (r"\boxed{x = 5}", "5", "ccc"),
    (r"\boxed{5 \text{ cm}}", "5", "ccc"),
    (r"\boxed{90^\circ}", "90", "ccc"),
    (r"\boxed{\$5}", "5", "ccc"),
    (r"\boxed{50\%}", "50", "ccc"),
    (r"\boxed{1,000}", "1000", "icc"),
    (r"\boxed{10,\!000}", "10000", "icc"),
    (r"\boxed{5.}", "5", "icc"),
    (r"\boxed{$5$}", "5", "icc"),
    (r"\boxed{\text{Monday}}", r"\text{Monday}", "ccc"),
    (r"\boxed{Monday}", r"\text{Monday}", "icc"),
    (r"\boxed{\text{Tuesday}}", r"\text{Monday}", "iii"),
    (r"\boxed{(1,2]}", "(1, 2]", "ccc"),
    (r"\boxed{[1,2]}", "(1, 2]", "iii"),
    (r"\boxed{\left(2, 1\right)}", "(1,2)", "iii"),
    (r"\boxed{2,1}", "1,2", "icc"),
    (r"\boxed{\{1, 2\}}", r"\{2, 1\}", "icc"),
    (r"\boxed{\sqrt{12}}", r"2\sqrt{3}", "icc"),
    (r"\boxed{2\sqrt3}", r"2\sqrt{3}", "ccc"),
    (r"\boxed{(x+1)^2}", "x^2+2x+1", "icc"),
    ("\\boxed{\\begin{pmatrix} 1 \\\\\n 2 \\end{pmatrix}}", r"\begin{pmatrix}1\\2\end{pmatrix}", "ccc"),
    # Where the answer is.
    (r"$\boxed{4}$, no: $\boxed{5}$", "5", "ccc"),
    (r"$\boxed 5$", "5", "ccc"),
    (r"$\fbox{5}$", "5", "ccc"),
    (r"\boxed{}", "5", "---"),
    (r"$\boxed{\frac{1}{2$", "5", "--i"),  # the text was cut: the formula is what is left
    ("The answer is 5.", "5", "c-c"),
    ("The final answer is: $5$. I hope it is correct.", "5", "c-c"),
    ("The answer is 0.25.", "0.25", "c-c"),
    (r"The answer is \[x = 5\]", "5", "i-c"),
    ("Answer: **5**", "5", "c-c"),
    ("The sum is equal to 5", "5", "c-c"),
    ("so x = 3 + 2 = 5", "5", "c-c"),
    ("we get $x$ and $5$", "5", "--c"),
    ("there are 5 of them", "5", "--c"),
    ("no idea", "5", "---"),
    ("", "5", "---"),
    # What nothing can parse is incorrect.
    (r"\boxed{\frac{}{}^^__}", "5", "iii"),
    (r"\boxed{\text{ a}\text{ b}}", "5", "iii"),
    (r"\boxed{\frac}", "5", "iii"),
    (r"\boxed{\sqrt}", "5", "iii"),
]


def test_math() -> None:
    # All in one call, since worker processes take a while to start.
    grades = grade_answers([text for text, _, _ in MATH], [answer for _, answer, _ in MATH], "math", time_limit=5.0)
    found = zip(*(grades[grader] for grader in GRADERS), strict=True)
    assert [
        (text, answer, "".join(LETTERS[grade.grade] for grade in graded))
        for (text, answer, _), graded in zip(MATH, found, strict=True)
    ] == MATH


def test_math_reports_what_it_read() -> None:
    assert grade_one(r"The answer is $\frac{1}{2}$, since 3 > 2.", r"\frac{1}{2}", "math") == {
        "original": Grade("correct", r"\frac{1}{2}"),
        "strict": Grade("no_answer", ""),
        "lenient": Grade("correct", r"\frac{1}{2}"),
    }


# Two spellings, and whether the original grader takes them for the same.
NORMALISED = [
    (r"\left( 1, 2 \right)", "(1,2)", True),
    (r"\tfrac{1}{2}", r"\frac12", True),
    (r"\frac1{72}", r"\frac{1}{72}", True),
    (r"\frac{1}{2}+\frac34", r"\frac{1}{2}+\frac{3}{4}", True),
    ("-3/4", r"\frac{-3}{4}", True),
    ("03/4", r"\frac{03}{4}", False),
    ("a/b", r"\frac{a}{b}", False),
    (r"\sqrt3", r"\sqrt{3}", True),
    (r"\sqrt 3", r"\sqrt{3}", False),  # their quirk: the blank goes under the root
    ("k = 2", "2", True),
    ("xyz = 2", "2", False),
    ("2{.5}", "2{0.5}", True),
    (r"30^{\circ}", "30", True),
    (r"12 \text{ apples}", "12", True),
    (r"12 \text{apples}", "12", False),
    (r"\frac 1", r"\frac1", True),
    # Malformed strings are compared as they are.
    (r"\frac", r"\frac ", False),
    (r"2 \sqrt", r"2\sqrt", False),
    (r"\sqrt", r"\sqrt", True),
    (r"1 \text{ a}\text{ b}", r"1\text{ a}\text{ b}", False),
]


def test_original_normalises_like_hendrycks_2021() -> None:
    texts, answers = [rf"\boxed{{{first}}}" for first, _, _ in NORMALISED], [second for _, second, _ in NORMALISED]
    grades = grade_answers(texts, answers, "math", time_limit=5.0)["original"]
    assert [(*case[:2], grade.grade == "correct") for case, grade in zip(NORMALISED, grades, strict=True)] == NORMALISED


@pytest.mark.parametrize("workers", [1, 2])
def test_comparisons_that_hang_are_ended(workers: int) -> None:
    # Each hangs for well over 10 s: in one operation on huge integers, that no handler of a signal interrupts, and in
    # the parser. The limit leaves room for the others on a busy machine.
    hang = [r"\boxed{9^{9^{9^{9}}}}", r"\boxed" + "{" * 20 + "5" + "}" * 20]
    texts = [hang[0], r"\boxed{\frac12}", hang[1], r"\boxed{1/2}"]
    start = time.monotonic()
    grades = grade_answers(texts, [r"\frac{1}{2}"] * 4, "math", time_limit=2.5, workers=workers)
    assert time.monotonic() - start < 18
    for grader in ("strict", "lenient"):
        assert [grade.grade for grade in grades[grader]] == ["incorrect", "correct", "incorrect", "correct"]
    assert multiprocessing.active_children() == []


def test_a_comparison_that_crashes_is_incorrect(monkeypatch: pytest.MonkeyPatch) -> None:
    import math_verify

    parse = math_verify.parse

    def crash_on_seven(expression: str, *args: object, **options: object) -> list:
        if expression == "$7$":
            os.kill(os.getpid(), signal.SIGKILL)
        return parse(expression, *args, **options)

    monkeypatch.setattr(math_verify, "parse", crash_on_seven)  # workers are forked, so they see this
    grades = grade_answers([r"\boxed{7}", r"\boxed{1/2}"], [r"\frac{1}{2}"] * 2, "math", time_limit=5.0)
    assert [grade.grade for grade in grades["strict"]] == ["incorrect", "correct"]


def test_an_interrupt_does_not_wait_for_comparisons_still_to_be_done(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(number: int, frame: object) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGALRM, interrupt)
    try:
        signal.setitimer(signal.ITIMER_REAL, 0.7)
        texts = [rf"\boxed{{9^{{9^{{9^{{{number}}}}}}}}}" for number in range(10, 20)]
        start = time.monotonic()
        with pytest.raises(KeyboardInterrupt):
            grade_answers(texts, ["5"] * len(texts), "math", time_limit=60.0)
        assert time.monotonic() - start < 5
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    assert multiprocessing.active_children() == []


def test_equal_spellings_and_repeated_pairs_are_not_compared_again(monkeypatch: pytest.MonkeyPatch) -> None:
    from pebble import ProcessPool

    asked = []
    schedule = ProcessPool.schedule

    def watch(pool: ProcessPool, function: object, args: tuple, **options: object) -> object:
        asked.append(args[:2])
        return schedule(pool, function, args, **options)

    monkeypatch.setattr(ProcessPool, "schedule", watch)
    texts = [r"\boxed{ 5 }", r"\boxed{6}", r"It is 6, so \boxed{6}", r"\boxed{7}"]
    grade_answers(texts, ["5"] * 4, "math", time_limit=5.0)
    assert asked == [("5", "6"), ("5", "7")]


# --- both -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("style", ["gsm8k", "math"])
def test_nothing_to_grade(style: StyleName) -> None:
    assert grade_answers([], [], style, time_limit=5.0) == {grader: [] for grader in GRADERS}


def test_every_text_needs_an_answer() -> None:
    with pytest.raises(ValueError, match="argument 2"):
        grade_answers(["#### 1", "#### 2"], ["1"], "gsm8k", time_limit=5.0)


def test_every_grader_has_a_version_of_its_own() -> None:
    assert all(tuple(versions(style)) == GRADERS for style in STYLES)
    recorded = [version for style in STYLES for version in versions(style).values()]
    assert len(set(recorded)) == len(recorded)


@pytest.mark.parametrize(
    ("solution", "style", "answer"),
    [
        ("5 + 5 = <<5+5=10>>10\n#### 10", "gsm8k", "10"),
        ("#### 1\n#### 1,000 \n", "gsm8k", "1,000"),
        ("the end #### 31", "gsm8k", "31"),
        ("no marker", "gsm8k", None),
        ("#### ", "gsm8k", None),
        (r"so $\boxed{\frac{1}{2}}$.", "math", r"\frac{1}{2}"),
        (r"\boxed{1} then \boxed{\left\{1, \frac{2}{3}\right\}}", "math", r"\left\{1, \frac{2}{3}\right\}"),
        (r"$\boxed{\left\{ x \right.}$", "math", r"\left\{ x \right."),
        (r"\fbox{5}", "math", "5"),
        (r"\boxed {5}", "math", "5"),
        (r"$\boxed 5$.", "math", "5"),
        (r"$\boxed\frac{1}{2}$", "math", r"\frac{1}{2}"),
        (r"\boxed 5 is it", "math", "5"),
        (r"\boxed{\boxed{5}}", "math", "5"),
        (r"\boxed{\frac{1}{2}", "math", None),
        ("no box", "math", None),
    ],
)
def test_final_answer(solution: str, style: StyleName, answer: str | None) -> None:
    assert final_answer(solution, style) == answer
