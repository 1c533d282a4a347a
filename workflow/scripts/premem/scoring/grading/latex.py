r"""One spelling for expressions: valid LaTeX and Unicode are normalised before anything is parsed or compared.

``\dfrac\pi2``, ``π/2`` and ``\frac{\pi}{2}`` are then written alike, or in ways that the parser knows.
"""

import re
import unicodedata
from collections.abc import Callable, Iterator
from functools import cache

_UNICODE = {
    **dict.fromkeys("−–—‒‐‑―﹣➖", "-"),
    **dict.fromkeys("×✕✖⨯", r"\times "),
    **dict.fromkeys("·⋅∙•", r"\cdot "),
    **dict.fromkeys("⁄∕", "/"),
    **dict.fromkeys("≤⩽≦", r"\leq "),
    **dict.fromkeys("≥⩾≧", r"\geq "),
    **dict.fromkeys("°º˚", r"^\circ "),
    **dict.fromkeys("∅⌀Ø", r"\emptyset "),
    **dict.fromkeys("’‘′ʹ", "'"),
    **dict.fromkeys("⟨〈", r"\langle "),
    **dict.fromkeys("⟩〉", r"\rangle "),
    **dict.fromkeys("€£¥₹¢", ""),
    "÷": r"\div ",
    "≠": r"\neq ",
    "±": r"\pm ",
    "∓": r"\mp ",
    "∞": r"\infty ",
    "∪": r"\cup ",
    "∩": r"\cap ",
    "∈": r"\in ",
    "∖": r"\setminus ",
    "ℝ": r"\mathbb{R}",
    "ℤ": r"\mathbb{Z}",
    "ℕ": r"\mathbb{N}",
    "ℚ": r"\mathbb{Q}",
    "ℂ": r"\mathbb{C}",
    "≈": r"\approx ",
    "≡": r"\equiv ",
    "∠": r"\angle ",
    "△": r"\triangle ",
    "⌊": r"\lfloor ",
    "⌋": r"\rfloor ",
    "⌈": r"\lceil ",
    "⌉": r"\rceil ",
    "…": r"\ldots ",
    "″": "''",
    "∛": r"\sqrt[3]√",
    "∜": r"\sqrt[4]√",
    "√": "√",
    "ϕ": r"\phi ",
    "ϵ": r"\epsilon ",
    "ϑ": r"\theta ",
}
_SUPERSCRIPTS = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹⁻⁺ⁿⁱ⁽⁾", "0123456789-+ni()")
_SUBSCRIPTS = str.maketrans("₀₁₂₃₄₅₆₇₈₉₋₊ₙₓ₍₎", "0123456789-+nx()")
_SUPERSCRIPT = re.compile("[⁰¹²³⁴⁵⁶⁷⁸⁹⁻⁺ⁿⁱ⁽⁾]+")
_SUBSCRIPT = re.compile("[₀₁₂₃₄₅₆₇₈₉₋₊ₙₓ₍₎]+")
_VULGAR = re.compile("[¼½¾⅐-⅞↉]")
_GREEK = set(
    "alpha beta gamma delta epsilon zeta eta theta iota kappa lamda mu nu xi pi rho sigma tau upsilon phi chi psi "
    "omega".split()
)

_WORD_MAGNITUDES = {
    "dozen": "12",
    **{word: f"10^{{{zeros}}}" for word, zeros in (("hundred", 2), ("thousand", 3), ("million", 6), ("billion", 9))},
}
_WORD_BASES = {
    word: number
    for number, word in enumerate("two three four five six seven eight nine ten eleven twelve".split(), start=2)
} | {"sixteen": 16}

