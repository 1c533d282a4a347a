"""Whether two values are the same, exactly: numbers as fractions, other expressions as sympy reads them.

math-verify parses, and judges what has no value (inequalities, sets). Its comparison of values is not used, since it
calls numbers equal that differ by less than it rounds to.
"""

import logging
import re
from collections.abc import Callable
from fractions import Fraction
from functools import wraps
from typing import Any

import math_verify
import sympy
from latex2sympy2_extended import NormalizationConfig
from math_verify import LatexExtractionConfig

_LATEX = LatexExtractionConfig(
    normalization_config=NormalizationConfig(basic_latex=True, malformed_operators=True, nits=True, boxed="none")
)
_DECIMAL = re.compile(r"(?<![\d.])(\d*)\.(\d*)(?:\\(?:overline|bar|dot)\{(\d+)\})?(?![\d.])")
_RATIONAL = re.compile(r"([-+]?) ?(?:(\d+)|\\frac\{ ?([-+]?\d+) ?\}\{ ?([-+]?\d+) ?\}|(\d+) ?/ ?(\d+))")
_POWER_OF_TEN = re.compile(r"(.*?)\s*(?:\\times|\\cdot|\*)\s*10\^(?:\{([-+]?\d{1,4})\}|(\d))")
_BASE = re.compile(r"\(?([0-9A-Za-z]*\d[0-9A-Za-z]*|[A-Z]+)\)?_(?:\{ *(\d+) *\}|(\d))")
_DIGIT_WITH_SUBSCRIPT = re.compile(r"[\d)]_")
_LETTERS = re.compile(r"\\(?:text|mathbb|mathcal|begin|end) *\{[^{}]*\}|\\[A-Za-z]+|([A-Za-z]+)('*)")
FEWEST_DIGITS = 6  # of a decimal that may stand for a value that has no decimal, such as 0.333333 for 1/3
LARGEST_ROUNDING = sympy.Rational(1, 2 * 10**6)  # of such a decimal
PRECISION = 60  # decimal digits for comparing roots, logarithms and the like


def _false_on_error(compare: Callable[..., bool]) -> Callable[..., bool]:
    """Count what sympy cannot compare as different: it raises errors of all kinds on what models write."""

    @wraps(compare)
    def guarded(*arguments: Any) -> bool:
        try:
            return compare(*arguments)
        except Exception:
            return False

    return guarded


def prepare() -> None:
    """Silence warnings of math-verify that its own time limits are off."""
    logging.getLogger("math_verify").setLevel(logging.ERROR)


def is_product(word: str) -> bool:
    """Whether letters are rather a product of variables (xy, abc) than a word (dog, BAD)."""
    letters = sorted(set(word.lower()))
    near = len(word) == 2 or (len(word) <= 4 and ord(letters[-1]) - ord(letters[0]) <= 5)
    return len(word) == 1 or (near and not word.isupper() and "o" not in letters)


@_false_on_error
def have_same_value(gold: str, found: str) -> bool:
    """Return whether two normalised expressions have the same value. A percentage also equals the number of percent."""
    percents = [re.sub(r" *\\% *$", "", text) for text in (gold, found)]
    if percents[0] != gold and percents[1] != found:
        gold, found = percents
    elif percents != [gold, found]:
        parts = [
            rf"\frac{{{percent}}}{{100}}" if percent != text else text
            for percent, text in zip(percents, (gold, found), strict=True)
        ]
        return _equal(percents[0], percents[1]) or _equal(parts[0], parts[1])
    return _equal(gold, found)


@_false_on_error
def are_proportional(gold: list[str], found: list[str]) -> bool:
    """Return whether two equations, by their sides, are the same but for a factor: 2x + 2y = 4 and x + y = 2."""
    sides = [side for side in _parse(*gold, *found) if isinstance(side, sympy.Expr)]
    if len(sides) < 4:
        return False
    first, second = (sympy.numer(sympy.together(left - right)) for left, right in (sides[:2], sides[2:]))
    if first.is_number or second.is_number or first.free_symbols != second.free_symbols:
        return False
    factor = sympy.simplify(first / second)
    return bool(factor.is_number and factor.is_finite and factor.is_nonzero)


@_false_on_error
def verify(gold: str, found: str) -> bool:
    """Return what math-verify says."""
    first, second = _parse(gold, found)
    if first is None or second is None:
        return False
    return math_verify.verify([first], [second], timeout_seconds=None)


def _equal(gold: str, found: str) -> bool:
    bases = [_BASE.fullmatch(text.replace(" ", "")) for text in (gold, found)]
    if any(bases):
        return _equal_in_base(gold, found, bases)
    if any(_DIGIT_WITH_SUBSCRIPT.search(text) for text in (gold, found)):
        return False  # the parser would drop the subscript
    exact = [_rational(text) for text in (gold, found)]
    if exact[0] is not None and exact[1] is not None:
        values = [sympy.Rational(value.numerator, value.denominator) for value in exact if value is not None]
        return values[0] == values[1] or _is_rounded(gold, values[1]) or _is_rounded(found, values[0])
    first, second = _parse(gold, found)
    if first is None or second is None:
        return False
    if not isinstance(first, sympy.Expr) or not isinstance(second, sympy.Expr):
        return math_verify.verify([first], [second], timeout_seconds=None)
    return _equal_expressions(first, second) or _is_rounded(gold, second) or _is_rounded(found, first)


