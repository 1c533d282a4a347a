"""What the predictors read from the checkpoints of a run; every checkpoint is loaded once."""

from collections.abc import Iterable, Mapping
from itertools import repeat
from pathlib import Path

import pandas as pd
import torch
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from premem.analysis.predictors.from_weights import distances, gradient_variance
from premem.config.analyses import Predictors
from premem.lm.models import load_model
from premem.lm.perplexity import target_nll
from premem.lm.tokens import TokenizedExample, examples_of, load_tokenizer

ANSWER = ["split", "example_id", "sample"]
CONFIDENCE_COLUMNS = ["epoch", "split", "example_id", "sample", "log_probability"]


def measure_checkpoints(
    base: Path,
    checkpoints: Mapping[int, Path],
    train: pd.DataFrame,
    prompts: "pd.Series[list[int]]",
    answers: Iterable[pd.DataFrame] | None,
    stop: str,
    dtype: str,
    settings: Predictors,
    tokens_per_batch: int,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Measure distances from the base model, gradients, and the confidence of sampled answers.

    Args:
        base: folder of the base model.
        checkpoints: epoch → folder.
        train: the run's training examples, with prompt_ids and target_ids.
        prompts: token ids by example_id, of the training and test prompts.
        answers: the sampled answers of each checkpoint, in the order of ``checkpoints``; a table is read only when its
            turn comes. None if no predictor needs them.
        stop: the text that ends an answer.
        dtype: number format of the forward pass.
        settings: which predictors to measure, and how.
        tokens_per_batch: padded tokens per forward pass; it changes only speed and memory.

    Returns:
        epoch, predictor, value; and epoch, split, example_id, sample, log_probability (mean over the answer's tokens).
    """
    examples, tokenizer, initial = examples_of(train), load_tokenizer(base), load_model(base, train=True)
    values: list[tuple[int, str, float]] = []
    confidences = [pd.DataFrame(columns=CONFIDENCE_COLUMNS)]
    of_checkpoints = repeat(None, len(checkpoints)) if answers is None else answers
    for (epoch, checkpoint), sampled in zip(checkpoints.items(), of_checkpoints, strict=True):
        model = load_model(checkpoint, train=True)
        distance, relative = distances(model, initial)
        values += [(epoch, "distance", distance), (epoch, "relative_distance", relative)]
        model = model.eval().to(getattr(torch, dtype))
        model = model.cuda() if torch.cuda.is_available() else model
        if sampled is not None:
            sampled = sampled[sampled["sample"] < settings.atc_answers]
            confidence = _log_probabilities(model, tokenizer, prompts, sampled, stop, tokens_per_batch)
            confidences.append(sampled[ANSWER].assign(epoch=epoch, log_probability=confidence))
        if "gradient_variance" in settings.names:
            model = model.bfloat16() if dtype == "float16" else model  # in float16 small gradients would be 0
            variance = gradient_variance(
                model,
                examples,
                settings.gradient_batches,
                settings.gradient_batch_size,
                settings.seed,
                tokens_per_batch,
            )
            values.append((epoch, "gradient_variance", variance))
    measured = pd.concat(confidences[1:] or confidences)[CONFIDENCE_COLUMNS]
    return pd.DataFrame(values, columns=["epoch", "predictor", "value"]), measured


def _log_probabilities(
    model: PreTrainedModel,
    tokenizer: PreTrainedTokenizerBase,
    prompts: "pd.Series[list[int]]",
    answers: pd.DataFrame,
    stop: str,
    tokens_per_batch: int,
) -> list[float]:
    """Return the mean log-probability of the tokens of each answer; one that ended by itself includes the stop text."""
    texts = answers["text"].where(answers["finish_reason"] != "stop", answers["text"] + stop)
    ids = tokenizer(list(texts), add_special_tokens=False)["input_ids"]
    given = [TokenizedExample(p, t) for p, t in zip(prompts[answers["example_id"]], ids, strict=True)]
    nll = target_nll(model, given, tokens_per_batch)
    return [-n / max(1, len(example.target)) for n, example in zip(nll, given, strict=True)]
