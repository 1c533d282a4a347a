"""Predictors of generalization: numbers that are known at a checkpoint and say something about its test accuracy.

Each predictor has a value per checkpoint and needs no test labels. The value is an estimate of test accuracy, or a
number that a linear map turns into one. To add a predictor, enter it in ``PREDICTORS``, add its name to
``premem.config.analyses.PredictorName``, and write a function in the module for what it reads: ``from_scores``,
``from_answers`` or ``from_weights``. ``values`` gathers the values of all predictors, and ``compare`` judges them.
"""

from dataclasses import dataclass
from typing import Literal

Needs = Literal["scores", "labels", "answers", "weights", "confidences"]
"""What a predictor reads. ``scores`` is the memorization table alone, ``labels`` are the examples' difficulty labels,
``answers`` are graded samples, ``weights`` are the checkpoints, and ``confidences`` need checkpoints and answers."""


@dataclass(frozen=True)
class Predictor:
    """What is known about a predictor, apart from its values."""

    title: str
    """Name for readers."""
    source: str
    """Publication that it comes from."""
    needs: Needs
    is_accuracy: bool = False
    """True if the value itself estimates test accuracy, so that it can be judged about the line y = x."""


PREDICTORS: dict[str, Predictor] = {
    "premem_accuracy": Predictor("premem accuracy", "Kang et al. 2025", "scores", True),
    "train_accuracy": Predictor("train accuracy", "", "scores", True),
    "train_loss": Predictor("train loss", "", "scores"),
    "perplexity": Predictor("mean perplexity", "", "scores"),
    "forgetting": Predictor("forgetting events", "Toneva et al. 2019", "scores"),
    "confidence": Predictor("cartography: confidence", "Swayamdipta et al. 2020", "scores"),
    "variability": Predictor("cartography: variability", "Swayamdipta et al. 2020", "scores"),
    "difficulty": Predictor("train accuracy by difficulty", "labels of the dataset", "labels", True),
    "self_consistency": Predictor("self-consistency", "Wang et al. 2023", "answers"),
    "gradient_variance": Predictor("gradient variance", "Jiang et al. 2019", "weights"),
    "distance": Predictor("distance from initialization", "Nagarajan & Kolter 2019", "weights"),
    "relative_distance": Predictor("relative distance", "Nagarajan & Kolter 2019", "weights"),
    "atc": Predictor("average thresholded confidence", "Garg et al. 2022", "confidences", True),
}

READS: dict[Needs, str] = {
    "scores": "accuracy and perplexity of the training examples",
    "labels": "training examples; difficulty labels of the test set",
    "answers": "answers to the test prompts, without labels",
    "weights": "checkpoints; training examples",
    "confidences": "checkpoints; answers to the test prompts, without labels",
}
"""What a predictor reads, in words for readers."""
LACKS: dict[Needs, str] = {
    "labels": "no labels of difficulty",
    "answers": "no sampled answers",
    "weights": "no weights of the checkpoints",
    "confidences": "no weights of the checkpoints and no sampled answers",
}
"""Why a predictor has no values, in words for readers."""