def _equal_in_base(gold: str, found: str, bases: list[re.Match[str] | None]) -> bool:
    """Compare numbers with their bases; one without a base is in base ten."""
    digits = [match[1] if match else text for match, text in zip(bases, (gold, found), strict=True)]
    in_base = [int(match[2] or match[3]) if match else 10 for match in bases]
    return in_base[0] == in_base[1] and digits[0].lstrip("0").upper() == digits[1].lstrip("0").upper()


def _rational(text: str) -> Fraction | None:
    r"""Return the exact value of an integer, a decimal, a fraction, or one of these times a power of ten."""
    factor = Fraction(1)
    if power := _POWER_OF_TEN.fullmatch(text):
        text, factor = power[1], Fraction(10) ** int(power[2] or power[3])
    match = _RATIONAL.fullmatch(_with_fractions(text))
    if not match:
        return None
    sign, whole, *fraction = match.groups()
    numerator, denominator = (fraction[0] or fraction[2] or "0"), (fraction[1] or fraction[3] or "1")
    try:
        value = Fraction(int(whole)) if whole else Fraction(int(numerator), int(denominator))
    except (ValueError, ZeroDivisionError):  # more digits than Python reads, or no value
        return None
    return (-value if sign == "-" else value) * factor


def _with_fractions(text: str) -> str:
    """Write decimals as fractions, which are exact."""

    def fraction(match: re.Match[str]) -> str:
        whole, places, repeated = match.groups()
        if not places and not repeated:
            return match[0]
        value = Fraction(int(whole + places or "0"), 10 ** len(places))
        if repeated:
            value += Fraction(int(repeated), (10 ** len(repeated) - 1) * 10 ** len(places))
        if value.denominator == 1:
            return str(value.numerator)
        written = rf"\frac{{{value.numerator}}}{{{value.denominator}}}"
        return f"{{{written}}}" if match.string[: match.start()].endswith(("^", "_")) else written

    return _DECIMAL.sub(fraction, text)


def _parse(*texts: str) -> list[sympy.Basic | sympy.MatrixBase | None]:
    """Return what math-verify reads in normalised expressions that are to be compared, None where it reads nothing.

    It reads letters without their case and without primes, and words as products. They get names that keep them apart.
    """
    single = {letter for text in texts for match in _LETTERS.finditer(text) for letter in match[1] or ""}

    def name(match: re.Match[str]) -> str:
        word, primes = match[1], match[2]
        if not word:
            return match[0]
        if not is_product(word):
            return rf"\text{{{word}}}"
        named = "".join(rf"\text{{upper{c}}}" if c.isupper() and c.lower() in single else c for c in word)
        return named[:-1] + rf"\text{{prime{len(primes)}{named[-1]}}}" if primes and named[-1].isalpha() else named

    parsed = []
    for text in texts:
        named = _LETTERS.sub(name, _with_fractions(text))
        found = math_verify.parse(f"${named}$", [_LATEX], fallback_mode="no_fallback", parsing_timeout=None)
        parsed.append(_rename(found[0]) if found else None)
    return parsed


def _rename(parsed: sympy.Basic | sympy.MatrixBase) -> sympy.Basic | sympy.MatrixBase:
    """Make i the imaginary unit, and all other letters real; math-verify does so only in some spellings."""
    names = {letter: sympy.Symbol(letter.name, real=True) for letter in parsed.free_symbols}
    return parsed.xreplace({letter: sympy.I if real.name == "i" else real for letter, real in names.items()})


def _equal_expressions(first: sympy.Expr, second: sympy.Expr) -> bool:
    if first == second:
        return first not in (sympy.nan, sympy.zoo)
    first, second = first.doit(), second.doit()
    if first.is_infinite or second.is_infinite:
        return first == second
    if first.is_Rational and second.is_Rational:
        return first == second
    if not first.free_symbols | second.free_symbols:
        values = [sympy.N(value, PRECISION) for value in (first, second)]
        size = max(abs(value) for value in values)
        if not size.is_comparable:
            return False
        if abs(values[0] - values[1]) > size * sympy.Float(10) ** (-PRECISION // 2):
            return False
    return sympy.simplify(first - second) == 0


def _is_rounded(text: str, value: sympy.Expr) -> bool:
    """Whether a text is the decimal that a value with no decimal of its own is rounded to, to enough digits."""
    match = re.fullmatch(r"-?\d*\.(\d+)", text.replace(" ", ""))
    if not match or value.free_symbols or not value.is_real:
        return False
    if value.is_Rational and not set(sympy.primefactors(value.q)) - {2, 5}:
        return False
    digits = text.replace(".", "").lstrip("-0 ")
    error = abs(sympy.Rational(text.replace(" ", "")) - sympy.N(value, PRECISION))
    rounded = error <= sympy.Rational(1, 2 * 10 ** len(match[1])) and error <= LARGEST_ROUNDING
    return len(digits) >= FEWEST_DIGITS and bool(rounded)
