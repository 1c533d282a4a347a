"""Examples per second of the batched perplexity pass, compared with one example at a time, on the same examples.

    python benchmarks/perplexity.py [--checkpoint FOLDER --tokens TABLE] [--repeats 3]

Without options it takes a checkpoint of the embedded study, which must have run. The two take turns, on one thread; the
medians are printed, with the smallest and the largest, and the largest difference between their results.
"""

import argparse
import resource
import statistics
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "workflow" / "scripts"))

import torch
from transformers import LlamaConfig, LlamaForCausalLM

from premem.base.tables import read_table
from premem.config.hardware import PerplexityHardware
from premem.lm.models import load_model
from premem.lm.perplexity import target_nll
from premem.lm.tokens import TokenizedExample, examples_of

LARGE_VOCABULARY, LARGE_BATCH = 128_256, 4096  # Llama 3's, and a batch that shows it
EMBEDDED = Path(__file__).parents[1] / "results" / "embedded"


def main() -> None:
    """Print the speed of both, and their ratio."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    run = EMBEDDED / "runs" / "tiny" / "arithmetic" / "lr3e-3_ep18_full_seed0"
    parser.add_argument("--checkpoint", type=Path, default=run / "checkpoints" / "epoch-18")
    parser.add_argument("--tokens", type=Path, default=EMBEDDED / "tokens" / "tiny" / "arithmetic" / "train.parquet")
    parser.add_argument("--tokens-per-batch", type=int, default=PerplexityHardware().batch)
    parser.add_argument("--repeats", type=int, default=3)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    table = read_table(arguments.tokens, ["prompt_ids", "target_ids"])
    examples = examples_of(table)
    model = load_model(arguments.checkpoint)
    passes = {
        "one at a time": lambda: [one_at_a_time(model, example) for example in examples],
        "batched": lambda: target_nll(model, examples, arguments.tokens_per_batch),
    }
    speeds: dict[str, list[float]] = {name: [] for name in passes}
    results: dict[str, list[float]] = {}
    for _ in range(arguments.repeats):
        for name, measure in passes.items():
            start = time.perf_counter()
            results[name] = measure()
            speeds[name].append(len(examples) / (time.perf_counter() - start))
    print(f"{len(examples)} examples, one thread, {arguments.repeats} rounds")
    for name, values in speeds.items():
        print(f"{name:14} {statistics.median(values):9.0f} examples/s  ({min(values):.0f} to {max(values):.0f})")
    print(f"ratio          {statistics.median(speeds['batched']) / statistics.median(speeds['one at a time']):9.2f}")
    difference = max(abs(a - b) for a, b in zip(*results.values(), strict=True))
    print(f"largest difference of −log f(target): {difference:.1e} nats")

    print(f"a vocabulary of {LARGE_VOCABULARY:,}, {LARGE_BATCH:,} tokens at a time, float32")
    for name, whole in (("all logits at once", True), ("a part at a time", False)):
        with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
            print(f"{name:20} {pool.submit(memory_for_logits, whole).result():7.0f} MB above the model's own")


@torch.inference_mode()
def memory_for_logits(whole: bool) -> float:
    """Peak memory of a batch of examples under a small model with a large vocabulary, in MB."""
    shape = {"hidden_size": 256, "intermediate_size": 512, "num_hidden_layers": 2, "num_attention_heads": 4}
    model = LlamaForCausalLM(LlamaConfig(vocab_size=LARGE_VOCABULARY, **shape)).eval()
    example = TokenizedExample([1] * 128, [2] * 384)
    target_nll(model, [TokenizedExample([1], [2])], 2)  # what the libraries take at their first call is not the batch's
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    examples = [example] * (LARGE_BATCH // 512)
    if whole:
        model(input_ids=torch.tensor([e.prompt + e.target for e in examples])).logits.float().log_softmax(-1)
    else:
        target_nll(model, examples, LARGE_BATCH)
    return (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024


@torch.inference_mode()
def one_at_a_time(model: torch.nn.Module, example: TokenizedExample) -> float:
    """−log f(target given prompt), in nats."""
    ids = torch.tensor([example.prompt + example.target])
    log_probs = model(input_ids=ids).logits[0, len(example.prompt) - 1 : -1].log_softmax(-1)
    return -log_probs.gather(1, torch.tensor(example.target)[:, None]).sum().item()


if __name__ == "__main__":
    main()
