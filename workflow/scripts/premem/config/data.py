"""Where examples come from, how they are read, and how prompts and targets are written."""

import re
from collections.abc import Mapping
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from premem.config.block import (
    NOT_BOOLEAN,
    Block,
    Count,
    HubId,
    Matching,
    PathText,
    Revision,
    Seed,
    Steps,
    Text,
)
from premem.config.messages import write_value

Column = Annotated[str, Field(max_length=200), Matching("name", r"[^\x00-\x1f\x7f]+", "give the name of a column")]

TRAIN = "train"
"""The split that is trained on."""
HOLDOUT = "holdout"
"""What stands for the name of a split where answers are to examples of the training set that the run held out."""
POOL = "pool"
"""The split that new examples are collected from."""
UNPERTURBED = "unperturbed"
"""What stands for the name of a perturbation where there is none."""


COLUMN_IN_TEMPLATE = re.compile(r"(\\[A-Za-z]+)?\{([A-Za-z_]\w*)\}")
"""A column in a template. A word in braces after a LaTeX command, such as ``\\boxed{answer}``, is text."""


def columns_in(template: str) -> list[str]:
    """Return the columns that a template names, each once, in their order."""
    return list(dict.fromkeys(match[2] for match in COLUMN_IN_TEMPLATE.finditer(template) if not match[1]))


def fill_in(template: str, columns: Mapping[str, str]) -> str:
    """Return a template with the columns that it names filled in.

    Args:
        template: such as ``"{question}\\nAnswer:"``.
        columns: name → text, of an example.
    """
    return COLUMN_IN_TEMPLATE.sub(lambda match: match[0] if match[1] else columns[match[2]], template)


class Split(Block):
    """Where the examples of a training or test set come from: exactly one of ``files``, ``hub`` and ``generate``."""

    ONE_OF = ("files", "hub", "generate")

    files: Annotated[tuple[PathText, ...], Field(min_length=1)] | None = None
    """Local JSONL, JSON, CSV, TSV or Parquet files, each also as ``.gz``. They are read in this order."""
    hub: HubId | None = None
    """Id of a dataset on the Hugging Face hub, such as ``openai/gsm8k``."""
    revision: Revision | None = None
    """Commit of the hub dataset. ``hub`` needs it, so that the data cannot change under a study."""
    subset: Column | None = None
    """Name of the hub dataset's configuration, where it has several."""
    split: Column | None = None
    """Split of the hub dataset, such as ``train``. ``hub`` needs it."""
    generate: Literal["arithmetic"] | None = None
    """A built-in generator of story problems (``premem.data.arithmetic``)."""
    steps: Steps | None = None
    """For ``generate``, which needs it: weight of each number of steps, such as ``{2: 1, 3: 1}``. A story whose numbers
    get large is drawn again, together with its number of steps. Long stories are therefore rarer than their weights."""
    wording: Literal["usual", "unseen"] = "usual"
    """For ``generate``: the sentences of the questions. ``unseen`` takes other sentences of the same words; it is for
    test sets."""
    rows: Annotated[int, Field(gt=0, le=10**12), NOT_BOOLEAN] | None = None
    """How many rows the source has. It is only for estimates before the data are here.

    Reruns: nothing.
    """
    num_examples: Count | None = None
    """Take this many examples, drawn at random with the dataset's seed. If left out, all are taken. ``generate`` needs
    it."""
    labelled: bool = True
    """For a test set: whether its answers are known. If not, answers to its questions are sampled and not graded, so
    that no test accuracy is known."""

    @model_validator(mode="after")
    def _check_source(self) -> Self:
        if self.hub and not (self.revision and self.split):
            raise ValueError("a hub dataset needs revision (a commit) and split (such as train)")
        if self.generate and not (self.steps and self.num_examples):
            raise ValueError("a generator needs steps (such as {2: 1, 3: 1}) and num_examples (such as 512)")
        return self


