r"""Numbers as people write them, read exactly: ``$29.00``, ``1,000``, ``-2½``, ``70K``, ``2 million``, ``3×10^5``.

What touches a number counts. A sign, a fraction or a magnitude is read; what is not understood (``5²``, ``5x3``,
``5:30``, ``3,5``) makes the number unreadable, so that no part of it is taken for the whole.
"""

import re
import unicodedata
from dataclasses import dataclass
from fractions import Fraction
from functools import cache
from itertools import pairwise

LONGEST_EXPONENT = 5  # characters, as in e-999; the exact value of 1e999999999 would fill the memory

# --- one spelling for each sign -------------------------------------------------------------------------------------

_DASHES = "‐‑‒–—―−˗﹘﹣➖"
_TIMES = "×⋅·∙•✕✖⨯"
_SUPERSCRIPTS = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹⁻⁺", "0123456789-+")
_VULGAR = re.compile(r"(?:(?<=\d) ?|(?<!\d))([¼½¾⅐-⅞↉])(?=(\w?))")
_POWER_OF_TEN = re.compile(r"10([⁻⁺]?[⁰¹²³⁴⁵⁶⁷⁸⁹]+)")
# Thousands in groups: 70 000, 70_000, 70'000. Commas are looked at later, since they also do other things.
_GROUPS = re.compile(
    r"(?<![\w.,/'])(?<!\d )\d{1,3}(?:(?: \d{3})++|(?:_\d{3})++|(?:'\d{3})++)(?!\d|[_',/]\d| ?/ ?\d| \d(?!\d?/\d))"
)
_LATEX = [
    (re.compile(pattern), replacement)
    for pattern, replacement in (
        (r"\\(?:text|textbf|textit|mathrm|mathbf|mbox|boxed|fbox|bf|rm)\s*\{([^{}]*)\}", r"\1"),
        (r"(\d?) ?\\[dtc]?frac\s*(?:\{\s*(\d+)\s*\}|(\d))\s*(?:\{\s*(\d+)\s*\}|(\d))", "fraction"),
        (r"\\(?:[,;: ]|quad|qquad|left|right|displaystyle|[()\[\]])|~|\\\\", " "),
        (r"\\!", ""),
        (r"\{,\}", ","),
        (r"\\([$%#&_])", r"\1"),
        (r"\s*\^\s*(?:\\circ|\{\s*\\circ\s*\})|\\(?:degree|textdegree)\b", "°"),
        (r"\\(?:times|cdot)(?![a-z])", "×"),
        (r"\\div(?![a-z])", "÷"),
        (r"\\pi(?![a-z])", "π"),
        (r"\\sqrt(?![a-z])", "√"),
        (r"\\pm(?![a-z])", "±"),
        (r"\\(?:lt|leq?|gt|geq?|neq?)(?![a-z])", "≠"),
        (r"\\(?:approx|sim|simeq)(?![a-z])", "≈"),
    )
]
_TIDY = [
    (re.compile(pattern), replacement)
    for pattern, replacement in (
        (r"(?<=[\d)]) ?\*{1,2} ?(?=[\d(])", "×"),
        (r"[*`]+|</?[A-Za-z]+ ?/?>", ""),  # Markdown, HTML
        (r"(?<=[A-Za-z]) ?\^ ?(?:([23])|\{([23])\})(?!\d)", "²"),  # a unit: m^2
        (r"(?<=\d) ?[×xX] ?10 ?\^ ?(?:\{ ?([-+]?\d+) ?\}|([-+]?\d+))", r"e\1\2"),
        (r"(?<![\w.,^×])10 ?\^ ?(?:\{ ?([-+]?\d+) ?\}|([-+]?\d+))", r"1e\1\2"),
        (r"\b(USD|EUR|GBP|INR|JPY|CNY|RMB|CAD|AUD|PKR|Rs|rs|RS)(?=\d)", r"\1 "),
    )
]


@cache
def _plain(character: str) -> str:
    """Return how a character outside ASCII is written here."""
    if character in _DASHES:
        return "-"
    if character in _TIMES:
        return "×"
    if character in "⁄∕":
        return "/"
    if character in "’‘ʼ＇":
        return "'"
    category = unicodedata.category(character)
    if category == "Nd":
        return str(unicodedata.decimal(character))
    if category == "Zs":
        return " "
    if category == "Cf":  # marks without a width
        return ""
    if "\uff01" <= character <= "\uff5e" or "\ufe50" <= character <= "\ufe6b":  # full-width and small forms
        return unicodedata.normalize("NFKC", character)
    return character


