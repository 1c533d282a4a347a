"""Perplexity of target tokens under a checkpoint, in batches sorted by length.

With a large vocabulary the logits would take most of the memory. The model's head is therefore applied to a few
positions at a time, and only to those that predict a token of a target.
"""

from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any
from unittest.mock import patch

import torch
from torch import Tensor
from transformers import PreTrainedModel

from premem.base.progress import track
from premem.lm.models import load_model
from premem.lm.tokens import TokenizedExample

LOGITS_AT_A_TIME = 2**24
"""Logits in memory at the same time; 64 MB in float32."""


def nll_under_checkpoint(
    checkpoint: Path, examples: Sequence[TokenizedExample], dtype: str, tokens_per_batch: int, processes: int = 1
) -> list[float]:
    """Return ``target_nll`` under the model of a folder, computed by one or several processes.

    Args:
        checkpoint: a Hugging Face model folder.
        examples: token ids.
        dtype: number format of the forward pass.
        tokens_per_batch: padded tokens per forward pass.
        processes: how many processes share the examples. Each uses a GPU of its own if there are GPUs.
    """
    if processes == 1:
        return target_nll(load_model(checkpoint, dtype), examples, tokens_per_batch)
    nll = [0.0] * len(examples)
    with ProcessPoolExecutor(processes, mp_context=get_context("spawn")) as pool:
        shares = [
            pool.submit(_nll_of_share, rank, checkpoint, examples[rank::processes], dtype, tokens_per_batch)
            for rank in range(processes)
        ]
        for rank, share in enumerate(shares):
            nll[rank::processes] = share.result()
    return nll


def _nll_of_share(
    rank: int, checkpoint: Path, examples: Sequence[TokenizedExample], dtype: str, tokens_per_batch: int
) -> list[float]:
    torch.set_num_threads(1)
    if torch.cuda.is_available():
        torch.cuda.set_device(rank % torch.cuda.device_count())
    return target_nll(load_model(checkpoint, dtype), examples, tokens_per_batch)


@torch.inference_mode()
def target_nll(model: PreTrainedModel, examples: Sequence[TokenizedExample], tokens_per_batch: int) -> list[float]:
    """Return −log f(target given prompt) of each example, summed over the target's tokens, in nats.

    The log-softmax is computed in float32, whatever the model's number format.

    Args:
        model: a causal language model.
        examples: token ids. Each prompt has at least one token, so that every target token follows another token.
        tokens_per_batch: padded tokens per forward pass; it changes only speed and memory.
    """
    nll = [0.0] * len(examples)
    with track(len(examples), "examples") as progress:
        for batch in batches_by_length([len(e.prompt) + len(e.target) for e in examples], tokens_per_batch):
            for i, value in zip(batch, _batch_nll(model, [examples[i] for i in batch]), strict=True):
                nll[i] = value
            progress.update(len(batch))
    return nll


def batches_by_length(lengths: Sequence[int], tokens_per_batch: int) -> list[list[int]]:
    """Split indices into batches of similar length, the longest first.

    Args:
        lengths: tokens of each example.
        tokens_per_batch: most padded tokens of a batch.
    """
    batches: list[list[int]] = []
    for i in sorted(range(len(lengths)), key=lambda i: -lengths[i]):
        # The first example of a batch is its longest, so it determines the padded length.
        if batches and (len(batches[-1]) + 1) * lengths[batches[-1][0]] <= tokens_per_batch:
            batches[-1].append(i)
        else:
            batches.append([i])
    return batches


def stack(examples: Sequence[TokenizedExample], device: torch.device) -> tuple[Tensor, Tensor]:
    """Return token ids, and at which positions the next token belongs to a target; shapes (examples, tokens).

    Padding is on the right. In a causal model no target attends to it, so no mask is needed.
    """
    longest = max(len(e.prompt) + len(e.target) for e in examples)
    ids = torch.zeros(len(examples), longest, dtype=torch.long)
    predicts_target = torch.zeros(len(examples), longest, dtype=torch.bool)
    for row, e in enumerate(examples):
        end = len(e.prompt) + len(e.target)
        ids[row, :end] = torch.tensor(e.prompt + e.target)
        predicts_target[row, len(e.prompt) - 1 : end - 1] = True
    return ids.to(device), predicts_target.to(device)


def _batch_nll(model: PreTrainedModel, examples: Sequence[TokenizedExample]) -> list[float]:
    ids, predicts_target = stack(examples, model.device)
    outputs = model.base_model(input_ids=ids, use_cache=False)
    token_nll = _token_nll(model, outputs, predicts_target, ids.roll(-1, dims=1)[predicts_target])
    rows = predicts_target.nonzero()[:, 0].cpu()
    return torch.zeros(len(examples), dtype=torch.double).index_add_(0, rows, token_nll.double().cpu()).tolist()


def _token_nll(model: PreTrainedModel, outputs: Any, positions: Tensor, next_ids: Tensor) -> Tensor:
    """Return −log f(next token) at some positions, a few at a time.

    Args:
        model: its own ``forward`` turns hidden states into logits, with any factor or cap of its architecture. Here it
            receives hidden states that were computed before.
        outputs: of the model without its head.
        positions: which positions are wanted, shape (examples, tokens).
        next_ids: the token after each of these positions.

    Returns:
        Shape (positions wanted,).
    """
    hidden, parts = outputs.last_hidden_state[positions], []
    at_a_time = max(1, LOGITS_AT_A_TIME // model.config.get_text_config().vocab_size)
    for states, ids in zip(hidden.split(at_a_time), next_ids.split(at_a_time), strict=True):
        there = type(outputs)(last_hidden_state=states[None])
        with patch.object(model.base_model, "forward", lambda *_, there=there, **__: there):
            logits = model(input_ids=ids[None], use_cache=False).logits[0]
        parts.append(torch.nn.functional.cross_entropy(logits.float(), ids, reduction="none"))
    return torch.cat(parts)