# Applied in this order.
_REWRITES: list[tuple[re.Pattern[str], str | Callable[[re.Match[str]], str]]] = [
    (re.compile(pattern), replacement)
    for pattern, replacement in (
        (r"(?<!\\)(?:\$|\\[()\[\]])|\\(?:boxed|fbox)(?=\{)", ""),
        (r"\\\$|\\(?:textdollar|pounds|euro)(?![a-zA-Z])", ""),
        (r"\\(?:displaystyle|textstyle|limits|nolimits)(?![a-zA-Z])", ""),
        (r"\\(?:left|right|middle|[bB]igg?[lrm]?)(?![a-zA-Z])\s*\.?", ""),
        (r"\\!|\\(?:negthinspace|hfill|phantom\{[^{}]*\})(?![a-zA-Z])", ""),
        (
            r"\\hspace\*?\{[^{}]*\}|\\(?:quad|qquad|thinspace|enspace|medspace|space)(?![a-zA-Z])|(?<!\\)\\[,;:> ]|~",
            " ",
        ),
        (r"\{\s*,\s*\}", ","),
        (r"\\[dtc]frac(?![a-zA-Z])", r"\\frac"),
        (r"\\(?:varnothing|O)(?![a-zA-Z])|\\\{\s*\\\}", r"\\emptyset"),
        (r"\\lbrace(?![a-zA-Z])", r"\\{"),
        (r"\\rbrace(?![a-zA-Z])", r"\\}"),
        (r"\\(?:le|leqslant)(?![a-zA-Z])|<=|\\lt=", r"\\leq "),
        (r"\\(?:ge|geqslant)(?![a-zA-Z])|>=", r"\\geq "),
        (r"\\lt(?![a-zA-Z])", "<"),
        (r"\\gt(?![a-zA-Z])", ">"),
        (r"\\ne(?![a-zA-Z])|!=", r"\\neq "),
        (r"\\(?:dots|cdots|dotsc)(?![a-zA-Z])", r"\\ldots"),
        (r"\\(?:degree|textdegree)(?![a-zA-Z])|\^\s*\{\s*\\circ\s*\}", r"^\\circ "),
        (r"\\(?:imath|jmath)(?![a-zA-Z])", "i"),
        (r"\\percent(?![a-zA-Z])|(?<!\\)%", r"\\%"),
        (r"\*\*", "^"),
        (r"\\colon(?![a-zA-Z])", ":"),
        (r"^\s*(?:\\(?:approx|sim|simeq)(?![a-zA-Z])|≈)", ""),
        (r"\\(?:ast|star)(?![a-zA-Z])", "*"),
        # All kinds of upright text are \text, and single letters of mathematics are themselves.
        (
            r"\\(?:textbf|textit|textrm|textnormal|textsf|texttt|mbox|hbox|mathrm|mathsf|mathtt|mathit|mathbf|boldsymbol"
            r"|bm|operatorname\*?|emph|underline)\s*(?=\{)",
            r"\\text",
        ),
        (r"\{\s*\\(?:rm|bf|it|sf)\s+([^{}]*)\}", r"\\text{\1}"),
        (r"\\(?:mathrm|text)\s+?([A-Za-z])(?![A-Za-z])", r"\\text{\1}"),
        (r"\\text\s*\{\s*([ie]|[^A-Za-z{}\\]*)\s*\}", r" \1 "),
        (r"\\text\{\s*(arc(?:sin|cos|tan)|sin|cos|tan|cot|sec|csc|log|ln|exp|max|min|gcd|lcm|det)\s*\}", r"\\\1 "),
        (r"(?i)\\text\{\s*,?\s*(?:and|or)\s*\}", " , "),
        (r"(?i)\\text\{\s*(?:the )?empty set\s*\}", r"\\emptyset "),
        (r"\\text\{\s*([-+]?\d[\d.,/]*)\s+([A-Za-z][^{}]*)\}", r"\1 \\text{\2}"),
        # Words.
        (r"(?i)(?<![\\a-z])(?:infinity|inf)(?![a-z])|\\text\{\s*(?:infinity|inf)\s*\}", r"\\infty "),
        (r"(?<![\\A-Za-z])pi(?![A-Za-z])", r"\\pi "),
        (r"(?<![\\A-Za-z{])(arc(?:sin|cos|tan)|sin|cos|tan|cot|sec|csc|log|ln)(?= ?[\\(\d^_]| [a-z]\b)", r"\\\1 "),
        (r"(?<![\\A-Za-z])sqrt(?![A-Za-z])", "√"),
        (r"(?i)(?:\\text\{\s*|(?<=\d) ?)(?:degrees?|deg)\s*(?:\}|(?![A-Za-z}]))", r"^\\circ "),
        (r"(?i)(?:\\text\{\s*|(?<=\d) ?)(?:percent|pct|per cent)\s*(?:\}|(?![A-Za-z}]))", r"\\%"),
        (r"\\text\{\s*\\?%\s*\}", r"\\%"),
        (
            r"(?i)(?<=[\d}])\s*(?:\\text\{\s*)?(hundred|thousand|million|billion|dozen)(?![A-Za-z])\s*(\}?)",
            lambda m: rf"\times {_WORD_MAGNITUDES[m[1].lower()]}" + (r"\text{" if not m[2] and "{" in m[0] else ""),
        ),
        (
            r"(?i)(?<=[0-9A-Za-z])\s*(?:\\text\{|\b)\s*\(?\s*base[ -]*\}?\s*(\d+|[a-z]+)\s*\)?\s*\}?$",
            lambda m: f"_{{{m[1]}}}",
        ),
        (
            r"(?<=\d)_\{?\s*(?:\\text\{\s*)?([a-z]+)\s*\}*",
            lambda m: f"_{{{_WORD_BASES[m[1]]}}}" if m[1] in _WORD_BASES else m[0],
        ),
        # Numbers.
        (r"(?<![\w.,])\d{1,3}(?: +\d{3})+(?!\d|[,.]?\d| +\d)", lambda m: m[0].replace(" ", "")),
        (r"(?<![\w.,])\d{1,3}(?:_\d{3})+(?!\w)", lambda m: m[0].replace("_", "")),
        (r"(?<![\w.])(\d+(?:\.\d*)?|\.\d+)[eE]([-+]?\d{1,4})(?!\w)", r"\1\\times 10^{\2}"),
        (r"(?<![\w.}/^])(\d+) +(\d+) */ *(\d+)(?![\w.])", r"\1\\frac{\2}{\3}"),
    )
]