def _normalise(line: str) -> str:
    """Write a line with one spelling for each sign, space, fraction and power of ten."""
    if not line.isascii():
        line = _VULGAR.sub(_plain_fraction, line)
        line = _POWER_OF_TEN.sub(lambda m: "10^" + m[1].translate(_SUPERSCRIPTS), line)
        line = "".join(character if character.isascii() else _plain(character) for character in line)
    if "\\" in line or "~" in line or "{,}" in line:
        for pattern, replacement in _LATEX:
            line = pattern.sub(_latex_fraction if replacement == "fraction" else replacement, line)
    line = " ".join(line.split())
    for pattern, replacement in _TIDY:
        line = pattern.sub(replacement, line)
    return _GROUPS.sub(lambda m: re.sub(r"\D", "", m[0]), line)


def _plain_fraction(match: re.Match[str]) -> str:
    plain = unicodedata.normalize("NFKC", match[1]).replace("⁄", "/")
    is_mixed = match.start() > 0 and match.string[match.start() - 1].isdecimal()
    return f"{' ' if is_mixed else ''}{plain}{' ' if match[2] else ''}"


def _latex_fraction(match: re.Match[str]) -> str:
    return f"{match[1]} {match[2] or match[3]}/{match[4] or match[5]} "


# --- finding and reading --------------------------------------------------------------------------------------------

# Digits, commas and points are taken all together, so that 1,2,3 is one bad number and not the three numbers 1, 2, 3.
# A digit in a word (x2, m2) is no number.
_CURRENCIES = "$€£¥₹₽₩₺₦₫₱฿₴₪₡¢"
_NUMBER = re.compile(
    rf"""(?P<sign>(?:[-+][ ]?)?(?:[{_CURRENCIES}][ ]?(?:[-+][ ]?)?)?)
    (?P<number>(?:(?<![\w.])\.\d|(?<!\w)\d)[\d,.]*)
    (?:(?P<exponent>[eE][-+]?\d+)|[ ]?/[ ]?(?P<denominator>\d[\d,.]*)|(?:[ ]and)?[ ](?P<fraction>\d+[ ]?/[ ]?\d+))?""",
    re.VERBOSE,
)
_GROUPED = re.compile(r"\d{1,3}(,\d{3})+(\.\d*)?")

# What multiplies a number, or adds to it.
_MAGNITUDES = {
    "dozen": 12,
    "hundred": 10**2,
    "百": 10**2,
    "thousand": 10**3,
    "grand": 10**3,
    "k": 10**3,
    "千": 10**3,
    "万": 10**4,
    "萬": 10**4,
    "lakh": 10**5,
    "million": 10**6,
    "mn": 10**6,
    "m": 10**6,
    "mm": 10**6,
    "crore": 10**7,
    "亿": 10**8,
    "億": 10**8,
    "billion": 10**9,
    "bn": 10**9,
    "b": 10**9,
    "trillion": 10**12,
    "t": 10**12,
}
_MAGNITUDE = re.compile(
    r"[ -]?(?:((?i:dozen|hundred|thousand|grand|lakh|million|crore|billion|trillion|k|mn|bn)|[MB])s?(?![\w&'])"
    r"|([百千万萬亿億]))"
)
_MAGNITUDE_OF_MONEY = re.compile(r"[ ]?([mM]|MM|[bB]|[tT])(?!\w)")  # $5m is five million, 5m are five metres
_AND_A_FRACTION = re.compile(
    r"[ -](?:and|&)[ -](?:(?:an?|one)[ -])?(?:(half)|(quarter)|(three[ -]quarters))\b", re.IGNORECASE
)
_PARTS = (Fraction(1, 2), Fraction(1, 4), Fraction(3, 4))

