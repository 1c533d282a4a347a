"""Sharing the prompts of a checkpoint among several processes, each with its own GPUs if there are GPUs."""

import os
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import torch

from premem.config.hardware import SamplingHardware
from premem.config.sampling import SamplingSettings
from premem.lm.sampling.backends import open_backend
from premem.lm.sampling.prompts import Completion, Prompt


def sample_checkpoint(
    checkpoint: Path, settings: SamplingSettings, stop: str, hardware: SamplingHardware, prompts: Sequence[Prompt]
) -> list[list[Completion]]:
    """Sample answers to the prompts, in their order.

    Every prompt has a seed of its own, so the number of shards changes no answer.
    """
    shards = min(hardware.shards, len(prompts))
    if shards <= 1:
        return open_backend(checkpoint, settings, stop, hardware).sample(prompts)
    gpus = [name for name in os.environ.get("CUDA_VISIBLE_DEVICES", "").split(",") if name]
    answers: list[list[Completion]] = [[] for _ in prompts]
    # New processes, since a forked one cannot use a GPU. Every shard has the same mix of long and short prompts.
    with ProcessPoolExecutor(shards, mp_context=get_context("spawn")) as pool:
        done = [
            pool.submit(
                _sample_shard,
                gpus[i * hardware.tensor_parallel : (i + 1) * hardware.tensor_parallel],
                (checkpoint, settings, stop, hardware),
                prompts[i::shards],
            )
            for i in range(shards)
        ]
        for i, shard in enumerate(done):
            answers[i::shards] = shard.result()
    return answers


def _sample_shard(
    gpus: list[str], opened: tuple[Path, SamplingSettings, str, SamplingHardware], prompts: Sequence[Prompt]
) -> list[list[Completion]]:
    if gpus:  # before the first use of CUDA in this process
        os.environ["CUDA_VISIBLE_DEVICES"] = ",".join(gpus)
    torch.set_num_threads(1)
    return open_backend(*opened).sample(prompts)
