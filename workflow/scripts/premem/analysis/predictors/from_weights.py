"""Predictors that read the checkpoints: distances, gradients, and the confidence of given answers."""

from collections.abc import Callable, Iterable, Sequence

import numpy as np
import torch
from torch.nn import Module, Parameter
from transformers import PreTrainedModel

from premem.lm.perplexity import batches_by_length, stack
from premem.lm.tokens import TokenizedExample

BACKWARD_TOKENS = 2048
"""Most padded tokens of a backward pass; for an 8B model the activations then take an estimated 9 GB."""


def distances(model: Module, initial: Module) -> tuple[float, float]:
    """Return the distance of the weights from initialization, ‖θ − θ_0‖, and the same in units of ‖θ_0‖.

    Nagarajan & Kolter 2019. The norm is Euclidean, over all weights, and tied weights count once. θ_0 are the weights
    before fine-tuning.
    """
    moved, start = 0.0, 0.0
    for weights, before in zip(model.parameters(), initial.parameters(), strict=True):
        moved += (weights.detach().float() - before.detach().float()).square().sum().item()
        start += before.detach().float().square().sum().item()
    return moved**0.5, (moved / start) ** 0.5


def variance_of_gradients(parameters: Sequence[Parameter], backward: Iterable[Callable[[], None]]) -> float:
    """Return the unbiased variance of gradients, Σ_j ‖g_j − ḡ‖² / (k − 1), over k gradients g_j of all parameters.

    Args:
        parameters: whose ``grad`` is read; it is None afterwards.
        backward: each call adds one gradient to ``grad``. With fewer than two calls the variance is NaN.
    """
    total = [torch.zeros_like(p, dtype=torch.float32) for p in parameters]
    squared = []
    for add_gradient in backward:
        for p in parameters:
            p.grad = None
        add_gradient()
        gradients = [torch.zeros_like(p) if p.grad is None else p.grad for p in parameters]
        squared.append(sum(g.float().square().sum().item() for g in gradients))
        for s, g in zip(total, gradients, strict=True):
            s += g
    for p in parameters:
        p.grad = None
    if len(squared) < 2:
        return float("nan")
    return (sum(squared) - sum(s.square().sum().item() for s in total) / len(squared)) / (len(squared) - 1)


def gradient_variance(
    model: PreTrainedModel,
    examples: Sequence[TokenizedExample],
    batches: int,
    batch_size: int,
    seed: int,
    tokens_at_a_time: int,
) -> float:
    """Return the variance of the loss gradient between mini-batches (Jiang et al. 2019, "gradient noise").

    ``batch_size`` × ``batches`` training examples are drawn at random without replacement and split into mini-batches.
    The loss of a mini-batch is that of training, the mean of −log f over its target tokens, without clipping and
    dropout. The variance between mini-batches (``variance_of_gradients``) is multiplied by their size, so it estimates
    the variance of a single example's gradient, whatever the size is. With too few examples there are fewer
    mini-batches, and if not even two are possible, they are smaller.

    Args:
        model: in evaluation mode.
        examples: the run's training examples, at least two.
        batches, batch_size: number of mini-batches, and of examples in each.
        seed: of the draw, the same for all checkpoints of a run.
        tokens_at_a_time: padded tokens per pass, at most ``BACKWARD_TOKENS``; it changes only speed and memory.
    """
    tokens_at_a_time = min(tokens_at_a_time, BACKWARD_TOKENS)
    size = max(1, min(batch_size, len(examples) // 2))
    number = min(batches, len(examples) // size)
    drawn = np.random.default_rng(seed).permutation(len(examples))[: number * size].reshape(number, size)

    def adder(batch: Sequence[TokenizedExample]) -> Callable[[], None]:
        return lambda: _add_gradient(model, batch, tokens_at_a_time)

    losses = (adder([examples[i] for i in row]) for row in drawn)
    return size * variance_of_gradients(list(model.parameters()), losses)


def _add_gradient(model: PreTrainedModel, batch: Sequence[TokenizedExample], tokens_at_a_time: int) -> None:
    """Add the gradient of a mini-batch's loss, a few examples at a time."""
    tokens = sum(len(example.target) for example in batch)
    for part in batches_by_length([len(e.prompt) + len(e.target) for e in batch], tokens_at_a_time):
        ids, predicts_target = stack([batch[i] for i in part], model.device)
        logits = model(input_ids=ids, use_cache=False).logits[predicts_target]
        next_ids = ids.roll(-1, dims=1)[predicts_target]
        (torch.nn.functional.cross_entropy(logits.float(), next_ids, reduction="sum") / tokens).backward()