# What may not stand before a number, after a blank or not.
_BINDING = "^√∛∜±∓\\@&"
_OPERATORS = "×÷/+<>≤≥≠"
_WORD_BEFORE = re.compile(
    r"\b(?:not|twice|thrice|(?:half|double|triple)(?: of)?|(?:square|root|cube|power|factorial|log) of|sqrt)[ ([{]*$",
    re.IGNORECASE,
)
_WORD_SIGN = re.compile(r"\b(negative|minus) ?$", re.IGNORECASE)
_OPERAND = re.compile(r"[\w)\]}%°'\"!?]$")
_STATING = re.compile(r"\b(?:is|are|was|be|equals?|equal to|get|gives|answer|result)$", re.IGNORECASE)
# What may not stand after it.
_BAD_AFTER = re.compile(
    r"""[ ]?[\^²³¹⁰-₟ⁿ√∛π÷×≤≥±\\@&_+]
    |-(?![A-Za-z]{2})|[ ]-[ ]?(?:[A-Za-z](?!\w)|\(|$)
    |[:'][ ]?\d|[ ]?/[ ]?[\d(]|[.,]\d|[\u0304\u0305]|\(\d
    |[ ]?(?![mM][23](?!\w))[A-Za-z]\d  # x3, e3, but not m2
    |(?!(?:k|c|d|m)?m[23](?!\w)|(?:in|ft|yd)[23](?!\w))[^\W\d_]+\d  # letters and digits in one word: 5C2
    |[ ]?(?:[xyznXNi]|pi|sqrt)(?!\w)|[ ]?[xX][ ]\d
    |[ -]?(?i:half(?!-)|halves|thirds|fourths|(?:fif|six|seven|eigh|nin|ten|hundred|thousand|million)ths
      |squared|cubed|factorial
      |mil|mio|mrd|mille|tsd|milliards?|mill[io]one[ns]?|to[ ]the[ ](?:power|\w+[ ]power))(?!\w)
    |[ ](?:and|&)[ ](?:an?|one|two|three)[ -](?:half|third|quarter|fourth|fifth|sixth|eighth)
    |\D*\b(?:below|under)[ ]zero""",
    re.VERBOSE,
)


@dataclass(frozen=True)
class _Numeral:
    """A number in a line: where it stands, with its sign and magnitude, and its value; None if it is unreadable."""

    start: int
    end: int
    value: Fraction | None


def _find_numerals(line: str, strict: bool) -> list[_Numeral]:
    """Return the numbers of a normalised line.

    Where not strict, the line may be from any text: a number may be an operand (the 3 of 10 - 3) or an item of a list
    (- 3 apples), and an exclamation mark ends a sentence.
    """
    numerals: list[_Numeral] = []
    position = 0
    while match := _NUMBER.search(line, position):
        numerals.append(_read(match, line, strict))
        position = numerals[-1].end
    return numerals


def _read(match: re.Match[str], line: str, strict: bool) -> _Numeral:
    text = match.group().rstrip(".,")
    end = match.start() + len(text)
    endless = "." in text and (match.group().endswith("..") or line.startswith("…", end))  # 3.33...
    start, sign = _read_sign(match, line, strict)
    value = _evaluate(match)
    added, factor, end = _read_magnitude(line, end, has_currency=any(sign in _CURRENCIES for sign in match["sign"]))
    exclaimed = line.startswith("!", end) and (strict or line[end + 1 : end + 2].isalnum())
    absolute = sign == -1 and line[:start].endswith("|") and line.startswith("|", end)
    command = "\\" in (line if strict else line[line.rfind(" ", 0, start) + 1 : end])
    if sign is None or value is None or endless or exclaimed or absolute or command or _BAD_AFTER.match(line, end):
        return _Numeral(start, end, None)
    return _Numeral(start, end, sign * (value + added) * factor)


