r"""Whether two expressions of MATH are the same answer: choices, lists, equations, words, brackets, matrices, values.

What has parts is compared part by part, down to values, which ``values`` compares exactly. It runs in a process that
is ended at a time limit.
"""

import re

from premem.scoring.grading.latex import brackets, normalise, split, unwrap
from premem.scoring.grading.values import are_proportional, have_same_value, is_product, verify

_SEPARATORS = {",", ";"}
_EQUALS = {"=", r"\equiv"}
_FLIPPED = {"<": ">", ">": "<", r"\leq": r"\geq", r"\geq": r"\leq", r"\neq": r"\neq", "=": "=", r"\equiv": r"\equiv"}
_RELATIONS = set(_FLIPPED) | {r"\in"}
_MATRIX = re.compile(
    r"\\begin\{(?:[pbB]?matrix|smallmatrix|array)\}(?:\{[lcr|]*\})?(.*)\\end\{(?:[pbB]?matrix|smallmatrix|array)\}"
)
# Words behind a number that are no unit: times of day, months.
_MONTHS = (
    "jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?|(?:sept?|oct|nov|dec)(?:(?:em|o)ber)?"
)
_NO_UNIT = rf"(?![ ]*(?i:[ap][. ]*m|[ap]|bc|b\.c|ad|a\.d|{_MONTHS})[. ]*(?:\}}|$|[ ]\d))"
_POWER = r"(?:\^(?:\{-?\d\}|\d))?"
_SHORT = r"(?:cm|mm|km|kg|mg|ml|mL|ft|in|yd|mi|lbs?|oz|hrs?|mph|sq|cu|cents?)"
# A unit: text behind a number or an expression, with its power.
_UNIT = re.compile(
    rf"""(?:[ ]*(?:/|\\cdot)?[ ]*\\text\{{{_NO_UNIT}[^{{}}]*\}}{_POWER})+$
    |[ ]*\\frac\{{\\text\{{[^{{}}]*\}}{_POWER}\}}\{{\\text\{{[^{{}}]*\}}{_POWER}\}}$
    |[ ]*\^\\circ[ ]*(?:[CFK]|\\text\{{[ ]*[CFK][ ]*\}})?[ ]*$
    |(?:(?<=[\d}}])[ ]*|(?<=[\w)])[ ]+){_SHORT}{_POWER}$
    |(?<=[\d}}])[ ]+{_NO_UNIT}(?:[mghsL]|(?:[A-Za-z]{{2,}}[ .]*)+){_POWER}(?:[ ]?/[ ]?(?:[A-Za-z]+[ .]*)+{_POWER})*$""",
    re.VERBOSE,
)
_FUNCTIONS = set(
    "sin cos tan cot sec csc sinh cosh tanh arcsin arccos arctan log ln exp lim max min gcd lcm det mod and or".split()
)
_WORD = re.compile(r"(?<![\\A-Za-z\d_])[A-Za-z]{2,}")
_TEXT = re.compile(r"\\text\s*\{([^{}]*)\}")
_CHOICE = re.compile(
    r"(?:(?i:option|choice|answer)\s*)?(?:\(([A-Za-z])\)(?![-+*/^=_])|([A-Z])(?=\s*[).:]|$)\s*\)?)\s*[.:]?\s*(.*)"
)


def are_equivalent(answer: str, extracted: str) -> bool:
    """Return whether an extracted expression is the same answer as the reference answer, both as they were written."""
    gold, found = normalise(answer), normalise(extracted)
    if choice := _CHOICE.fullmatch(_untext(gold)):
        is_sure = bool(choice[1]) or r"\text" in gold
        decided = _compare_choices(choice, _untext(found), is_sure)
        if decided is not None:
            return decided
    return _are_same(gold, found)


def _compare_choices(gold: re.Match[str], text: str, is_sure: bool) -> bool | None:
    """Compare a letter such as (C), with or without the text of the option; None if it may be a variable instead."""
    found = _CHOICE.fullmatch(text) or (re.fullmatch(r"()([a-z])()", text) if is_sure else None)
    if not found:
        return have_same_text(gold[3], text) or _are_same(gold[3], text) if gold[3] else None
    if not (is_sure or found[1] or gold[1]) and not gold[3] and not found[3]:
        return None
    if (gold[1] or gold[2]).upper() != (found[1] or found[2]).upper():
        return False
    return not (gold[3] and found[3]) or _are_same(normalise(gold[3]), normalise(found[3]))


