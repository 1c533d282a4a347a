"""Grading in the style of MATH: which spellings are the same answer, and which answers are not."""

from hypothesis import given, settings
from hypothesis import strategies as st

from premem.scoring.grading import GRADERS, Grade, grade_answers
from premem.scoring.grading.expressions import are_equivalent

LETTERS = {"correct": "c", "incorrect": "i", "no_answer": "-"}


def grade_one(text: str, answer: str) -> dict[str, Grade]:
    return {grader: grades[0] for grader, grades in grade_answers([text], [answer], "math", time_limit=5.0).items()}


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
    assert grade_one(r"The answer is $\frac{1}{2}$, since 3 > 2.", r"\frac{1}{2}") == {
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


# --- the same answer in other spellings -----------------------------------------------------------------------------

# A reference answer, and spellings of it, with two blanks between.
SAME = [
    (r"\frac{\pi}{2}", r"\frac\pi2  \dfrac{\pi}{2}  \tfrac\pi 2  \cfrac{\pi}{2}  π/2  \pi/2  pi/2  \frac12\pi"),
    (r"\frac{\pi}{2}", r"0.5\pi  {\pi\over 2}"),
    (r"30^\circ", r"30°  30º  30  30^{\circ}  30\degree  30 \textdegree  30 degrees  30\text{ degrees}"),
    (r"30^\circ", r"30^\circ\text{C}"),
    ("1000", r"1\,000  1\;000  1\:000  1\ 000  1~000  1 000  1,000  1{,}000  1,\!000  1_000  １０００  1000.0"),
    ("1000", r"\$1{,}000"),
    ("1000", "1\u2009000  1\u202f000  1\u00a0000  10^3  10^{3}  1e3  1\\times10^3  1×10³  1 thousand"),
    ("1000", "1\\text{ thousand}"),
    (r"\frac{3}{2}", r"1½  1 1/2  1\frac{1}{2}  1\frac12  1 \tfrac{1}{2}  1\,\frac{1}{2}  3/2  1.5  \frac{6}{4}"),
    (r"\frac{3}{2}", r"\frac32  1½\text{ cups}"),
    (r"-\frac{1}{2}", r"-½  −½  –1/2  -0.5  -.5  \frac{-1}{2}  \frac{1}{-2}  - \frac12"),
    (r"\text{June 20}", r"June 20  june 20  \mathrm{June\ 20}  \textbf{June 20}  \text{June }20  June~20"),
    (r"\text{June 20}", r"\mbox{June 20}"),
    ("5", r"5~\text{m}  5\text{ m}  5\,\text{cm}^2  5\ \mathrm{cm}  5\;\mathrm{m/s}  5 \text{ square units}"),
    ("5", r"5\,\text{m}/\text{s}"),
    ("5", r"5 cm  5 m  5 meters per second  \$5  €5  5\text{ dollars}  5 dollars  5\mbox{ inches}  x = 5"),
    ("5", r"\text{5}  \textbf{5}  {5}"),
    ("5", r"$5$  \(5\)  5.  5.0  +5  (5)  \boxed{5}  f(2)=5  2+3=5  x = 2 + 3 = 5  \text{Area} = 5 \text{ cm}^2"),
    ("5", r"x=5.0"),
    ("1500000", r"1.5e6  1.5E6  1.5e+06  1.5\times10^6  1.5×10⁶  1.5 \cdot 10^{6}  15 \times 10^{5}  1,500,000"),
    ("1500000", r"1.5 million"),
    (r"\infty", r"∞  +\infty  infinity  \text{infinity}"),
    (r"(-\infty, 3]", r"(−∞,3]  \left(-\infty,3\right]  (-∞, 3.0]  x \le 3  x≤3  3 \geq x"),
    (r"\emptyset", r"\varnothing  ∅  \{\}  \{ \}"),
    ("3+4i", r"3+4\mathrm{i}  3+4\text{i}  3 + 4 i  4i+3  3+4\cdot i  3+4\imath  3+4ⅈ"),
    (r"\text{(C)}", r"(C)  C  c  \text{C}  \textbf{(C)}  \mathrm{(C)}  \text{(C) } 12  \textbf{(C)}\ 12  (C) 12"),
    (r"\text{(C)}", r"C. 12  C) 12  Option C"),
    (r"\text{(C) } 12", r"C  (C)  (C) 12  \text{(C) } 12.0  12"),
    (r"2\sqrt{3}", r"2√3  2√(3)  \sqrt{12}  √12  2\sqrt3  2\cdot\sqrt 3  \frac{6}{\sqrt3}  2\cdot 3^{1/2}"),
    (r"2\sqrt{3}", r"2 sqrt(3)"),
    (r"\frac{\sqrt{2}}{2}", r"\frac{1}{\sqrt2}  √2/2  \dfrac{\sqrt 2}2  \frac{\sqrt2}{2}  \sqrt\frac12  \sqrt{0.5}"),
    ("x^2+1", r"x²+1  1+x^{2}  𝑥²+1  x\cdot x+1  x**2+1"),
    ("x^2-1", "(x-1)(x+1)  (x+1)(x−1)  -(1-x)(x+1)"),
    ("2516_8", r"2516_{8}  2516_{\text{eight}}  2516₈  2516 \text{ base } 8  2516_{eight}"),
    (r"\{1,2\}", r"\{2,1\}  \left\{1,\,2\right\}  \lbrace 1, 2\rbrace  1,2  2, 1  1;2  1 and 2  1 \text{ or } 2"),
    (r"\{1,2\}", r"x=1, x=2  x=1 \text{ or } x=2"),
    ("(1,2)", r"(1, 2)  \left(1,2\right)  \bigl(1,\,2\bigr)  (1.0,\frac{4}{2})"),
    (r"(-\infty,1)\cup(2,\infty)", r"(2,\infty)\cup(-\infty,1)  (−∞,1)∪(2,∞)"),
    (r"(-\infty,1)\cup(2,\infty)", r"\left(-\infty,1\right) \cup \left(2,\infty\right)"),
    (r"2+\sqrt{3}, 2-\sqrt{3}", r"2 \pm \sqrt{3}  2±√3  2-\sqrt3, 2+\sqrt3  x = 2 \pm \sqrt{3}"),
    (
        r"\begin{pmatrix}1\\2\end{pmatrix}",
        r"\begin{bmatrix} 1 \\ 2 \end{bmatrix}  \left(\begin{array}{c}1\\2\end{array}\right)  "
        r"\begin{pmatrix}1.0\\[2pt]2\end{pmatrix}",
    ),
    (r"50\%", r"50%  50 percent  50\text{ percent}  50 \%  50  0.5  \frac12"),
    ("x>5", r"5<x  x \gt 5  (5,\infty)  x > 5.0"),
    ("x \\neq 2", r"x≠2  2\ne x  x != 2"),
    ("y=2x+3", "2x-y+3=0  2y=4x+6  y = 3+2x  2x+3=y"),
    ("12:30 PM", r"12:30\text{ p.m.}  12:30\,\text{PM}  12:30pm"),
    (r"\frac13", r"0.\overline{3}  .\overline{3}  0.333333  1/3  2:6"),
    (r"\sqrt{2}", "1.414214  1.41421356  2^{1/2}  2^{0.5}"),
    (r"\text{red, blue}", r"red, blue  blue and red  \text{blue}, \text{red}"),
    (r"\text{Monday}", r"Monday  monday.  \mathrm{Monday}  \textit{Monday}"),
    ("xy", "yx  x y  x \\cdot y"),
    ("10!", "3628800  3,628,800"),
    (r"\binom{6}{3}", r"20  {6 \choose 3}"),
    (r"\sin x", r"\sin{x}  \sin(x)  sin(x)  \mathrm{sin}\,x"),
    (r"\theta", "θ  ϑ"),
    ("e^2", "e²  \\mathrm{e}^{2}"),
]  # fmt: skip

# A reference answer, and wrong answers.
DIFFERENT = [
    (r"\frac{1}{2^{99}}", r"\frac{1}{2^{98}}  2^{-98}  \frac{1}{2^{99}}+\frac{1}{2^{120}}  0"),
    ("0.0000001", r"0.00000001  10^{-8}  0  1e-6"),
    ("10^{20}", "10^{20}+1  10^{21}  1e19"),
    ("2^{100}x", "2^{100}x+x  2^{101}x"),
    (r"e^{-50}", "e^{-51}  0"),
    (r"\pi", r"3.14  3.14159  \frac{22}{7}  3"),
    (r"\frac{1}{3}", "0.33  0.3333  0.333334"),
    ("1", "0.9999999  1.0000001  -1  1x  10"),
    ("2516_8", "2516_7  2516  2516_{16}  2517_8  1358"),
    ("1011_2", "1011_3  11  1011"),
    ("x_1", "x_2  x"),
    (r"\log_2 3", r"\log_3 2  \log 3"),
    ("BAD", "DAB  ABD  bda"),
    (r"\text{no}", "on  yes"),
    (r"\text{listen}", r"silent  \text{Silent}"),
    ("ABC", "CBA  ACB"),
    (r"\text{June 20}", "June 21  July 20  20"),
    (r"\text{red, blue}", "red, green  red"),
    ("f(2)=5", "f(3)=5  g(2)=5  f(2)=6"),
    ("a_1=5", "a_2=5"),
    ("x=2, y=3", "x=3, y=2"),
    ("x=5", "y=5  x=6"),
    ("x+y=5", "5  x-y=5  x+y=6"),
    ("x^2=4", "x=2"),
    (r"f'(x)=2", "f(x)=2"),
    ("x>5", r"x<5  x \ge 5  x>6  (5,6)"),
    ("[1,2]", "(1,2)  [1,2)  [2,1]  1,2"),
    ("(1,2)", r"(2,1)  \{1,2\}  (1,2,3)"),
    (r"\{1,2\}", r"\{1,3\}  \{1,2,3\}  (1,2)  1"),
    ("1,000,000", "1,000,000x  1,000  1,000,00"),
    ("2t", "2  t  3t"),
    ("2A", "2a"),
    ("A-a", "0"),
    (r"3\text{ pm}", r"3\text{ am}"),
    ("12:30 PM", "12:30 AM  12:31 PM"),
    (r"\text{(C)}", r"(B)  D  \text{(A) } 12  \text{(B) C}"),
    (r"\text{(C) } 12", r"(C) 13  (B) 12  13"),
    (r"50\%", r"0.5\%  5  5\%"),
    (r"5\text{ million}", "5"),
    (r"\begin{pmatrix}1\\2\end{pmatrix}", r"\begin{pmatrix}2\\1\end{pmatrix}  \begin{pmatrix}1&2\end{pmatrix}"),
    (r"\begin{pmatrix}1\\2\end{pmatrix}", r"(1,2)"),
    (r"\emptyset", "0  \\{0\\}"),
    (r"\infty", r"-\infty  0"),
    ("3+4i", "3-4i  4+3i  3+4"),
]  # fmt: skip


def test_spellings_of_the_same_answer() -> None:
    pairs = [(gold, found) for gold, spellings in SAME for found in spellings.split("  ")]
    assert [pair for pair in pairs if not are_equivalent(*pair)] == []


def test_wrong_answers_are_not_equal() -> None:
    pairs = [(gold, found) for gold, wrong in DIFFERENT for found in wrong.split("  ")]
    assert [pair for pair in pairs if are_equivalent(*pair)] == []


SPACES = st.sampled_from(["", " ", r"\,", r"\;", "~", r"\ "])


@st.composite
def spelled_fractions(draw: st.DrawFn) -> tuple[int, int, str]:
    """A fraction, and one of its spellings."""
    top, bottom = draw(st.integers(1, 99)), draw(st.integers(2, 99))
    command, space = draw(st.sampled_from([r"\frac", r"\dfrac", r"\tfrac", r"\cfrac"])), draw(SPACES)
    spellings = [
        rf"{command}{{{top}}}{{{bottom}}}",
        rf"{command}{{{top}}}{space}{{{bottom}}}",
        f"{top}/{bottom}",
        rf"{{{top} \over {bottom}}}",
        f"{top}⁄{bottom}",
        rf"\left({command}{{{top}}}{{{bottom}}}\right)",
        rf"{command}{{{2 * top}}}{{{2 * bottom}}}",
    ]
    if top < 10 and bottom < 10:
        spellings += [rf"{command}{top}{bottom}", rf"{command} {top} {bottom}", rf"{command}{{{top}}}{bottom}"]
    if top > bottom and top % bottom:
        spellings.append(rf"{top // bottom}{space}{command}{{{top % bottom}}}{{{bottom}}}")
    unit = draw(st.sampled_from(["", r"\text{ cm}", r"~\mathrm{m}^2", r"^\circ", "°", "."]))
    return top, bottom, draw(st.sampled_from(["", "x = ", "$"])) + draw(st.sampled_from(spellings)) + unit


@given(spelled_fractions())
@settings(deadline=None)
def test_fractions_are_read_however_they_are_spelled(fraction: tuple[int, int, str]) -> None:
    top, bottom, spelled = fraction
    assert are_equivalent(rf"\frac{{{top}}}{{{bottom}}}", spelled)
    assert not are_equivalent(rf"\frac{{{top + 1}}}{{{bottom}}}", spelled)


@given(
    st.integers(1000, 10**12),
    st.sampled_from(["", ",", "{,}", r"\,", r"\;", r"\ ", "~", " ", "\u2009", r",\!"]),
    st.data(),
)
def test_thousands_are_grouped_in_many_ways(number: int, grouping: str, data: st.DataObject) -> None:
    sign, plain = data.draw(st.sampled_from([("", ""), ("-", "-"), ("−", "-"), (r"\$", "")]))
    spelled = sign + f"{number:,}".replace(",", grouping)
    assert are_equivalent(f"{plain}{number}", spelled)
    assert not are_equivalent(f"{plain}{number + 1}", spelled)


@given(st.integers(-40, 40), st.integers(-40, 40), st.integers(2, 9))
@settings(deadline=None)
def test_powers_are_compared_exactly(first: int, second: int, base: int) -> None:
    assert are_equivalent(rf"{base}^{{{first}}}", rf"{base}^{{{second}}}") == (first == second)
    assert are_equivalent(rf"1+{base}^{{{first}}}", rf"1 + {base}^{{{second}}}") == (first == second)


PIECES = [
    r"\frac",
    r"\sqrt",
    r"\text{",
    "{",
    "}",
    "(",
    ")",
    "[",
    "]",
    r"\{",
    r"\}",
    "^",
    "_",
    ",",
    "=",
    "<",
    r"\cup",
    r"\pm",
]


@given(
    st.lists(
        st.sampled_from([*PIECES, *r"\\ x 2 1/ ½ ² √ π ° % & \begin{pmatrix} \end{pmatrix} : i A .5 ' - + or".split()])
    )
)
@settings(deadline=None, max_examples=50)
def test_nothing_that_a_model_writes_breaks_the_comparison(pieces: list[str]) -> None:
    are_equivalent(r"\frac{1}{2}", "".join(pieces))
    are_equivalent("".join(pieces), "5")
