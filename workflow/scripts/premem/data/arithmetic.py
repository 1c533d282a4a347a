"""The embedded dataset: generated story problems over one changing quantity.

    question   Olga has 10 nuts . Olga finds 4 more . Ivan takes half from Olga . how many nuts now ?
    solution   first we get 10 + 4 = 14 yes . then comes 14 - 7 = 7 . the end #### 7

Every sentence of a question and of a solution (a *trace*) is phrased at random. A trace thus has entropy that only
memorization can remove: a model that solves the problems without memorizing them keeps a high perplexity. Words,
numbers and marks are separated by blanks, so that a word-level tokenizer needs about 140 tokens.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from random import Random
from typing import Any

LARGEST_VALUE = 24
NAMES = "Olga Ivan Mira Otto Lena Hugo Nora Emil Ada Paul Rosa Karl Ines Leo Vera Max".split()
OBJECTS = "nuts pens cups keys coins shells stones cards books apples".split()
STEP_WEIGHTS = {"add": 35, "subtract": 35, "double": 15, "halve": 15}

LEAD_INS = "first next then now here after later so thus well again look".split()
CONNECTIVES = ("we have", "we get", "this is", "it makes", "gives", "comes", "finds", "see")
TAILS = ("", "yes", "indeed", "exactly", "naturally", "altogether", "clearly")
ENDINGS = ("done", "that is all", "the answer", "the end", "finally")


@dataclass(frozen=True)
class Wording:
    """Sentence variants of questions; {n} the person, {m} another person, {b} the step's number, {o} the objects."""

    starts: tuple[str, ...]
    steps: dict[str, tuple[str, ...]]
    """By operation."""
    questions: tuple[str, ...]


USUAL = Wording(
    starts=(
        "{n} has {b} {o} .",
        "at first {n} has {b} {o} .",
        "{n} owns {b} {o} .",
        "{n} starts with {b} {o} .",
    ),
    steps={
        "add": ("{n} finds {b} more .", "{m} gives {b} to {n} .", "then {n} buys {b} .", "{n} gets {b} from {m} ."),
        "subtract": ("{n} loses {b} .", "{n} gives {b} to {m} .", "then {n} sells {b} .", "{m} takes {b} from {n} ."),
        "double": (
            "then {n} doubles them .",
            "{n} gets as many again .",
            "{m} doubles what {n} has .",
            "{n} finds as many .",
        ),
        "halve": (
            "{n} loses half of them .",
            "{n} gives half to {m} .",
            "then {n} sells half .",
            "{m} takes half from {n} .",
        ),
    },
    questions=("how many {o} has {n} now ?", "how many {o} now ?", "now count the {o} of {n} ."),
)
UNSEEN = Wording(
    starts=("here {n} starts with {b} {o} .", "first {n} owns {b} {o} .", "well now {n} has {b} {o} ."),
    steps={
        "add": ("then {n} finds {b} .", "later {m} gives {n} {b} more .", "{n} buys {b} more of them ."),
        "subtract": ("then {n} loses {b} of them .", "later {m} takes {b} of them .", "{n} sells {b} to {m} ."),
        "double": ("{m} gives {n} as many again .", "then {n} buys as many again .", "later {m} doubles them ."),
        "halve": ("{m} gets half of them from {n} .", "{n} sells half of them .", "later {n} loses half ."),
    },
    questions=("count the {o} of {n} now .", "so how many {o} has {n} ?", "after that how many {o} now ?"),
)
"""Sentences that no usual story has, of words that usual stories and traces have."""


@dataclass(frozen=True)
class Problem:
    """One story problem. ``skeleton`` is its sequence of operations, e.g. ``add double``."""

    question: str
    solution: str
    answer: str
    skeleton: str
    steps: int


def generate_problem(
    random: Random, steps: dict[int, float], skeleton: tuple[str, ...] | None = None, wording: Wording = USUAL
) -> Problem:
    """Draw one problem.

    Args:
        random: the source of randomness; the same state gives the same problem.
        steps: weight of each number of steps, e.g. ``{2: 1, 3: 1}``.
        skeleton: the sequence of operations to tell a new story about; drawn when None.
        wording: the question's sentences.

    All values stay within 0..``LARGEST_VALUE``; a draw that leaves this range is drawn again.
    """
    while True:
        operations = skeleton or tuple(
            random.choices(
                list(STEP_WEIGHTS), list(STEP_WEIGHTS.values()), k=random.choices(list(steps), list(steps.values()))[0]
            )
        )
        problem = _tell_story(random, operations, wording)
        if problem is not None:
            return problem


