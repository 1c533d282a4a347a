"""Tokens per second of the transformers backend and of transformers' own `generate`, on the same prompts.

    python benchmarks/sampling.py [--checkpoints FOLDER ... --tokens TABLE ... --stop TEXT] [--repeats 3]
    .venv-vllm/bin/python benchmarks/sampling.py --vllm     # vLLM by itself on these prompts, without its start

Without options it takes what a job of the embedded study does, which must have run: all prompts, train and test, at an
early and a late checkpoint. `generate` runs twice: with as many rows as the backend, and with the few rows of common
use. They take turns, on one thread; the medians are printed, with the smallest and the largest.
"""

import argparse
import statistics
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "workflow" / "scripts"))

import torch

from premem.base.tables import read_table
from premem.config.hardware import SamplingHardware
from premem.config.sampling import SamplingSettings
from premem.lm.models import load_model
from premem.lm.sampling.backends import open_backend
from premem.lm.sampling.prompts import seeded_prompts
from premem.lm.sampling.vllm_backend import VllmBackend
from premem.lm.tokens import load_tokenizer

EMBEDDED = Path(__file__).parents[1] / "results" / "embedded"
SETTINGS = SamplingSettings(n=4, max_new_tokens=64)


def main() -> None:
    """Print the speed of both, and their ratio."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    run = EMBEDDED / "runs" / "tiny" / "arithmetic" / "lr3e-3_ep18_full_seed0"
    tokens = EMBEDDED / "tokens" / "tiny" / "arithmetic"
    parser.add_argument(
        "--checkpoints", type=Path, nargs="+", default=[run / "checkpoints" / name for name in ("epoch-3", "epoch-18")]
    )
    parser.add_argument("--tokens", type=Path, nargs="+", default=[tokens / "train.parquet", tokens / "test.parquet"])
    parser.add_argument("--stop", default=" Done")
    parser.add_argument("--batch-size", type=int, default=SamplingHardware().batch)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--vllm", action="store_true", help="time vLLM instead; run this with its interpreter")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    prompts = [ids.tolist() for path in arguments.tokens for ids in read_table(path, ["prompt_ids"])["prompt_ids"]]
    print(f"{len(prompts)} prompts × {SETTINGS.n} samples, one thread, {arguments.repeats} rounds")
    for checkpoint in arguments.checkpoints:
        if arguments.vllm:
            time_vllm(checkpoint, prompts, arguments.stop, arguments.repeats)
        else:
            compare(checkpoint, prompts, arguments.stop, arguments.batch_size, arguments.repeats)


def time_vllm(checkpoint: Path, prompts: list[list[int]], stop: str, repeats: int) -> None:
    backend = VllmBackend(checkpoint, SETTINGS, stop, SamplingHardware())
    with backend.engine(max(map(len, prompts)) + SETTINGS.max_new_tokens) as engine:

        def sample() -> int:
            completions = backend.sample_with(engine, seeded_prompts(prompts, SETTINGS))
            return sum(completion.n_tokens for answers in completions for completion in answers)

        report(checkpoint, {"vLLM": [tokens_per_second(sample) for _ in range(repeats)]})


def compare(checkpoint: Path, prompts: list[list[int]], stop: str, batch_size: int, repeats: int) -> None:
    backend = open_backend(checkpoint, SETTINGS, stop, SamplingHardware(batch=batch_size))
    model, tokenizer = load_model(checkpoint), load_tokenizer(checkpoint)

    def sample() -> int:
        completions = backend.sample(seeded_prompts(prompts, SETTINGS))
        return sum(completion.n_tokens for answers in completions for completion in answers)

    contenders: dict[str, Callable[[], int]] = {
        f"generate, {rows} rows": partial(generate, model, tokenizer, prompts, stop, rows) for rows in (batch_size, 128)
    }
    contenders[f"this backend, {batch_size} rows"] = sample
    speeds: dict[str, list[float]] = {name: [] for name in contenders}
    for _ in range(repeats):
        for name, run in contenders.items():
            speeds[name].append(tokens_per_second(run))
    report(checkpoint, speeds)


def report(checkpoint: Path, speeds: dict[str, list[float]]) -> None:
    print(checkpoint.name)
    for name, values in speeds.items():
        print(f"  {name:24} {statistics.median(values):9.0f} tokens/s  ({min(values):.0f} to {max(values):.0f})")


def tokens_per_second(run: Callable[[], int]) -> float:
    start = time.perf_counter()
    return run() / (time.perf_counter() - start)


def generate(model: torch.nn.Module, tokenizer, prompts: list[list[int]], stop: str, rows: int) -> int:
    """Sample with `generate`, batches sorted by length; return the number of tokens up to each answer's end."""
    torch.manual_seed(0)
    tokenizer.padding_side = "left"
    stop_id = tokenizer.convert_tokens_to_ids(stop.strip())
    prompts = sorted(prompts, key=len)
    size = rows // SETTINGS.n
    written = 0
    for start in range(0, len(prompts), size):
        batch = tokenizer.pad({"input_ids": prompts[start : start + size]}, return_tensors="pt")
        with torch.inference_mode():
            ids = model.generate(
                **batch,
                do_sample=True,
                temperature=SETTINGS.temperature,
                top_p=SETTINGS.top_p,
                top_k=0,
                num_return_sequences=SETTINGS.n,
                max_new_tokens=SETTINGS.max_new_tokens,
                eos_token_id=stop_id,
                pad_token_id=tokenizer.pad_token_id,
            )
        written += int((ids[:, batch["input_ids"].shape[1] :] != tokenizer.pad_token_id).sum())
    return written


if __name__ == "__main__":
    main()
