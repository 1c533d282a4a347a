"""Robustness per example: which training examples lose accuracy when their prompts are perturbed?

Kang et al. 2025 find that examples with a low pre-memorization accuracy are brittle. Here prompts of the training
examples are perturbed (``settings.Perturbation``), answers are sampled from a checkpoint as ever, and the accuracy that
is lost is set against premem accuracy, and likewise against plain train accuracy, perplexity and the dataset's own
labels of difficulty, where it has any: ``analysis``.

Unperturbed prompts are sampled once more beside the perturbed ones. The accuracies that the predictors are made of
would not do: an example that was lucky there is less so in any new sample, which would look like the doing of a
perturbation.
"""

from premem.config.data import UNPERTURBED

__all__ = ["ALL", "MODEL_TITLES", "PREDICTORS", "UNPERTURBED"]

ALL = "all"
"""What stands for the name of a perturbation where the answers under all of them are put together."""
PREDICTORS = {
    "premem_accuracy": "premem accuracy",
    "train_accuracy": "train accuracy",
    "perplexity": "perplexity",
    "difficulty": "difficulty",
}
"""Column → what a reader calls it; difficulty only where the dataset has labels of it (``premem.data.difficulty``)."""
MODEL_TITLES = {
    **PREDICTORS,
    "premem_and_train_accuracy": "train accuracy and premem accuracy",
    "perplexity_and_train_accuracy": "train accuracy and perplexity",
    "difficulty_and_train_accuracy": "train accuracy and difficulty",
    "premem_and_perplexity": "premem accuracy and perplexity",
    "premem_and_difficulty": "premem accuracy and difficulty",
    "together": "train accuracy, premem accuracy and perplexity",
}
"""Set of predictors → what a reader calls it."""