def normalise(text: str) -> str:
    """Return the expression in one spelling, with braces around all arguments."""
    for old, new in ((r"\$", ""), ("\n", " ")):
        text = text.replace(old, new)
    if not text.isascii():
        text = _VULGAR.sub(_latex_of_vulgar, text)
        text = _SUPERSCRIPT.sub(lambda m: f"^{{{m[0].translate(_SUPERSCRIPTS)}}}", text)
        text = _SUBSCRIPT.sub(lambda m: f"_{{{m[0].translate(_SUBSCRIPTS)}}}", text)
        text = "".join(character if character.isascii() else _latex_of(character) for character in text)
    for pattern, replacement in _REWRITES:
        text = pattern.sub(replacement, text)
    text = _brace_arguments(_brace_roots(_replace_over(text)))
    text = re.sub(r"(?<![\w.}/^\\])(\d{1,99}) *\\frac\{ *(\d{1,99}) *\}\{ *(\d{1,99}) *\}(?![\w^])", _improper, text)
    return unwrap(re.sub(r"(?<!\\)[.,;:]+$", "", " ".join(text.split())).strip())


def unwrap(text: str) -> str:
    """Remove braces around the whole."""
    while text.startswith("{") and _closing(text, 0) == len(text) - 1:
        text = text[1:-1].strip()
    return text


@cache
def _latex_of(character: str) -> str:
    """Return LaTeX for a character outside ASCII."""
    if character in _UNICODE:
        return _UNICODE[character]
    name, category = unicodedata.name(character, ""), unicodedata.category(character)
    if category == "Nd":
        return str(unicodedata.decimal(character))
    if category == "Zs":
        return " "
    if category == "Cf":  # marks without a width
        return ""
    if name.startswith("GREEK ") and (letter := name.split()[-1].lower()) in _GREEK:
        letter = letter.replace("lamda", "lambda")
        return f"\\{letter.title() if 'CAPITAL' in name else letter} "
    plain = unicodedata.normalize("NFKC", character)  # full-width and mathematical letters
    return plain if plain == character else "".join(c if c.isascii() else _latex_of(c) for c in plain)


def _latex_of_vulgar(match: re.Match[str]) -> str:
    numerator, _, denominator = unicodedata.normalize("NFKC", match[0]).partition("⁄")
    return rf"\frac{{{numerator}}}{{{denominator}}}"


def _improper(match: re.Match[str]) -> str:
    """Write a mixed number as one fraction; 3\\frac{5}{2} is none."""
    whole, numerator, denominator = (int(digits) for digits in match.groups())
    if not numerator < denominator:
        return match[0]
    return rf"\frac{{{whole * denominator + numerator}}}{{{denominator}}}"


def _replace_over(text: str) -> str:
    text = re.sub(r"\{([^{}]*?)\\over(?![a-zA-Z])([^{}]*)\}", r"\\frac{\1}{\2}", text)
    return re.sub(r"\{([^{}]*?)\\choose(?![a-zA-Z])([^{}]*)\}", r"\\binom{\1}{\2}", text)


