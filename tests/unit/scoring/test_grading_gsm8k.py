"""Grading in the style of GSM8K: which number a grader reads, however it is written."""

import os
import re
import subprocess
import sys
from fractions import Fraction
from pathlib import Path

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from premem.base.errors import UserError
from premem.scoring import grading
from premem.scoring.grading import GRADERS, Grade, grade_answers
from premem.scoring.grading.numerals import read_last_number, read_number, read_only_number

LETTERS = {"correct": "c", "incorrect": "i", "no_answer": "-"}


def grade_one(text: str, answer: str) -> dict[str, Grade]:
    return {grader: grades[0] for grader, grades in grade_answers([text], [answer], "gsm8k", time_limit=5.0).items()}


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
    found = grade_one(text, answer)
    assert "".join(LETTERS[found[grader].grade] for grader in GRADERS) == grades


def test_gsm8k_reports_what_it_read() -> None:
    assert grade_one("it costs $1,000.\n#### $1,000.50 each", "1000.5") == {
        "original": Grade("incorrect", "$1000.50 each"),
        "strict": Grade("correct", "$1,000.50"),
        "lenient": Grade("correct", "$1,000.50"),
    }
    assert grade_one("who knows", "1")["strict"] == Grade("no_answer", "")


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
    assert grade_one(text, plain)["strict"].grade == "correct"
    other = Fraction(plain) + off
    assert grade_one(text, f"{other.numerator}/{other.denominator}")["strict"].grade == "incorrect"


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


# --- what touches a number ------------------------------------------------------------------------------------------

# Values, and lines that state them, with two blanks between; None: no number can be read in them.
READ: list[tuple[Fraction | None, str]] = [
    (
        Fraction(-3),
        "–3  —3  −3  ﹣3  -3  - 3  -$3  $-3  − $3  (-3)  x = -3  -3.0  -3%  -3°C  **-3**  it is -3  it is - 3",
    ),
    (Fraction(-3), "negative 3  Negative $3  minus 3"),
    (None, "--3  +-3  ±3  x - 3  10 - 3  |-3|  3-  3 degrees below zero  not 3"),
    (Fraction(3), '+3  3  3.  3.0  03  ≈3  ~3  (3)  [3]  3)  "3"  3 apples  3/day  #3'),
    (Fraction(5, 2), r"2½  2 ½  2 1/2  2 1⁄2  2 and a half  2 and 1/2  2\frac{1}{2}  5/2  $2½"),
    (Fraction(3, 4), r"¾  3/4  3 / 4  3⁄4  \frac{3}{4}  \dfrac34  .75  0.750"),
    (Fraction(-5, 2), "-2½  –2 1/2  negative 2½  - 2.5"),
    (
        Fraction(70_000),
        r"70K  70k  $70K  70 K  70K dollars  **70K**  70 thousand  70-thousand  0.07 million  7万  ７００００",
    ),
    (Fraction(70_000), "70_000  70 000  70,000  70'000  70’000  70\u2009000  70\u202f000  70\u00a0000  70 000 m²"),
    (Fraction(70_000), r"70\,000  70{,}000  70,\!000  7e4  7E+4  7×10⁴  7 x 10^4  7 * 10^4  7 \times 10^{4}"),
    (Fraction(2_000_000), "2 million  2 Million dollars  $2M  $2m  2M  2-million-dollar  2\u00a0million"),
    (Fraction(36), "3 dozen  3 dozens  3-dozen"),
    (None, "70_00  70 00  5 100 20  1,2,3  10,00  3,5  1.2.3  1.000.000  3/4/5  2 million and a half  0.33...  3.3…"),
    (
        None,
        r"5²  5³  5⁻¹  5^2  5**2  5x3  5×3  5 x 3  5*3  5·3  5!  √9  \sqrt{9}  3π  3\pi  5y  5i  5+  5+5  5(3)  5 - x",
    ),
    (None, "10_3  10₃  5C2  0x1F  1e999999  5:30  5:05  12:00  5'6  5-10  5–5  5 to 5  5 out of 5  > 5  ≥5"),
    (None, "3 fifths  5 squared  twice 5  half of 50  5 hours 5 minutes  5 or 6  2-1/2  1 e3  5 Mio  5h30  ½5"),
    (Fraction(18), r"18 m^2  18m²  18 m2  18m2  18 cm³  18\text{ cm}^2  18 sq. ft.  18%  18 %  18 percent  18pm  18th"),
    (Fraction(18), "€18  18€  18 EUR  USD 18  USD18  Rs. 18  US$18  18¢  $18 = 18 dollars  18-year-old"),
    (Fraction(18), "`18`  <b>18</b>  18</s>  18<|im_end|>  18。  18🎉"),
]
LINES = [(line, value) for value, lines in READ for line in lines.split("  ")]