def _untext(text: str) -> str:
    return " ".join(_TEXT.sub(r"\1", text).split())


def _are_same(gold: str, found: str) -> bool:
    """Compare two normalised expressions, or parts of them."""
    gold, found = _ungroup(unwrap(gold)), _ungroup(unwrap(found))
    if not gold or not found:
        return False
    if gold.replace(" ", "") == found.replace(" ", ""):
        return True
    for compare in (_compare_grouped, _compare_lists, _compare_relations):
        if (decided := compare(gold, found)) is not None:
            return decided
    gold, found = _without_unit(gold), _without_unit(found)
    for compare in (_compare_text, _compare_brackets):
        if (decided := compare(gold, found)) is not None:
            return decided
    return have_same_value(gold, found)


# Each returns None where the two are not of its kind.


_GROUPED = re.compile(r"(?<![\w.,])\d{1,3}(?:,\d{3})+(?!\d|,\d)")


def _ungroup(text: str) -> str:
    """Remove commas that group thousands, where they cannot separate items."""
    is_ambiguous = _GROUPED.fullmatch(text) or re.search(r"[(\[]|\\\{|\\begin", text)
    plain = _GROUPED.sub(lambda match: match[0].replace(",", ""), text)
    return text if is_ambiguous or re.search(r",(?! )", plain) else plain


def _compare_grouped(gold: str, found: str) -> bool | None:
    """100,200 may be a number or a list."""
    plain = [text.replace(",", "") if _GROUPED.fullmatch(text) else text for text in (gold, found)]
    return True if plain != [gold, found] and have_same_value(*map(_without_unit, plain)) else None


def _items(text: str) -> list[str]:
    r"""Return the items of a list: 1, 2 and 3; 2 \pm \sqrt{3} are two."""
    text = re.sub(r"(?<=[^A-Za-z\s]) *,? (?:and|or) (?=[^A-Za-z\s]|[A-Za-z](?![A-Za-z]))", ", ", text)
    items = [item for item in split(text, _SEPARATORS)[0] if item]
    return [value for item in items for value in _both_signs(item)]


def _both_signs(text: str) -> list[str]:
    parts, _ = split(text, {r"\pm"})
    if len(parts) != 2:
        return [text]
    name, _, before = parts[0].rpartition("=")
    name = f"{name}=" if name else ""
    return [f"{name}{before} {sign} {parts[1]}" for sign in "+-"]


def _compare_lists(gold: str, found: str) -> bool | None:
    """Lists without brackets, and sets, have no order."""
    of_both = [_items(text) for text in (gold, found)]
    if all(len(items) < 2 for items in of_both):
        return None
    if any(re.fullmatch(r"0\d+", item) for items in of_both for item in items):
        return False  # misplaced commas: 1,000,00
    if any(len(items) < 2 for items in of_both):  # only one has no brackets
        if any(len(items) < 2 and r"\text" in "".join(items) for items in of_both):
            return None
        bare, other = sorted(of_both, key=len, reverse=True)
        inside = brackets(unwrap(other[0])) if other else None
        if not inside:
            return False
        items = _items(inside[1])
        return (
            _match(bare, items) if inside[0] == r"\{" else inside[0] == "(" and inside[2] == ")" and _pair(bare, items)
        )
    return _match(*of_both)


def _pair(gold: list[str], found: list[str]) -> bool:
    return len(gold) == len(found) and all(map(_are_same, gold, found))


def _match(gold: list[str], found: list[str]) -> bool:
    """Whether each item has an equal one of its own, in any order."""
    left = list(found)
    for item in gold:
        same = next((other for other in left if _are_same(item, other)), None)
        if same is None:
            return False
        left.remove(same)
    return not left


def _compare_relations(gold: str, found: str) -> bool | None:
    """Equations and inequalities are compared side by side. A value stands for ``name = value``."""
    (gold_sides, gold_signs), (found_sides, found_signs) = split(gold, _RELATIONS), split(found, _RELATIONS)
    if not gold_signs and not found_signs:
        return None
    if gold_signs == found_signs and _pair(gold_sides, found_sides):
        return True
    if gold_signs == [_FLIPPED.get(sign) for sign in reversed(found_signs)] and _pair(gold_sides, found_sides[::-1]):
        return True
    if not set(gold_signs + found_signs) <= _EQUALS | {r"\in"}:
        # An interval may stand for an inequality, and the other way round, but (1, 2) may also be a point.
        return verify(gold, found) or (bool(re.search(r"[\[\]]|\\infty", gold)) and verify(found, gold))
    if gold_signs and found_signs:
        if _is_name(gold_sides[0]) and _are_same(gold_sides[0], found_sides[0]):  # x = 2 + 3 = 5
            return _are_same(gold_sides[-1], found_sides[-1])
        return len(gold_sides) == len(found_sides) == 2 and are_proportional(gold_sides, found_sides)
    if gold_signs:
        return _is_name(gold_sides[0]) and _are_same(gold_sides[-1], found)
    return _are_same(gold, found_sides[-1])