def generate_problems(
    seed: int | str, steps: dict[int, float], exclude: frozenset[str] = frozenset(), wording: Wording = USUAL
) -> Iterator[Problem]:
    """Yield an endless stream of problems whose questions are distinct and not in ``exclude``."""
    random = Random(f"arithmetic {seed}")
    seen = set(exclude)
    while True:
        problem = generate_problem(random, steps, wording=wording)
        if problem.question not in seen:
            seen.add(problem.question)
            yield problem


def paraphrase(question: str) -> str:
    """Tell a story of usual wording anew in unseen wording: the same person, objects, numbers and steps.

    A person that only one of the two wordings names is another one. The words are drawn with the question as the seed.

    Raises:
        ValueError: if it is not such a story.
    """
    told = _read_story(question, USUAL)
    random = Random(f"paraphrase {question}")
    words = {"n": told["n"], "o": told["o"], "m": told["m"] or random.choice([n for n in NAMES if n != told["n"]])}
    return " ".join(
        [
            random.choice(UNSEEN.starts).format(b=told["b"], **words),
            *(random.choice(UNSEEN.steps[operation]).format(b=number, **words) for operation, number in told["steps"]),
            random.choice(UNSEEN.questions).format(**words),
        ]
    )


def _read_story(question: str, wording: Wording) -> dict[str, Any]:
    """Return the person n, the other person m (None if not named), the first number b, the objects o and the steps."""
    sentences = re.split(r"(?<= [.?]) ", question)
    told = next((found for template in wording.starts if (found := _match(template, sentences[0]))), None)
    if told is None:
        raise ValueError(f"not a story that was generated: {question!r}")
    steps = []
    for sentence in sentences[1:-1]:
        read = (
            (operation, found)
            for operation, templates in wording.steps.items()
            for template in templates
            if (found := _match(template.replace("{n}", told["n"]), sentence)) is not None
        )
        operation, found = next(read, (None, {}))
        if operation is None:
            raise ValueError(f"not a sentence of a generated story: {sentence!r}")
        steps.append((operation, found.get("b")))
        told["m"] = told.get("m") or found.get("m")
    return {**told, "m": told.get("m"), "steps": steps}


def _match(template: str, sentence: str) -> dict[str, Any] | None:
    """Return the words that a sentence has in the places of its template."""
    words = {"n": r"(?P<n>\w+)", "m": r"(?P<m>\w+)", "b": r"(?P<b>\d+)", "o": r"(?P<o>\w+)"}
    pattern = re.sub(r"\{(\w)\}", lambda place: words[place[1]], re.sub(r"([.?])", r"\\\1", template))
    match = re.fullmatch(pattern, sentence)
    return match.groupdict() if match else None


def generate_facts(random: Random, number: int = 5) -> str:
    """Return a line of arithmetic facts, e.g. ``3 + 4 = 7 . 20 - 6 = 14 .``, for pre-training."""
    facts = []
    for _ in range(number):
        smaller, larger = sorted(random.choices(range(LARGEST_VALUE + 1), k=2))
        difference = larger - smaller
        if random.random() < 0.5:
            left, right = random.sample((smaller, difference), 2)
            facts.append(f"{left} + {right} = {larger} .")
        else:
            facts.append(f"{larger} - {smaller} = {difference} .")
    return " ".join(facts)


def _tell_story(random: Random, operations: tuple[str, ...], wording: Wording) -> Problem | None:
    """Draw values and words for the operations; None if a value leaves its range."""
    person, other = random.sample(NAMES, 2)
    objects = random.choice(OBJECTS)
    value = random.randint(1, LARGEST_VALUE // 2)
    sentences = [random.choice(wording.starts).format(n=person, b=value, o=objects)]
    equations = []
    for operation in operations:
        number = random.randint(1, LARGEST_VALUE // 2)
        match operation:
            case "add":
                symbol, operand = "+", number
            case "subtract":
                symbol, operand = "-", number
            case "double":
                symbol, operand = "+", value
            case "halve":
                if value % 2:
                    return None
                symbol, operand = "-", value // 2
        result = value + operand if symbol == "+" else value - operand
        equations.append(f"{value} {symbol} {operand} = {result}")
        value = result
        if not 0 <= value <= LARGEST_VALUE:
            return None
        sentences.append(random.choice(wording.steps[operation]).format(n=person, m=other, b=number, o=objects))
    sentences.append(random.choice(wording.questions).format(n=person, o=objects))
    trace = [
        " ".join(
            part
            for part in (random.choice(LEAD_INS), random.choice(CONNECTIVES), equation, random.choice(TAILS), ".")
            if part
        )
        for equation in equations
    ]
    return Problem(
        question=" ".join(sentences),
        solution=" ".join([*trace, random.choice(ENDINGS), f"#### {value}"]),
        answer=str(value),
        skeleton=" ".join(operations),
        steps=len(operations),
    )