class Reading(Block):
    """How the rows of a source become examples.

    Reruns: the dataset, and training and what follows.
    """

    columns: dict[Column, Column] = {}
    """Which of the source's columns hold what, such as ``{question: problem}``. If left out, ``question``, ``solution``
    and ``answer`` keep their names. Where there is no answer, it is read from the solution. Any other name is kept as
    a further column."""
    id: Column | None = None
    """The source's column that names each example, such as ``question_id``. Tables and pages show it as example_id. If
    left out, examples are named by their set and row, such as ``train-00012``."""
    answers: Literal["gsm8k", "math", "number", "choice", "exact"]
    """How a final answer is written. ``gsm8k``: a number after ``#### ``. ``math``: an expression in ``\\boxed{}``.
    ``number``, ``choice`` (the letter of an option) and ``exact`` (any text): after "The answer is", or alone. They
    have no grader ``original``."""
    bad_examples: Literal["error", "drop"] = "error"
    """What happens to examples that are empty, repeated, without a final answer or too long. ``error``: the study stops
    before anything expensive starts, and lists them. ``drop``: they are left out, and their number is reported."""
    seed: Seed = 0
    """Seed of generated and drawn examples, and of the nested subsets that ``sizes`` names."""


class Templates(Block):
    """How prompts and targets are written.

    Reruns: tokens, training and what follows.
    """

    prompt: Text = "{question}\nAnswer:"
    """What the model reads. Besides ``{question}``, it may name any column that the dataset keeps, such as
    ``{options}``."""
    target: Text = " {solution}\nDone."
    """What the model is trained to write after the prompt. Besides ``{solution}``, it may name ``{question}``,
    ``{answer}`` and any column that the dataset keeps."""
    stop: Text = "\nDone."
    """The text that ends an answer. The target ends with it."""
    max_tokens: Count | None = None
    """Longest example in tokens, prompt and target together. If left out, it is the model's context."""

    @model_validator(mode="after")
    def _check_templates(self) -> Self:
        if "{question}" not in self.prompt:
            raise ValueError(f"prompt: the template {write_value(self.prompt)} lacks {{question}}")
        if "{solution}" not in self.target:
            raise ValueError(f"target: the template {write_value(self.target)} lacks {{solution}}")
        if not self.stop or not self.target.endswith(self.stop):
            raise ValueError(
                f"stop: the target template must end with the stop text {write_value(self.stop)}, so that answers end"
            )
        return self

    @property
    def columns_named(self) -> list[str]:
        """The columns that prompt and target name."""
        return list(dict.fromkeys([*columns_in(self.prompt), *columns_in(self.target)]))

    def write_prompt(self, columns: Mapping[str, str]) -> str:
        """Return what the model reads for an example; ``columns`` is name → text."""
        return fill_in(self.prompt, columns)

    def write_target(self, columns: Mapping[str, str]) -> str:
        """Return what the model is trained to write for an example."""
        return fill_in(self.target, columns)


class Perturbation(Block):
    """A harmless change of prompts. Whoever has understood the problem still solves it. At least one of the two keys is
    given.

    Reruns: the samples of perturbed prompts, and the analysis of robustness.
    """

    prompt: Text | None = None
    """A template that takes the place of the dataset's prompt, such as ``"Think first. {question}\\nAnswer:"``. It may
    name ``{question}``, any column that the dataset keeps, and for generated stories ``{paraphrase}``."""
    answer_begins: Text = ""
    """The answer is made to begin with this text, such as ``" First"``, and goes on from there."""

    @model_validator(mode="after")
    def _check_change(self) -> Self:
        if self.prompt is None and not self.answer_begins:
            raise ValueError("give prompt (a template), answer_begins (a text) or both")
        if self.prompt is not None and not self.columns:
            raise ValueError(f"prompt: the template {write_value(self.prompt)} names no column, such as {{question}}")
        return self

    @property
    def columns(self) -> list[str]:
        """The columns that the template names."""
        return columns_in(self.prompt or "")

    def write_prompt(self, usual: str, columns: Mapping[str, str]) -> str:
        """Return what the model reads.

        Args:
            usual: the prompt without the perturbation.
            columns: name → text, of the example.
        """
        return usual if self.prompt is None else fill_in(self.prompt, columns)
