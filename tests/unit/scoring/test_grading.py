"""Grading: what is the same in every style, comparisons that hang, and the page that lists what graders accept."""

import multiprocessing
import os
import re
import signal
import time
from pathlib import Path

import pandas as pd
import pytest

from premem.report.summary import _graders
from premem.scoring.grader_agreement import count_cases
from premem.scoring.grading import (
    GRADERS,
    REFERENCES,
    STYLES,
    StyleName,
    answer_problem,
    final_answer,
    grade_answers,
    versions,
)


@pytest.mark.parametrize("workers", [1, 2])
def test_comparisons_that_hang_are_ended(workers: int) -> None:
    # Each hangs for well over 10 s: in one operation on huge integers, that no handler of a signal interrupts, and in
    # the parser. The limit leaves room for the others on a busy machine.
    hang = [r"\boxed{9^{9^{9^{9}}}}", r"\boxed{1+" + "{" * 20 + "5" + "}" * 20 + "}"]
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
        if expression == r"$\sqrt{7}$":
            os.kill(os.getpid(), signal.SIGKILL)
        return parse(expression, *args, **options)

    monkeypatch.setattr(math_verify, "parse", crash_on_seven)  # workers are forked, so they see this
    grades = grade_answers([r"\boxed{\sqrt7}", r"\boxed{1/2}"], [r"\frac{1}{2}"] * 2, "math", time_limit=5.0)
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


@pytest.mark.parametrize("style", ["gsm8k", "math"])
def test_nothing_to_grade(style: StyleName) -> None:
    assert grade_answers([], [], style, time_limit=5.0) == {grader: [] for grader in GRADERS}


def test_every_text_needs_an_answer() -> None:
    with pytest.raises(ValueError, match="argument 2"):
        grade_answers(["#### 1", "#### 2"], ["1"], "gsm8k", time_limit=5.0)


def test_every_grader_has_a_version_of_its_own() -> None:
    assert all(tuple(versions(style)) in (GRADERS, GRADERS[1:]) for style in STYLES)
    recorded = [version for style in STYLES for version in versions(style).values()]
    assert len(set(recorded)) == len(recorded)


@pytest.mark.parametrize(
    ("solution", "style", "answer"),
    [
        ("5 + 5 = <<5+5=10>>10\n#### 10", "gsm8k", "10"),
        ("#### 1\n#### 1,000 \n", "gsm8k", "1,000"),
        ("the end #### 31", "gsm8k", "31"),
        ("no marker", "gsm8k", None),
        ("the end ####4", "gsm8k", "4"),
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


def test_solutions_that_are_written_are_read_back() -> None:
    for style, answer in (
        ("gsm8k", "-1,000"),
        ("math", r"\frac{1}{2}"),
        ("number", "-3.5"),
        ("choice", "B"),
        ("exact", "New York"),
    ):
        reference = REFERENCES[style]
        assert reference.find("Some steps.\n" + reference.write(answer)) == answer


def test_answers_that_a_style_cannot_grade_are_named() -> None:
    assert answer_problem("5 or 6", "gsm8k") == "is not a number"
    assert answer_problem("2 million", "gsm8k") is None
    assert answer_problem("5 or 6", "math") is None
    assert answer_problem("Paris", "choice") == "does not begin with the letter of an option, such as B or (B)"
    assert answer_problem("(b)", "choice") is None
    assert answer_problem("seven or so", "number") == "is not a number"


# --- the page -------------------------------------------------------------------------------------------------------

MARKS = {"✓": "correct", "✗": "incorrect", "–": "no_answer"}
ROW = re.compile(r"\| `(.+)` \| `(.+)` \| (?:([✓✗–]) \| )?([✓✗–]) \| ([✓✗–]) \|")


def rows_of_the_page(root: Path, style: StyleName) -> list[tuple[str, ...]]:
    """The reference answer, the answer and the three marks of each row about a style."""
    page = (root / "docs/graders.md").read_text(encoding="utf-8")
    section = page.split(f"\n## {style}\n")[1].split("\n## ")[0]
    return [tuple(cell.replace(r"\|", "|") for cell in row) for row in ROW.findall(section)]


@pytest.mark.parametrize("style", STYLES)
def test_the_page_lists_what_graders_do(root: Path, style: StyleName) -> None:
    rows = rows_of_the_page(root, style)
    assert len(rows) > (70 if style in ("gsm8k", "math") else 10)
    # On the page, a box stands around the answers of math, and \n for the end of a line.
    texts = [rf"\boxed{{{row[1]}}}" if style == "math" else row[1].replace(r"\n", "\n") for row in rows]
    graded = grade_answers(texts, [row[0] for row in rows], style, time_limit=10.0, workers=2)
    for number, (reference, text, *marks) in enumerate(rows):
        expected = {grader: MARKS[mark] for grader, mark in zip(GRADERS, marks, strict=True) if mark}
        assert {grader: grades[number].grade for grader, grades in graded.items()} == expected, (reference, text)


def test_every_row_of_the_page_is_graded(root: Path) -> None:
    page = (root / "docs/graders.md").read_text(encoding="utf-8")
    written = sum(line.startswith("| `") and line.endswith(("✓ |", "✗ |", "– |")) for line in page.splitlines())
    assert written == sum(len(rows_of_the_page(root, style)) for style in STYLES)


def test_the_page_names_a_version(root: Path) -> None:
    page = (root / "docs/graders.md").read_text(encoding="utf-8")
    named = re.findall(r"`((?:gsm8k|math|number|choice|exact)-\w+-\d+)`", page)
    assert named
    assert set(named) <= {version for style in STYLES for version in versions(style).values()}


def test_a_style_without_the_authors_rule_is_counted_and_summed_up() -> None:
    texts = ["The answer is B.", "It must be (B), as\nit is warm.", "Paris"]
    graded = grade_answers(texts, ["B"] * 3, "choice", time_limit=5.0)
    table = pd.DataFrame({"run": "r", "epoch": 1, "example_id": list("abc"), "sample": 0})
    for grader, grades in graded.items():
        table[grader] = [grade.grade for grade in grades]
        table[f"{grader}_extracted"] = [grade.extracted for grade in grades]
    cases = count_cases(table)
    assert "original" not in cases
    assert cases["answers"].tolist() == [1, 1, 1]
    assert _graders(cases).startswith(
        "Share of answers graded correct, over all checkpoints: strict 0.333, lenient 0.667."
    )
