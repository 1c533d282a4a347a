"""Sample answers with transformers, faster than its ``generate``.

A prompt is read once, and its samples share its keys and values. The cache is allocated once and filled in place.
Finished answers leave the batch. Each sample has a random stream of its own, so an answer does not depend on the other
prompts in its batch or on the batch size (up to rounding in the logits).
"""

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import torch

from premem.base.progress import track
from premem.config.hardware import SamplingHardware
from premem.config.sampling import SamplingSettings
from premem.lm.models import load_model
from premem.lm.sampling.prompts import Completion, Prompt
from premem.lm.sampling.shared_prompt import SharedPromptCache, next_logits, use_shared_prompts
from premem.lm.sampling.stopping import StopText
from premem.lm.tokens import load_tokenizer

NUCLEUS_CANDIDATES = 32
"""Tokens that nucleus sampling looks at before it sorts the whole vocabulary."""
COMPACT_BELOW = 0.8
"""The batch is made smaller when less than this share of it is running, which weighs copying against idle rows."""


class TransformersBackend:
    """Samples from one checkpoint; see ``premem.lm.sampling.backends.open_backend``."""

    def __init__(self, checkpoint: Path, settings: SamplingSettings, stop: str, hardware: SamplingHardware) -> None:
        self.settings, self.batch_size = settings, hardware.batch
        self.model = load_model(checkpoint, dtype=settings.dtype)
        use_shared_prompts(self.model)
        self.tokenizer = load_tokenizer(checkpoint)
        self.stop = StopText(self.tokenizer, stop)
        self.may_end = torch.tensor(self.stop.may_end())
        # Ids below the largest that the tokenizer does not have; many have none.
        self.absent = torch.ones(len(self.may_end), dtype=torch.bool, device=self.model.device)
        self.absent[[*self.tokenizer.get_vocab().values()]] = False
        self.some_absent = bool(self.absent.any())

    def sample(self, prompts: Sequence[Prompt]) -> list[list[Completion]]:
        """Return ``settings.n`` completions for each prompt, in the order of the prompts."""
        by_length = sorted(range(len(prompts)), key=lambda i: len(prompts[i].token_ids))
        size = max(1, self.batch_size // self.settings.n)
        completions: list[list[Completion]] = [[] for _ in prompts]
        with track(len(prompts), "prompts") as progress:
            for start in range(0, len(by_length), size):
                batch = by_length[start : start + size]
                for row, completion in self._sample_batch([prompts[i] for i in batch]):
                    completions[batch[row // self.settings.n]].append(completion)
                progress.update(len(batch))
        return completions

    @torch.inference_mode()
    def _sample_batch(self, prompts: Sequence[Prompt]) -> Iterator[tuple[int, Completion]]:
        """Yield (row, completion) in the order of rows; row = prompt × n + sample."""
        settings = self.settings
        device = self.model.device
        n, longest = settings.n, max(len(prompt.token_ids) for prompt in prompts)
        capacity = longest + settings.max_new_tokens
        # Padding is on the left, so the last column holds the last token of every prompt.
        ids = torch.zeros(len(prompts), longest, dtype=torch.long)
        mask = torch.zeros(len(prompts), capacity, dtype=torch.bool)
        for row, prompt in enumerate(prompts):
            ids[row, longest - len(prompt.token_ids) :] = torch.tensor(prompt.token_ids)
            mask[row, longest - len(prompt.token_ids) :] = True
        ids, mask = ids.to(device), mask.to(device)
        cache = SharedPromptCache(self.model.config.get_text_config().num_hidden_layers, n, settings.max_new_tokens)
        positions = (mask[:, :longest].cumsum(1) - 1).clamp(min=0)
        logits = self._forward(ids, mask[:, :longest], positions, cache)

        cache.share()
        logits = logits.repeat_interleave(n, dim=0)
        mask = mask.repeat_interleave(n, dim=0)
        position = positions[:, -1].repeat_interleave(n)
        uniforms = torch.from_numpy(
            np.concatenate([_uniforms(settings.seed, prompt.seed, n, settings.max_new_tokens) for prompt in prompts])
        ).to(device)
        rows = len(prompts) * n
        alive = torch.arange(rows)  # row of each running sequence
        written = torch.zeros(rows, settings.max_new_tokens, dtype=torch.long)
        lengths = torch.full((rows,), settings.max_new_tokens)
        stopped = torch.zeros(rows, dtype=torch.bool)
        running = torch.ones(rows, dtype=torch.bool)  # of the rows still in the batch

        for step in range(settings.max_new_tokens):
            tokens = choose_tokens(logits, uniforms[:, step], settings.temperature, settings.top_p)
            on_cpu = tokens.cpu()
            written[alive[running], step] = on_cpu[running]
            for i in (self.may_end[on_cpu] & running).nonzero().squeeze(1).tolist():
                row = int(alive[i])
                if self.stop.has_stopped(prompts[row // n].token_ids, written[row, : step + 1].tolist()):
                    running[i] = False
                    lengths[row], stopped[row] = step + 1, True
            still = int(running.sum())
            if still == 0 or step + 1 == settings.max_new_tokens:
                break
            if still < COMPACT_BELOW * len(running):
                keep = running.nonzero().squeeze(1)
                alive, running = alive[keep], running[keep]
                keep = keep.to(device)
                cache.keep(keep)
                tokens, mask, position, uniforms = (x[keep] for x in (tokens, mask, position, uniforms))
            position = position + 1
            logits = self._forward(tokens[:, None], mask[:, : longest + step + 1], position[:, None], cache)

        for row in range(rows):
            ids_of_row = written[row, : lengths[row]].tolist()
            text = self.stop.answer(prompts[row // n].token_ids, ids_of_row, bool(stopped[row]))
            yield row, Completion(text, "stop" if stopped[row] else "length", len(ids_of_row))

    def _forward(
        self, ids: torch.Tensor, mask: torch.Tensor, positions: torch.Tensor, cache: SharedPromptCache
    ) -> torch.Tensor:
        """Logits of the last position, shape (rows, ids of the tokenizer); a model may have more than are in use."""
        logits = next_logits(self.model, ids, mask, positions, cache)[:, : len(self.may_end)]
        return logits.masked_fill(self.absent[: logits.shape[-1]], -torch.inf) if self.some_absent else logits


def choose_tokens(logits: torch.Tensor, uniforms: torch.Tensor, temperature: float, top_p: float) -> torch.Tensor:
    """Draw one token per row by inverting the cumulative distribution.

    Args:
        logits: shape (rows, vocabulary).
        uniforms: numbers in [0, 1), shape (rows,); a row's token depends only on its number and its logits.
        temperature: 0 chooses the likeliest token.
        top_p: share of the probability that is kept, the likeliest tokens first (nucleus sampling, Holtzman et al.
            2020).

    Returns:
        Token ids, shape (rows,).
    """
    if temperature == 0:
        return logits.argmax(-1)
    logits = logits.float() / temperature
    total = logits.logsumexp(-1, keepdim=True)
    candidates = min(NUCLEUS_CANDIDATES if top_p < 1 else logits.shape[-1], logits.shape[-1])
    best, tokens = logits.topk(candidates)
    cumulative = (best - total).exp().cumsum(-1)
    if candidates < logits.shape[-1] and bool((cumulative[:, -1] < top_p).any()):
        best, tokens = logits.sort(-1, descending=True)
        cumulative = (best - total).exp().cumsum(-1)
    # The nucleus ends with the first token that reaches top_p, and the uniform number is scaled to its mass.
    last = (cumulative < top_p).sum(-1, keepdim=True).clamp(max=cumulative.shape[-1] - 1)
    mass = cumulative.gather(-1, last)
    choice = torch.searchsorted(cumulative, uniforms[:, None].to(cumulative.dtype) * mass, right=True)
    return tokens.gather(-1, torch.minimum(choice, last)).squeeze(-1)


def _uniforms(seed: int, prompt_seed: int, n: int, length: int) -> np.ndarray:
    """Return the random streams of a prompt's samples: uniform numbers in [0, 1), shape (n, length)."""
    return np.random.Generator(np.random.Philox(key=[seed, prompt_seed])).random((n, length), dtype=np.float32)