def _read_sign(match: re.Match[str], line: str, strict: bool) -> tuple[int, int | None]:
    """Return where a number starts, and 1 or -1; None if what stands before it is not understood."""
    start = match.start()
    signs = [character for character in match["sign"] if character in "+-"]
    sign = -1 if "-" in signs else 1
    before = line[max(0, start - 40) : start]
    if not signs and (word := _WORD_SIGN.search(before)):
        is_operator = word[1].lower() == "minus" and _is_operand(before[: word.start()].rstrip())
        if is_operator:
            return start, None if strict else 1
        signs, sign, start = ["-"], -1, start - len(word[0])
        before = before[: word.start()]
    bare = before.rstrip(" ")
    if match["sign"][:1] in ("+", "-"):
        spaced = match["sign"][1:2] == " "
        after_sign = start + len(match["sign"]) - len(match["sign"].lstrip("+- "))
        if not bare:
            if spaced and not strict:  # an item of a list
                return after_sign, 1
        elif _OPERAND.search(bare):
            is_sign = (bare != before and not spaced) or _STATING.search(bare)
            if not is_sign:
                is_mixed = bare[-1].isdigit() and match["denominator"]  # 2-1/2
                return after_sign, None if strict or is_mixed else 1
        if sign == 1 and spaced:
            start = after_sign
    opened = bare.rstrip("([{ ")
    clock = re.search(r"\d[:']$", before) and len(match["number"].rstrip(".,")) < 3
    if (
        len(signs) > 1
        or (bare.endswith(("+", "-")) and bool(signs))
        or opened.endswith(tuple(_BINDING))
        or clock
        or _WORD_BEFORE.search(before)
        or (strict and bare.endswith(tuple(_OPERATORS)))
    ):
        return start, None
    return start, sign


def _is_operand(text: str) -> bool:
    return bool(_OPERAND.search(text)) and not _STATING.search(text)


def _read_magnitude(line: str, end: int, has_currency: bool) -> tuple[Fraction, int, int]:
    """Return what the words after a number add and by how much they multiply, and where they end."""
    added, factor = Fraction(0), 1
    if match := _AND_A_FRACTION.match(line, end):
        added, end = _PARTS[match.lastindex - 1 if match.lastindex else 0], match.end()
    if has_currency and (match := _MAGNITUDE_OF_MONEY.match(line, end)):
        return added, _MAGNITUDES[match[1].lower()], match.end()
    while match := _MAGNITUDE.match(line, end):
        factor, end = factor * _MAGNITUDES[(match[1] or match[2]).lower()], match.end()
    return added, factor, end


def _evaluate(match: re.Match[str]) -> Fraction | None:
    """Return the exact value of digits, without sign and magnitude; None if they have none: ``1,2,3``, ``3/0``."""
    if len(match["exponent"] or "") > LONGEST_EXPONENT:
        return None
    try:
        value = Fraction(_ungroup(match["number"].rstrip(".,")) + (match["exponent"] or ""))
        value /= Fraction(_ungroup((match["denominator"] or "1").rstrip(".,")))
        return value + Fraction((match["fraction"] or "0").replace(" ", ""))
    except (ValueError, ZeroDivisionError):  # misplaced commas and points, or more digits than Python reads
        return None


def _ungroup(digits: str) -> str:
    """Remove commas where they group thousands, and only there."""
    return digits.replace(",", "") if _GROUPED.fullmatch(digits) else digits


def _read_only_numeral(line: str) -> tuple[str, Fraction | None]:
    """Return the number that a line states, as it is written there, and its value.

    The line may repeat it, at once or after an equals sign. With several different numbers, which is meant would be a
    guess: then, and if it is unreadable, return the line and None; with no number, return "" and None.
    """
    normalised = _normalise(line)
    numerals = _find_numerals(normalised, strict=True)
    if not numerals:
        return "", None
    first = numerals[0]
    gaps = [normalised[a.end : b.start] for a, b in pairwise(numerals)]
    repeated = all("=" in gap or not gap.strip(" .,;") for gap in gaps)
    if first.value is None or any(n.value != first.value for n in numerals) or not repeated:
        return line.strip(), None
    return normalised[first.start : first.end], first.value


def read_only_number(line: str) -> str | None:
    """Return the number in a line, as it is written there; the line if it cannot be read; None without a number."""
    return _read_only_numeral(line)[0] or None


def read_number(answer: str) -> Fraction | None:
    """Return the exact value of an answer that is one number (``1,000``, ``$29.00``, ``3/4``, ``2 million``), else
    None."""
    return _read_only_numeral(answer)[1]


def read_last_number(text: str) -> str | None:
    """Return the last number of a text, as it is written there; its line if it cannot be read; None without a
    number."""
    for line in reversed(text.splitlines()):
        normalised = _normalise(line)
        if numerals := _find_numerals(normalised, strict=False):
            last = numerals[-1]
            return line.strip() if last.value is None else normalised[last.start : last.end]
    return None
