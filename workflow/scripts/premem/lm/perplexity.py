"""Perplexity of target tokens under a checkpoint, in batches sorted by length.

With a large vocabulary the logits would take most of the memory. The model's head is therefore applied to a few
positions at a time, and only to those that predict a token of a target.
"""

import math
import sys
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from functools import partial
from multiprocessing import get_context
from pathlib import Path

import torch
from torch import Tensor
from transformers import PreTrainedModel

from premem.base.progress import track
from premem.lm.models import load_model
from premem.lm.tokens import TokenizedExample

LOGITS_AT_A_TIME = 2**24
"""Logits in memory at the same time; 64 MB in float32."""
TOLERANCE = {torch.float32: 1e-3, torch.bfloat16: 0.05, torch.float16: 0.02}
"""Number format → relative difference that sums in another order may have."""


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
    whole = bool(examples) and _needs_whole_logits(model, examples[0])
    if whole:
        print(
            f"{type(model).__name__}: its head cannot be used separately, so all logits are in memory at once",
            file=sys.stderr,
        )
    with track(len(examples), "examples") as progress:
        for batch in batches_by_length([len(e.prompt) + len(e.target) for e in examples], tokens_per_batch):
            for i, value in zip(batch, _batch_nll(model, [examples[i] for i in batch], whole), strict=True):
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


def _batch_nll(model: PreTrainedModel, examples: Sequence[TokenizedExample], whole: bool) -> list[float]:
    ids, predicts_target = stack(examples, model.device)
    next_ids = ids.roll(-1, dims=1)[predicts_target]
    if whole:
        logits = model(input_ids=ids, use_cache=False).logits[predicts_target]
        token_nll = torch.nn.functional.cross_entropy(logits.float(), next_ids, reduction="none")
    else:
        token_nll = _token_nll(model, ids, predicts_target, next_ids)
    rows = predicts_target.nonzero()[:, 0].cpu()
    return torch.zeros(len(examples), dtype=torch.double).index_add_(0, rows, token_nll.double().cpu()).tolist()


def _token_nll(model: PreTrainedModel, ids: Tensor, positions: Tensor, next_ids: Tensor) -> Tensor:
    """Return −log f(next token) at some positions, a few at a time.

    The model's own ``forward`` runs, with everything it does before and after its head. In a first pass the head
    receives a single state while all states are kept. In later passes it receives the kept states of a few positions.

    Args:
        model: a causal language model.
        ids: token ids, shape (examples, tokens).
        positions: which positions are wanted, of the same shape.
        next_ids: the token after each of these positions.

    Returns:
        Shape (positions wanted,).

    Raises:
        _NoHead: if the model does not call its head as a module.
    """
    kept: list[Tensor] = []

    def keep(states: Tensor) -> Tensor:
        kept.append(states)
        return states[:, :1]

    with _hand_to_head(model, keep):
        model(input_ids=ids, use_cache=False)
    if [tuple(states.shape[:2]) for states in kept] != [tuple(ids.shape)]:
        raise _NoHead
    hidden, parts = kept[0][positions], []
    at_a_time = max(1, LOGITS_AT_A_TIME // model.config.get_text_config().vocab_size)
    for states, targets in zip(hidden.split(at_a_time), next_ids.split(at_a_time), strict=True):
        with _hand_to_head(model, partial(_put, states[None])):
            logits = model(input_ids=ids[:1, :1], use_cache=False).logits[0]
        parts.append(torch.nn.functional.cross_entropy(logits.float(), targets, reduction="none"))
    return torch.cat(parts)


def _put(states: Tensor, instead_of: Tensor) -> Tensor:
    return states


@contextmanager
def _hand_to_head(model: PreTrainedModel, choose: Callable[[Tensor], Tensor]) -> Iterator[None]:
    """Make a model's head receive the result of ``choose`` in place of its input states."""
    head = model.get_output_embeddings()
    if head is None:
        raise _NoHead
    handle = head.register_forward_pre_hook(lambda _, states: (choose(states[0]), *states[1:]))
    try:
        yield
    finally:
        handle.remove()


class _NoHead(Exception):
    """The head of a model is not a module that receives the states of all positions."""


def _needs_whole_logits(model: PreTrainedModel, example: TokenizedExample) -> bool:
    """Return whether the head cannot be used separately; a few tokens are measured both ways to find out."""
    example = TokenizedExample(example.prompt[-8:], example.target[:8])
    (expected,) = _batch_nll(model, [example], whole=True)
    try:
        (found,) = _batch_nll(model, [example], whole=False)
    except (_NoHead, RuntimeError, TypeError):  # errors that other shapes may cause
        return True
    return not math.isclose(found, expected, rel_tol=TOLERANCE[model.dtype], abs_tol=1e-4)
