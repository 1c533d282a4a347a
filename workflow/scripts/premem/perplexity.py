"""Perplexity of target tokens under a checkpoint, in batches sorted by length."""

from collections.abc import Sequence

import torch
from transformers import PreTrainedModel

from premem.progress import track
from premem.tokens import TokenizedExample


@torch.inference_mode()
def target_nll(model: PreTrainedModel, examples: Sequence[TokenizedExample], tokens_per_batch: int) -> list[float]:
    """Return −log f(target given prompt) of each example, summed over the target's tokens, in nats.

    Args:
        model: a causal language model.
        examples: token ids; each prompt has at least one token, so that every target token is conditioned on one.
        tokens_per_batch: padded tokens per forward pass; changes speed and memory only.
    """
    nll = [0.0] * len(examples)
    with track(len(examples), "examples") as progress:
        for batch in batches_by_length([len(e.prompt) + len(e.target) for e in examples], tokens_per_batch):
            for i, value in zip(batch, _batch_nll(model, [examples[i] for i in batch]), strict=True):
                nll[i] = value
            progress.update(len(batch))
    return nll


def batches_by_length(lengths: Sequence[int], tokens_per_batch: int) -> list[list[int]]:
    """Split indices into batches of similar length, the longest first, each within a budget of padded tokens."""
    batches: list[list[int]] = []
    for i in sorted(range(len(lengths)), key=lambda i: -lengths[i]):
        # The first of a batch is its longest, so it sets the padded length of all.
        if batches and (len(batches[-1]) + 1) * lengths[batches[-1][0]] <= tokens_per_batch:
            batches[-1].append(i)
        else:
            batches.append([i])
    return batches


def _batch_nll(model: PreTrainedModel, examples: Sequence[TokenizedExample]) -> list[float]:
    longest = max(len(e.prompt) + len(e.target) for e in examples)
    # Padded on the right: a causal model's targets never see the padding, so no mask is needed.
    ids = torch.zeros(len(examples), longest, dtype=torch.long)
    predicts_target = torch.zeros(len(examples), longest, dtype=torch.bool)  # positions whose next token is a target's
    for row, e in enumerate(examples):
        end = len(e.prompt) + len(e.target)
        ids[row, :end] = torch.tensor(e.prompt + e.target)
        predicts_target[row, len(e.prompt) - 1 : end - 1] = True
    ids, predicts_target = ids.to(model.device), predicts_target.to(model.device)
    # Logits are the costly part for a large vocabulary: none before the first target of the batch.
    first = min(len(e.prompt) for e in examples) - 1
    logits = model(
        input_ids=ids, use_cache=False, logits_to_keep=torch.arange(first, longest, device=ids.device)
    ).logits
    logits = logits[predicts_target[:, first:]].float()
    next_ids = ids.roll(-1, dims=1)[predicts_target]
    token_nll = torch.nn.functional.cross_entropy(logits, next_ids, reduction="none").double().cpu()
    rows = predicts_target.nonzero()[:, 0].cpu()
    return torch.zeros(len(examples), dtype=torch.double).index_add_(0, rows, token_nll).tolist()
