"""Sampling answers from a checkpoint: the interface, and the backends behind it.

A backend is a module of this package with a class ``Backend``: built once for a checkpoint, it answers any number of
prompts. It reads and returns plain values, so that the tables do not depend on which backend made them.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol

import pandas as pd

from premem.config.hardware import SamplingHardware
from premem.config.sampling import SamplingSettings


@dataclass(frozen=True)
class Prompt:
    """Token ids of a prompt, and the seed of its first sample; sample k has ``seed + k`` to itself."""

    token_ids: Sequence[int]
    seed: int


@dataclass(frozen=True)
class Completion:
    """One sampled answer: its text without the stop string, why it ended, and the tokens sampled for it."""

    text: str
    finish_reason: Literal["stop", "length"]
    n_tokens: int


class Backend(Protocol):
    """Samples ``settings.n`` completions for each prompt, in the order of the prompts."""

    def sample(self, prompts: Sequence[Prompt]) -> list[list[Completion]]: ...


def open_backend(checkpoint: Path, settings: SamplingSettings, stop: str, hardware: SamplingHardware) -> Backend:
    """Load a checkpoint into the backend that ``settings.backend`` names.

    Args:
        checkpoint: a Hugging Face model folder.
        settings: how to sample.
        stop: the text that ends an answer.
        hardware: what the machine can take; changes speed and memory only.
    """
    match settings.backend:
        case "transformers":
            from premem.lm.sampling.transformers_backend import TransformersBackend

            return TransformersBackend(checkpoint, settings, stop, hardware)
        case "vllm":
            from premem.lm.sampling.vllm_backend import VllmBackend

            return VllmBackend(checkpoint, settings, stop, hardware)


def seeded_prompts(token_ids: Sequence[Sequence[int]], settings: SamplingSettings) -> list[Prompt]:
    """Give every prompt a seed, spaced so that no two samples share one."""
    return [Prompt(ids, seed=i * settings.n) for i, ids in enumerate(token_ids)]


def tabulate(asked: pd.DataFrame, completions: Sequence[Sequence[Completion]]) -> pd.DataFrame:
    """Return a row per sampled answer: split, example_id, sample, text, finish_reason, n_tokens.

    Args:
        asked: split and example_id of every prompt.
        completions: of every prompt, in the same order.
    """
    rows = [
        (split, example_id, sample, completion.text, completion.finish_reason, completion.n_tokens)
        for split, example_id, answers in zip(asked["split"], asked["example_id"], completions, strict=True)
        for sample, completion in enumerate(answers)
    ]
    return pd.DataFrame(rows, columns=["split", "example_id", "sample", "text", "finish_reason", "n_tokens"])