def _brace_roots(text: str) -> str:
    """Write √12, √(x+1) and √{2} as the root of what stands in braces."""
    while (at := text.find("√")) >= 0:
        root = "" if text[:at].endswith("]") else r"\sqrt"
        rest = text[at + 1 :].lstrip()
        if rest.startswith("(") and (end := _closing(rest, 0)) > 0:
            rest = f"{{{rest[1:end]}}}{rest[end + 1 :]}"
        elif number := re.match(r"\d+(?:\.\d+)?", rest):
            rest = f"{{{number[0]}}}{rest[number.end() :]}"
        text = f"{text[:at]}{root}{rest if rest.startswith('{') else ' ' + rest}"
    return text


_ARGUMENTS = {"frac": 2, "sqrt": 1, "binom": 2, "overline": 1, "bar": 1, "hat": 1, "vec": 1}


def _brace_arguments(text: str) -> str:
    r"""Put braces around the arguments of commands: ``\frac\pi2``, ``\frac12``, ``\sqrt3``; as they are where there
    is no argument."""
    parts, position = [], 0
    for command in re.finditer(r"\\(frac|sqrt|binom|overline|bar|hat|vec)(?![a-zA-Z])", text):
        if command.start() < position:
            continue  # it was in an argument
        parts.append(text[position : command.start()])
        written, position = _command(text, command)
        parts.append(written)
    return "".join(parts) + text[position:]


def _command(text: str, command: re.Match[str]) -> tuple[str, int]:
    """Return a command with its arguments in braces, and where they end."""
    written, position = command[0], command.end()
    if option := re.compile(r"\s*(\[[^\[\]]*\])").match(text, position) if command[1] == "sqrt" else None:
        written, position = written + option[1], option.end()
    for _ in range(_ARGUMENTS[command[1]]):
        argument = re.compile(r"\s*(\\[a-zA-Z]+|\\?.)").match(text, position)
        if not argument:
            return text[command.start() :], len(text)
        start = argument.start(1)
        if argument[1] == "{":
            end = _closing(text, start)
            if end < 0:
                return text[command.start() :], len(text)
            inner, position = _brace_arguments(text[start + 1 : end]), end + 1
        elif nested := re.compile(r"\\(frac|sqrt|binom|overline|bar|hat|vec)(?![a-zA-Z])").match(text, start):
            inner, position = _command(text, nested)
        else:
            inner, position = argument[1], argument.end()
        written += f"{{{inner.strip()}}}"
    return written, position


_OPENING = {"(": 1, "[": 1, "{": 1, r"\{": 1, r"\langle": 1, r"\lfloor": 1, r"\lceil": 1, r"\begin": 1}
_CLOSING = {")": -1, "]": -1, "}": -1, r"\}": -1, r"\rangle": -1, r"\rfloor": -1, r"\rceil": -1, r"\end": -1}
_TOKEN = re.compile(r"\\[a-zA-Z]+|\\.|[^\\]", re.DOTALL)


def _tokens(text: str, start: int = 0) -> Iterator[tuple[str, int, int]]:
    """Yield each token with its position and the depth of brackets after it."""
    depth = 0
    for match in _TOKEN.finditer(text, start):
        depth += _OPENING.get(match[0], 0) + _CLOSING.get(match[0], 0)
        yield match[0], match.start(), depth


def _closing(text: str, start: int) -> int:
    """Return where the bracket that opens at ``start`` is closed, -1 if it is not."""
    return next((position for _, position, depth in _tokens(text, start) if depth == 0), -1)


def split(text: str, separators: set[str]) -> tuple[list[str], list[str]]:
    """Split outside all brackets; return the parts and the separators between them."""
    parts, found, last = [], [], 0
    for token, position, depth in _tokens(text):
        if depth == 0 and token in separators:
            parts.append(text[last:position].strip())
            found.append(token)
            last = position + len(token)
    return [*parts, text[last:].strip()], found


def brackets(text: str) -> tuple[str, str, str] | None:
    """Return the bracket that opens the text, what it holds, and the bracket that closes it, if that is the whole."""
    tokens = list(_tokens(text))
    if len(tokens) < 2 or _OPENING.get(tokens[0][0]) is None or _CLOSING.get(tokens[-1][0]) is None:
        return None
    if any(depth <= 0 for _, _, depth in tokens[:-1]):
        return None
    return tokens[0][0], text[len(tokens[0][0]) : tokens[-1][1]].strip(), tokens[-1][0]
