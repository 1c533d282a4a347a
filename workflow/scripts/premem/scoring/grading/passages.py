r"""Where a text may state its final answer: after ``####``, in a box, in a formula, after a phrase."""

import re

_MARKER = "####"
_BOX = re.compile(r"\\(?:boxed|fbox)(?![A-Za-z])\s*")
_BRACE = re.compile(r"\\.|[{}]", re.DOTALL)  # an escaped brace is part of the answer: \{1, 2\}
_UNBRACED = re.compile(r"([^\n$]*?)(?:\$|\\[)\]])|(\S+)")
FORMULA = re.compile(r"(?<!\\)\$((?:\\.|[^$\\])+)\$", re.DOTALL)
_PHRASE = re.compile(r"\banswer(?:\s+is\b|\s*:)\s*:?", re.IGNORECASE)
_SENTENCE_END = re.compile(r"\.(?:\s|$)|\n")


def first_sentence(text: str) -> str:
    """Return a text up to the first full stop before a blank."""
    return _SENTENCE_END.split(text, maxsplit=1)[0]


def read_after_marker(text: str) -> str | None:
    """Return the rest of the line after the last ``####``, None if there is no marker."""
    _, marker, rest = text.rpartition(_MARKER)
    return rest.partition("\n")[0].strip() if marker else None


def read_box(text: str) -> str | None:
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


def read_after(phrase: str, text: str) -> str | None:
    """Return what follows the last ``phrase``: the formula it begins with, else the rest of the sentence or line."""
    _, *parts = re.split(phrase, text, flags=re.IGNORECASE)
    if not parts:
        return None
    rest = parts[-1].lstrip(" :*")
    formula = FORMULA.match(rest)
    answer = formula[1] if formula else _SENTENCE_END.split(rest, maxsplit=1)[0]
    return answer.strip(" *$.:") or None


def read_statement(text: str) -> str | None:
    r"""Return the answer that a text states as one: after ``####``, in a box, or after "answer is" or "answer:".

    After a phrase, it is the rest of the line, or the next line if nothing else stands there. A full stop at its end
    and marks of emphasis around it are left out, and nothing else: ``.5`` and ``Dr. Smith`` stay whole.
    """
    if stated := read_after_marker(text) or read_box(text):
        return stated
    _, *parts = _PHRASE.split(text)
    if not parts or not (rest := parts[-1].strip()):
        return None
    line = rest.splitlines()[0].strip(" *_`")
    formula = FORMULA.fullmatch(line.removesuffix("."))
    return (formula[1] if formula else line.removesuffix(".")).strip(" *_`") or None


def read_stated(text: str) -> str | None:
    """Return what ``read_statement`` does; a text of a single line that states nothing is the answer itself."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return read_statement(text) or (lines[0] if len(lines) == 1 else None)


def read_stated_or_last_line(text: str) -> str | None:
    """Return what ``read_stated`` does, and otherwise the last line."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return read_stated(text) or (lines[-1] if lines else None)
