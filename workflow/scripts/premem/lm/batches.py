"""Batches of training examples: loss on target tokens only, one random order of the examples per epoch."""

from collections.abc import Iterator, Sequence

import numpy as np
import torch
from torch.utils.data import Dataset, Sampler

IGNORED = -100
"""Label of a token that carries no loss."""
Example = tuple[torch.Tensor, torch.Tensor]
"""Token ids and labels."""
FILLER: Example = (torch.tensor([0]), torch.tensor([IGNORED]))
"""An example without loss."""


class TargetLossDataset(Dataset):
    """Examples as token ids and labels; prompt tokens carry no loss. An index beyond the last example gives a filler.

    Args:
        prompts: token ids of each prompt.
        targets: token ids of each target.
    """

    def __init__(self, prompts: Sequence[Sequence[int]], targets: Sequence[Sequence[int]]) -> None:
        self.examples = [
            (torch.tensor([*prompt, *target]), torch.tensor([IGNORED] * len(prompt) + list(target)))
            for prompt, target in zip(prompts, targets, strict=True)
        ]

    def __len__(self) -> int:
        return len(self.examples)

    def __getitem__(self, index: int) -> Example:
        return self.examples[index] if index < len(self.examples) else FILLER


class EpochOrder(Sampler[int]):
    """A random order of the examples for each epoch, which depends only on the seed and the epoch, both hashed.

    Fillers complete the last batch, so that all processes get the same number of examples. Without them, accelerate
    would take examples from the beginning of the epoch, which would then count twice.
    """

    def __init__(self, num_examples: int, batch_size: int, seed: int) -> None:
        self.num_examples, self.batch_size, self.seed = num_examples, batch_size, seed
        self.epoch = 0

    def __len__(self) -> int:
        return -(-self.num_examples // self.batch_size) * self.batch_size

    def __iter__(self) -> Iterator[int]:
        # By seed + epoch, two runs with neighbouring seeds would share all orders but one.
        hashed = int(np.random.SeedSequence([self.seed, self.epoch]).generate_state(1, np.uint64)[0])
        generator = torch.Generator().manual_seed(hashed)
        yield from torch.randperm(self.num_examples, generator=generator).tolist()
        yield from [self.num_examples] * (len(self) - self.num_examples)


def pad_batch(examples: Sequence[Example], pad_id: int) -> dict[str, torch.Tensor]:
    """Stack examples, padded on the right; shapes (examples, tokens). Fillers are left out unless all are fillers."""
    examples = [example for example in examples if example is not FILLER] or [FILLER]
    ids, labels = [ids for ids, _ in examples], [labels for _, labels in examples]
    pad = torch.nn.utils.rnn.pad_sequence
    lengths = torch.tensor([len(row) for row in ids])
    return {
        "input_ids": pad(ids, batch_first=True, padding_value=pad_id),
        "attention_mask": (torch.arange(int(lengths.max())) < lengths[:, None]).long(),
        "labels": pad(labels, batch_first=True, padding_value=IGNORED),
    }