def _is_name(side: str) -> bool:
    r"""Whether a side names a value: x, x_1, f(2), \text{Area}, \angle ABC; x + y and 2x do not."""
    return (
        not re.match(r"[\d(.-]", side) and not split(side, {"+", "-", "/", "*", "^", r"\frac", r"\cdot", r"\times"})[1]
    )


def _without_unit(text: str) -> str:
    """Drop the unit behind a value. Words that are no unit stay: ``5 p.m.``, and texts without a value before them."""
    bare = _UNIT.sub("", text).strip()
    return text if not bare or r"\text" in bare or _WORD.search(bare) or bare[-1] in "+-*/=,(" else bare


def _compare_text(gold: str, found: str) -> bool | None:
    """Words are compared letter by letter, in either case; BAD is not DAB."""
    if not _is_text(gold) and not _is_text(found):
        return None
    if have_same_text(gold, found):
        return True
    words = [
        [word for word in re.split(r",|;|\b(?:and|or)\b", _untext(text)) if word.strip()] for text in (gold, found)
    ]
    return sorted(map(_letters, words[0])) == sorted(map(_letters, words[1]))


def _is_text(text: str) -> bool:
    bare = _untext(text)
    words = [word for word in _WORD.findall(bare) if word.lower() not in _FUNCTIONS]
    if r"\text" in text and re.search(r"\\text\{[^{}]*[A-Za-z][^{}]*\}", text):
        return True
    return any(not is_product(word) for word in words) and not re.search(r"\\|[=<>+*/^_]", bare)


def have_same_text(gold: str, found: str) -> bool:
    """Whether two texts have the same letters, digits and signs."""
    return bool(_letters(gold)) and _letters(gold) == _letters(found)


def _letters(text: str) -> str:
    return re.sub(r"[\s{}.,;:!?'\"$]", "", _untext(text)).lower()


def _compare_brackets(gold: str, found: str) -> bool | None:
    """Tuples and intervals by their brackets and, in order, their items; sets in any order; matrices by entry."""
    matrices = [_MATRIX.fullmatch(_inside_parentheses(text)) for text in (gold, found)]
    if all(matrices):
        rows = [[split(row, {"&"})[0] for row in _rows(match[1])] for match in matrices if match]
        return len(rows[0]) == len(rows[1]) and all(map(_pair, *rows))
    unions = [split(text, {r"\cup"})[0] for text in (gold, found)]
    if any(len(parts) > 1 for parts in unions):
        return _match(*unions) or verify(gold, found)
    both = [brackets(text) for text in (gold, found)]
    if any(inside and r"\mid" in inside[1] for inside in both) or any(r"\mathbb" in text for text in (gold, found)):
        return verify(gold, found)
    items = [_items(inside[1]) if inside else [text] for inside, text in zip(both, (gold, found), strict=True)]
    first, second = both
    if first and second and len(items[0]) > 1 and len(items[1]) > 1:
        same = (first[0], first[2]) == (second[0], second[2])
        return same and (_match if first[0] == r"\{" else _pair)(*items)
    if first and second and first[0] == second[0] == r"\{":
        return _match(*items)
    if any(len(of_one) > 1 for of_one in items):
        return False
    # Brackets around one value: (5) and \{5\}.
    kinds = [inside[0] if inside and inside[0] in ("(", r"\{") else "" for inside in both]
    if not any(kinds):
        return None
    return _are_same(
        *(of_one[0] if kind else text for of_one, kind, text in zip(items, kinds, (gold, found), strict=True))
    )


def _inside_parentheses(text: str) -> str:
    inside = brackets(text)
    return inside[1] if inside and inside[0] in ("(", "[") else text


def _rows(body: str) -> list[str]:
    return [row.strip() for row in re.split(r"\\\\(?:\s*\[[^\]]*\])?", body) if row.strip()]
