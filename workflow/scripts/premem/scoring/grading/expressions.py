"""Comparing expressions with math-verify, in a process that is ended at a time limit."""

import logging
import re

import math_verify
from math_verify import LatexExtractionConfig


def prepare() -> None:
    """Silence warnings of math-verify that its own time limits are off."""
    logging.getLogger("math_verify").setLevel(logging.ERROR)


def are_equivalent(answer: str, extracted: str) -> bool:
    """Compare two expressions with math-verify."""
    return math_verify.verify(_parse(answer), _parse(extracted), timeout_seconds=None)


def _parse(expression: str) -> list:
    bare = " ".join(re.sub(r"(?<!\\)(\$|\\[()\[\]])", "", expression).split())
    bare = re.sub(r"(?<!\\right)\.$", "", bare)  # math-verify reads no 5. as a formula
    return math_verify.parse(f"${bare}$", [LatexExtractionConfig()], parsing_timeout=None)
