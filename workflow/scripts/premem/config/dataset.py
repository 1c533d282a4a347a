"""A dataset: its training and test sets, how they are read, written and perturbed."""

from typing import Self

from pydantic import Field, model_validator

from premem.config.block import Name
from premem.config.curation import NewExamples
from premem.config.data import UNPERTURBED, Column, Perturbation, Reading, Split, Templates


class Dataset(Reading, Templates):
    """A dataset: its sets of examples, how they are read and how they are written."""

    train: Split
    """The examples to train on.

    Reruns: the dataset, and training and what follows.
    """
    test: dict[Name, Split] = Field(min_length=1)
    """The test sets by name. The first one is the study's own, whose accuracy is predicted.

    Reruns: that test set, and samples and what follows.
    """
    difficulty: Column | None = None
    """How hard an example is (``premem.data.difficulty``). It is one of ``columns``, whose values hold a number such as
    ``Level 3``, or ``lines``, which is the number of lines of the solution. If left out, examples have no difficulty.

    Reruns: the analyses that read it.
    """
    perturbations: dict[Name, Perturbation] = {}
    """Changes of its prompts by name, for ``robustness``.

    Reruns: the samples of perturbed prompts, and the analysis of robustness.
    """

    new_examples: NewExamples | None = None
    """Where new examples that resemble a given one come from, for ``curation``.

    Reruns: the rounds of the curation.
    """

    @model_validator(mode="after")
    def _check_perturbations(self) -> Self:
        told_anew = {"paraphrase"} if self.train.generate and self.train.wording == "usual" else set()
        known = dict.fromkeys(["question", *self.columns, *told_anew])
        known.pop("solution", None)  # it holds the answer
        for name, perturbation in self.perturbations.items():
            if name == UNPERTURBED:
                raise ValueError(
                    f"perturbations.{name}: this name stands for prompts without a perturbation; rename it"
                )
            for column in perturbation.columns:
                if column not in known:
                    raise ValueError(
                        f"perturbations.{name}.prompt: a prompt cannot name the column {{{column}}} (it can name "
                        f"{', '.join(known)}); keep it under the dataset's columns, or correct the template"
                    )
        return self

    @model_validator(mode="after")
    def _check_difficulty(self) -> Self:
        if self.difficulty not in (None, "lines", *self.columns):
            kept = ", ".join(self.columns) or "none"
            raise ValueError(
                f"difficulty: {self.difficulty!r} is neither lines nor one of the dataset's columns (there are {kept})"
            )
        return self
