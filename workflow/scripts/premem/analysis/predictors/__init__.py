"""Predictors of generalization: numbers that, known at a checkpoint, say something about its test accuracy.

Each is a value per checkpoint, without a test label: an estimate of test accuracy, or a number that a linear map turns
into one. A new predictor is an entry here (and in ``settings.PredictorName``) and a function in one of the modules, by
what it needs: ``from_scores``, ``from_answers``, ``from_weights``; ``compare`` puts all of them side by side.
"""

from dataclasses import dataclass
from typing import Literal

Needs = Literal["scores", "labels", "answers", "weights", "confidences"]
"""``scores``: the memorization table alone; ``labels``: the examples' difficulty; ``answers``: graded samples;
``weights``: the checkpoints; ``confidences``: both of these."""


@dataclass(frozen=True)
class Predictor:
    """What is known of a predictor beside its values."""

    title: str
    """As a reader sees it."""
    source: str
    """Where it comes from."""
    needs: Needs
    is_accuracy: bool = False
    """Is it meant to equal test accuracy, as it is, about the line y = x?"""


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
"""What a predictor reads, by what it needs, as a reader is told."""
LACKS: dict[Needs, str] = {
    "labels": "no labels of difficulty",
    "answers": "no sampled answers",
    "weights": "no weights of the checkpoints",
    "confidences": "no weights of the checkpoints and no sampled answers",
}
"""Why a predictor has no values, by what it needs."""
