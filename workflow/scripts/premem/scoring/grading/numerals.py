"""Numbers as people write them: ``$29.00``, ``1,000``, ``3/4``. Values are exact."""

import re
from fractions import Fraction

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


def evaluate(number: str) -> Fraction | None:
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


def read_only_number(line: str) -> str | None:
    """Return the number in a line. With several different ones, which is meant would be a guess: return the line."""
    numbers = _find_numbers(line)
    if len({evaluate(number) for number in numbers}) > 1:
        return line.strip()
    return numbers[0] if numbers else None


def read_last_number(text: str) -> str | None:
    """Return the last number of a text, as it is written there."""
    numbers = _find_numbers(text)
    return numbers[-1] if numbers else None


def read_number(answer: str) -> Fraction | None:
    """Return the exact value of a final answer that is one number (``1,000``, ``$29.00``, ``3/4``), else None."""
    return evaluate(read_only_number(answer) or "")
