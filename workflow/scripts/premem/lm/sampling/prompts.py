"""What goes into and out of a sampling backend: prompts with seeds, and completions."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

import pandas as pd

from premem.config.data import HOLDOUT, TRAIN
from premem.config.sampling import SamplingSettings


@dataclass(frozen=True)
class Prompt:
    """Token ids of a prompt, and the seed of its first sample; only sample k uses the seed ``seed + k``."""

    token_ids: Sequence[int]
    seed: int


@dataclass(frozen=True)
class Completion:
    """One sampled answer: its text without the stop string, why it ended, and how many tokens were sampled."""

    text: str
    finish_reason: Literal["stop", "length"]
    n_tokens: int


class Backend(Protocol):
    """Samples answers from one checkpoint."""

    def sample(self, prompts: Sequence[Prompt]) -> list[list[Completion]]:
        """Return ``settings.n`` completions for each prompt, in the order of the prompts."""
        ...


def seeded_prompts(token_ids: Sequence[Sequence[int]], settings: SamplingSettings) -> list[Prompt]:
    """Give every prompt a seed. The seeds are spaced so that no two samples share one."""
    return [Prompt(ids, seed=i * settings.n) for i, ids in enumerate(token_ids)]


def prompts_of_splits(
    splits: Mapping[str, pd.DataFrame], settings: SamplingSettings, only_tests: bool = False
) -> tuple[pd.DataFrame, list[Prompt]]:
    """Give a seed to every prompt of a training set, of what is held out of it, and of its test sets.

    Seeds depend on the position of a prompt among all prompts. The training set therefore comes first, then the test
    set ``test``, then the others by name, whatever their order in the study, and then what the run holds out.

    Args:
        splits: split → table with example_id and prompt_ids.
        settings: how to sample.
        only_tests: return the prompts of the test sets alone, with the seeds that they have among all prompts.

    Returns:
        A table with example_id, prompt_ids and split; and the prompts, in the same order.
    """
    order = sorted(splits, key=lambda split: (split != TRAIN, split == HOLDOUT, split != "test", split))
    table = pd.concat([splits[split][["example_id", "prompt_ids"]].assign(split=split) for split in order])
    prompts = seeded_prompts(list(table["prompt_ids"]), settings)
    if not only_tests:
        return table, prompts
    is_test = (~table["split"].isin([TRAIN, HOLDOUT])).to_numpy()
    return table[is_test], [prompt for prompt, asked in zip(prompts, is_test, strict=True) if asked]


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
