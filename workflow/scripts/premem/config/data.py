"""Where examples come from, how they are read, and how prompts and targets are written."""

import re
from collections.abc import Mapping
from typing import Literal

from pydantic import Field, PositiveFloat, PositiveInt, model_validator

from premem.config.block import Block, RemoteName, check_one_of

TRAIN = "train"
"""The split that is trained on."""
POOL = "pool"
"""The split that new examples are collected from."""
UNPERTURBED = "unperturbed"
"""What stands for the name of a perturbation where there is none."""


COLUMN_IN_TEMPLATE = re.compile(r"\{([A-Za-z_]\w*)\}")
"""A column in the template of a perturbation."""


class Split(Block):
    """Where the examples of a training or test set come from: exactly one of ``files``, ``hub`` and ``generate``."""

    files: tuple[str, ...] | None = None
    """Local JSONL, JSON, CSV, TSV or Parquet files, each also as ``.gz``; read in this order."""
    hub: RemoteName | None = None
    """Id of a dataset on the Hugging Face hub, such as ``openai/gsm8k``."""
    revision: RemoteName | None = None
    """Commit of the hub dataset; needed with ``hub``, so that the data cannot change under a study."""
    subset: str | None = None
    """Name of the hub dataset's configuration, where it has several."""
    split: str | None = None
    """Split of the hub dataset, such as ``train``."""
    generate: Literal["arithmetic"] | None = None
    """A built-in generator of story problems (``premem.data.arithmetic``)."""
    steps: dict[PositiveInt, PositiveFloat] | None = None
    """For ``generate``: weight of each number of steps, such as ``{2: 1, 3: 1}``. A story whose numbers get large is
    drawn again, steps and all, so that long ones come out rarer."""
    wording: Literal["usual", "unseen"] = "usual"
    """For ``generate``: the sentences of the questions. ``unseen``: others, of the same words, for a test set."""
    rows: PositiveInt | None = None
    """How many the source has: for estimates before the data are here; nothing else depends on it."""
    num_examples: PositiveInt | None = None
    """Take this many examples, drawn at random with the dataset's seed; all of them if left out."""

    @model_validator(mode="after")
    def _check_source(self) -> "Split":
        check_one_of(self, "files", "hub", "generate")
        if self.hub and not (self.revision and self.split):
            raise ValueError("a hub dataset needs revision (a commit) and split (such as train)")
        if self.generate and not (self.steps and self.num_examples):
            raise ValueError("a generator needs steps (such as {2: 1, 3: 1}) and num_examples (such as 512)")
        return self


class Reading(Block):
    """How the rows of a source become examples."""

    columns: dict[str, str] = {}
    """Names of the source's columns, as ``{question: problem}``; question, solution and answer keep their names if left
    out. The answer may be absent: it is then read from the solution. Other names here are kept as further columns."""
    id: str | None = None
    """The source's column that names each example, such as ``question_id``: tables and pages show it as example_id. If
    left out, examples are named by their set and row, such as ``train-00012``."""
    answers: Literal["gsm8k", "math"]
    """How a final answer is written: after ``#### `` (gsm8k) or in ``\\boxed{}`` (math)."""
    bad_examples: Literal["error", "drop"] = "error"
    """What to do with examples that are empty, repeated, without a final answer or too long: stop before anything
    expensive starts and list them, or leave them out and report how many."""
    seed: int = Field(0, ge=0)
    """Seed of generated and drawn examples, and of the nested subsets that sizes name."""


class Templates(Block):
    """How prompts and targets are written."""

    prompt: str = "{question}\nAnswer:"
    """What the model reads."""
    target: str = " {solution}\nDone."
    """What the model is trained to write after it."""
    stop: str = "\nDone."
    """The text that ends an answer; the target ends with it."""
    max_tokens: PositiveInt | None = None
    """Longest example, prompt and target together; the model's context if left out."""

    @model_validator(mode="after")
    def _check_templates(self) -> "Templates":
        if "{question}" not in self.prompt:
            raise ValueError(f"prompt: the template {self.prompt!r} lacks {{question}}")
        if "{solution}" not in self.target:
            raise ValueError(f"target: the template {self.target!r} lacks {{solution}}")
        if not self.stop or not self.target.endswith(self.stop):
            raise ValueError(
                f"stop: the target template must end with the stop text {self.stop!r}, so that answers end"
            )
        return self

    def write_prompt(self, question: str) -> str:
        """Return what the model reads for a question."""
        return self.prompt.replace("{question}", question)

    def write_target(self, solution: str) -> str:
        """Return what the model is trained to write for a solution."""
        return self.target.replace("{solution}", solution)


class Perturbation(Block):
    """A harmless change of prompts, under which what is understood stays right: at least one of the two."""

    prompt: str | None = None
    """A template of its own, such as ``"Think first. {question}\\nAnswer:"``. It may name ``{question}``, any column
    that the dataset keeps, and for generated stories ``{paraphrase}``."""
    answer_begins: str = ""
    """The answer is made to begin with this text, such as ``" First"``, and goes on from there."""

    @model_validator(mode="after")
    def _check_change(self) -> "Perturbation":
        if self.prompt is None and not self.answer_begins:
            raise ValueError("give prompt (a template), answer_begins (a text) or both")
        if self.prompt is not None and not self.columns:
            raise ValueError(f"prompt: the template {self.prompt!r} names no column, such as {{question}}")
        return self

    @property
    def columns(self) -> list[str]:
        """The columns that the template names."""
        return COLUMN_IN_TEMPLATE.findall(self.prompt or "")

    def write_prompt(self, usual: str, columns: Mapping[str, str]) -> str:
        """Return what the model reads.

        Args:
            usual: the prompt without the perturbation.
            columns: name → text, of the example.
        """
        if self.prompt is None:
            return usual
        return COLUMN_IN_TEMPLATE.sub(lambda match: columns[match[1]], self.prompt)
