"""A dataset: its training and test sets, how they are read, written and perturbed."""

from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from premem.config.block import NOT_BOOLEAN, Name
from premem.config.curation import NewExamples
from premem.config.data import UNPERTURBED, Column, Perturbation, Reading, Split, Templates, columns_in
from premem.config.messages import describe_unknown


def _check_whole(number: float) -> float:
    if number >= 1 and number != int(number):
        raise ValueError(f"give a whole number of examples such as {number:.0f}, or a share below 1 such as 0.1")
    return number


Holdout = Annotated[float, Field(ge=0, le=10**9), NOT_BOOLEAN, AfterValidator(_check_whole)]


class Dataset(Reading, Templates):
    """A dataset: its sets of examples, how they are read and how they are written."""

    train: Split
    """The examples to train on.

    Reruns: the dataset, and training and what follows.
    """
    test: dict[Name, Split] = {}
    """The test sets by name. The first one with labels is the study's own, whose accuracy is predicted. Without any,
    the predictions are made all the same, and are compared with accuracies on ``holdout``.

    Reruns: that test set, and samples and what follows.
    """
    holdout: Holdout | None = None
    """How many examples of the training set each run leaves out of its training: a whole number, or a share below 1.
    Every run draws its own. Runs of a smaller size first take those that they never see anyway. Answers to these
    examples are sampled like those to a test set. If left out: none where there is a test set with labels; otherwise
    128, or a tenth of the training set if that is fewer.

    Reruns: the training of its runs and what follows.
    """
    shared_questions: Literal["error", "count"] = "error"
    """What happens if a question of a test set is also in the training set. ``error``: the study stops before anything
    expensive starts. ``count``: their number is reported in the summary.

    Reruns: the check before training, samples and what follows.
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

    @property
    def labelled_test_sets(self) -> list[str]:
        """The test sets whose answers are known, the predicted one first."""
        return [name for name, split in self.test.items() if split.labelled]

    @property
    def holds_out(self) -> bool:
        """Do its runs leave out examples of the training set?"""
        return self.holdout != 0 if self.holdout is not None else not self.labelled_test_sets

    @model_validator(mode="after")
    def _check_labels(self) -> Self:
        if not self.train.labelled:
            raise ValueError("train.labelled: the answers of the training set must be known; leave the key out")
        return self

    @model_validator(mode="after")
    def _check_columns_of_templates(self) -> Self:
        kept = [column for column in self.columns if column not in ("solution", "answer")]
        for key, known in (
            ("prompt", ["question", *kept]),
            ("target", ["question", "solution", "answer", *kept]),
        ):
            for column in columns_in(getattr(self, key)):
                if column in known:
                    continue
                if column in ("solution", "answer"):
                    raise ValueError(f"{key}: {{{column}}} would tell the model the answer; take it out")
                raise ValueError(
                    f"{key}: {describe_unknown('column', column, known)}; the source's column {column} can be named "
                    f"here once it is kept, with columns: {{{column}: {column}}}"
                )
        return self

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
