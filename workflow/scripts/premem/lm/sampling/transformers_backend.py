"""Sample answers with transformers, faster than its ``generate``.

A prompt is read once, and its samples share its keys and values. The cache is allocated once and filled in place.
Finished answers leave the batch. Each sample has a random stream of its own, so an answer does not depend on the other
prompts in its batch or on the batch size (up to rounding in the logits).
"""

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import torch
from transformers import PreTrainedTokenizerBase

from premem.base.progress import track
from premem.config.hardware import SamplingHardware
from premem.config.sampling import SamplingSettings
from premem.lm.models import load_model
from premem.lm.sampling.prompts import Completion, Prompt, cut_at_stop
from premem.lm.sampling.shared_prompt import SharedPromptCache, use_shared_prompts
from premem.lm.tokens import load_tokenizer

NUCLEUS_CANDIDATES = 32
"""Tokens that nucleus sampling looks at before it sorts the whole vocabulary."""
COMPACT_BELOW = 0.8
"""The batch is made smaller when less than this share of it is running, which weighs copying against idle rows."""


class TransformersBackend:
    """Samples from one checkpoint; see ``premem.lm.sampling.backends.open_backend``."""

    def __init__(self, checkpoint: Path, settings: SamplingSettings, stop: str, hardware: SamplingHardware) -> None:
        self.settings, self.stop, self.batch_size = settings, stop, hardware.batch
        self.model = load_model(checkpoint, dtype=settings.dtype)
        use_shared_prompts(self.model)
        self.tokenizer = load_tokenizer(checkpoint)
        self.stops = _StopDetector(self.tokenizer, stop)

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
        ends = ids[:, -1]
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
            for i in self.stops.may_have_stopped(on_cpu, running):
                if self.stops.has_stopped(int(ends[alive[i] // n]), written[alive[i], : step + 1]):
                    running[i] = False
                    lengths[alive[i]], stopped[alive[i]] = step + 1, True
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
            text = cut_at_stop(str(self.tokenizer.decode(ids_of_row, skip_special_tokens=True)), self.stop)
            yield row, Completion(text, "stop" if stopped[row] else "length", len(ids_of_row))

    def _forward(
        self, ids: torch.Tensor, mask: torch.Tensor, positions: torch.Tensor, cache: SharedPromptCache
    ) -> torch.Tensor:
        """Return logits of the last position, shape (rows, tokens of the tokenizer); models may have surplus logits."""
        return self.model(
            input_ids=ids,
            attention_mask=mask,
            position_ids=positions,
            past_key_values=cache,
            use_cache=True,
            logits_to_keep=1,
        ).logits[:, -1, : len(self.tokenizer)]


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


class _StopDetector:
    """Finds the end of an answer, which is the stop string in its text or the end-of-sequence token."""

    def __init__(self, tokenizer: PreTrainedTokenizerBase, stop: str) -> None:
        self.tokenizer, self.stop = tokenizer, stop
        self.end_ids = {tokenizer.eos_token_id} - {None}
        # Decode only after a token that could complete the stop string, which is one whose text overlaps its end.
        vocabulary = len(tokenizer)
        texts = tokenizer.batch_decode([[i] for i in range(vocabulary)])
        self.may_end = torch.tensor(
            [i in self.end_ids or _could_end(text, stop) for i, text in enumerate(texts)], dtype=torch.bool
        )

    def may_have_stopped(self, tokens: torch.Tensor, running: torch.Tensor) -> list[int]:
        return (self.may_end[tokens] & running).nonzero().squeeze(1).tolist()

    def has_stopped(self, prompt_end: int, token_ids: torch.Tensor) -> bool:
        """Return whether an answer has ended.

        Args:
            prompt_end: last token of the prompt.
            token_ids: all tokens of the answer so far.
        """
        ids = [prompt_end, *token_ids.tolist()]
        if ids[-1] in self.end_ids:
            return True
        # A stop string of k characters spans at most k tokens, plus the one that it begins within. They are decoded
        # together with the token before them, since some tokenizers drop the first blank of a text.
        before, *ids = ids[-(len(self.stop) + 2) :]
        return self.stop in self.tokenizer.decode([before, *ids])[len(self.tokenizer.decode([before])) :]


def _could_end(token_text: str, stop: str) -> bool:
    """Return whether the stop string can be complete after this token."""
    return stop in token_text or any(
        stop.endswith(token_text[:k]) for k in range(1, min(len(token_text), len(stop)) + 1)
    )