@pytest.mark.parametrize(("line", "value"), LINES, ids=[line for line, _ in LINES])
def test_a_number_is_read_as_what_it_is_or_not_at_all(line: str, value: Fraction | None) -> None:
    assert read_number(line) == value


def test_no_part_of_a_number_is_taken_for_the_whole() -> None:
    texts, answers = [], []
    for line, value in LINES:
        for digits in re.findall(r"\d+", line):
            if value is None or abs(value) != int(digits):
                texts.append(f"#### {line}")
                answers.append(digits)
    assert len(texts) > 100
    grades = grade_answers(texts, answers, "gsm8k", time_limit=5.0)["strict"]
    assert [text for text, grade in zip(texts, grades, strict=True) if grade.grade == "correct"] == []


THOUSAND = 10**3
signs = st.sampled_from([("", 1), *((sign, -1) for sign in ("-", "–", "—", "−", "- ", "negative ", "minus "))])
suffixes = st.sampled_from(
    [
        ("", 1),
        ("K", THOUSAND),
        (" thousand", THOUSAND),
        (" million", 10**6),
        ("bn", 10**9),
        (" dozen", 12),
        ("万", 10**4),
    ]
)
fractions = st.sampled_from(
    [
        ("", Fraction(0)),
        ("½", Fraction(1, 2)),
        (" 1/4", Fraction(1, 4)),
        (" and a half", Fraction(1, 2)),
        (".5", Fraction(1, 2)),
    ]
)
groupings = st.sampled_from(["", ",", " ", "\u2009", "\u202f", "_", "'"])
units = st.sampled_from(["", " dollars", " m^2", " m²", " per hour", "."])
unreadable = st.sampled_from(
    [*"² ³ ^2 x3 ×3 :30 ! π _2 +1 e999999 √2 ₂ -7 /7/7 y".split(), " squared", " x 3", " or 7"]
)


@given(st.integers(1, 10**9), signs, groupings, fractions, suffixes, units)
def test_signs_groups_fractions_and_magnitudes_are_read(
    whole: int, sign: tuple[str, int], grouping: str, fraction: tuple[str, Fraction], suffix: tuple[str, int], unit: str
) -> None:
    assume(not (fraction[0].endswith("half") and suffix[0].isalpha()))
    text = sign[0] + f"{whole:,}".replace(",", grouping) + fraction[0] + suffix[0] + unit
    value = sign[1] * (whole + fraction[1]) * suffix[1]
    assert read_number(text) == value
    extracted = read_only_number(text)
    assert extracted is not None
    assert read_number(extracted) == value  # what is recorded has the same value


@given(st.integers(1, 10**6), signs, groupings, unreadable, units)
def test_what_cannot_be_read_is_not_cut_off(
    whole: int, sign: tuple[str, int], grouping: str, rest: str, unit: str
) -> None:
    text = sign[0] + f"{whole:,}".replace(",", grouping) + rest + unit
    assert read_number(text) is None


@given(st.text(alphabet="0123456789.,/+-–−$€%eEKkmx×^²½ \\'_:!()=πa", max_size=16))
def test_the_number_that_is_recorded_is_the_number_that_was_read(line: str) -> None:
    value = read_number(line)
    if value is not None:
        assert read_number(read_only_number(line) or "") == value
    last = read_last_number(line)
    assert last is None or read_last_number(last) is not None
