"""Robustness: which training examples lose accuracy when their prompts are perturbed?

Kang et al. 2025 find that examples with a low pre-memorization accuracy are brittle. Here the prompts of training
examples are perturbed (``premem.config.data.Perturbation``), and answers are sampled from a checkpoint as usual. The
accuracy that is lost is then compared with premem accuracy, train accuracy, perplexity and the dataset's own difficulty
labels, if it has any.

Unperturbed prompts are sampled again together with the perturbed ones. The accuracies that the predictors are made of
cannot serve for this. An example that was lucky there is less lucky in any new sample, which would look like an effect
of the perturbation.

``prompts`` writes the perturbed prompts, ``answers`` sets accuracies next to predictors, ``bins`` and ``slopes``
describe the drops, ``prediction`` predicts them, and ``regression`` puts slopes and predictions into one table.
"""

from premem.config.data import UNPERTURBED

__all__ = ["ALL", "MEASURED", "PREDICTORS", "PREDICTOR_SETS", "PREDICTOR_SET_TITLES", "REFERENCE", "UNPERTURBED"]

ALL = "all"
"""Stands for the name of a perturbation where the answers under all perturbations are combined."""
PREDICTORS = {
    "premem_accuracy": "premem accuracy",
    "train_accuracy": "train accuracy",
    "perplexity": "perplexity",
    "difficulty": "difficulty",
}
"""Column → name for readers; difficulty is there only if the dataset has labels (``premem.data.difficulty``)."""
MEASURED = ("premem_accuracy", "train_accuracy", "perplexity")
"""The predictors that every example has; difficulty is a label."""
PREDICTOR_SETS: dict[str, dict[str, tuple[str, ...]]] = {
    "all": {
        **{name: (name,) for name in PREDICTORS},
        "premem_and_train_accuracy": ("premem_accuracy", "train_accuracy"),
        "perplexity_and_train_accuracy": ("perplexity", "train_accuracy"),
        "difficulty_and_train_accuracy": ("difficulty", "train_accuracy"),
        "together": MEASURED,
    },
    "solved": {
        "premem_accuracy": ("premem_accuracy",),
        "perplexity": ("perplexity",),
        "difficulty": ("difficulty",),
        "premem_and_perplexity": ("premem_accuracy", "perplexity"),
        "premem_and_difficulty": ("premem_accuracy", "difficulty"),
    },
}
"""Examples → name of a predictor set → its predictors. Train accuracy is the same for all solved examples. Sets with
difficulty use only the examples that have a label, and are left out if none has."""
PREDICTOR_SET_TITLES = {
    **PREDICTORS,
    "premem_and_train_accuracy": "train accuracy and premem accuracy",
    "perplexity_and_train_accuracy": "train accuracy and perplexity",
    "difficulty_and_train_accuracy": "train accuracy and difficulty",
    "premem_and_perplexity": "premem accuracy and perplexity",
    "premem_and_difficulty": "premem accuracy and difficulty",
    "together": "train accuracy, premem accuracy and perplexity",
}
"""Name of a predictor set → name for readers."""
REFERENCE = "train_accuracy"
"""The predictor set that the others are compared with. It is what is known without looking at memorization."""
