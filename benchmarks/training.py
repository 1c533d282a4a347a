"""Tokens per second of fine-tuning, the share of the GPUs' peak that this takes, and the memory.

    python benchmarks/training.py [--model 8b --processes 4 --strategy fsdp --examples-per-process 2 --peak-tflops 989]

A Llama model with random weights of the size named (see MODELS) is trained on random sequences by the same function as
a study's runs. Without options it is a tiny one, for a processor. FLOPs per token, forward and backward: 6 for each
weight of a matrix product, and 6 · layers · hidden size · length for attention, which is causal; what is computed anew
(--activation-checkpointing) does not count. The weights need room in the temporary folder: 4 bytes each.
"""

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1] / "workflow" / "scripts"))

import torch
from accelerate import PartialState
from transformers import AutoConfig, LlamaConfig, LlamaForCausalLM, TrainerCallback

from premem.config.hardware import TrainingHardware
from premem.config.models import Tokenizer
from premem.config.training import Training
from premem.lm.pretraining import train_tokenizer
from premem.lm.training import fine_tune

LAUNCHER = Path(__file__).parents[1] / "workflow" / "scripts" / "launch.py"
LLAMA_3 = {"vocab_size": 128256, "num_key_value_heads": 8}
MODELS: dict[str, dict[str, int]] = {
    "tiny": {"vocab_size": 512, "hidden_size": 64, "num_hidden_layers": 4, "num_attention_heads": 2}
    | {"num_key_value_heads": 2, "intermediate_size": 192},
    "1b": LLAMA_3
    | {"hidden_size": 2048, "num_hidden_layers": 16, "num_attention_heads": 32, "intermediate_size": 8192},
    "8b": LLAMA_3
    | {"hidden_size": 4096, "num_hidden_layers": 32, "num_attention_heads": 32, "intermediate_size": 14336},
}


class StepTimes(TrainerCallback):
    """The time at which each step ended."""

    def __init__(self) -> None:
        self.ends: list[float] = []

    def on_log(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        if "loss" in kwargs["logs"]:  # it has been read from the GPU, so the step is over
            self.ends.append(time.perf_counter())


def main() -> None:
    """Make the model, and train it in a process or several."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", choices=MODELS, default="tiny")
    parser.add_argument("--processes", type=int, default=1)
    parser.add_argument("--strategy", choices=("ddp", "fsdp"), default="ddp")
    parser.add_argument("--batch-size", type=int, default=16)
    parser.add_argument("--examples-per-process", type=int)
    parser.add_argument("--activation-checkpointing", action="store_true")
    parser.add_argument("--length", type=int, default=256, help="tokens of an example")
    parser.add_argument("--steps", type=int, default=20, help="that are timed; 3 more come before")
    parser.add_argument("--dtype", choices=("float32", "bfloat16", "float16"), default="bfloat16")
    parser.add_argument("--peak-tflops", type=float, help="of one GPU, such as 989 for an H100 in bfloat16")
    parser.add_argument("--base", type=Path, help=argparse.SUPPRESS)  # made; a process that trains is given it
    arguments = parser.parse_args()
    if arguments.base:
        train(arguments)
        return
    with tempfile.TemporaryDirectory() as folder:
        base = Path(folder) / "base"
        config = LlamaConfig(max_position_embeddings=arguments.length, **MODELS[arguments.model])
        LlamaForCausalLM(config).save_pretrained(base)
        train_tokenizer(["a"], Tokenizer(kind="words")).save_pretrained(base)
        launcher = [LAUNCHER, str(arguments.processes)] if arguments.processes > 1 else []
        done = subprocess.run([sys.executable, *launcher, __file__, *sys.argv[1:], "--base", base])
        sys.exit(done.returncode)


def train(arguments: argparse.Namespace) -> None:
    """Train, and print what was measured."""
    hardware = TrainingHardware(
        processes=arguments.processes,
        strategy=arguments.strategy,
        examples_per_process=arguments.examples_per_process,
        activation_checkpointing=arguments.activation_checkpointing,
    )
    times, warm_up = StepTimes(), 3
    size, half = MODELS[arguments.model], arguments.length // 2
    generator = torch.Generator().manual_seed(0)
    shape = (arguments.batch_size * (warm_up + arguments.steps), 2 * half)
    ids = torch.randint(size["vocab_size"], shape, generator=generator).tolist()
    fine_tune(
        arguments.base,
        [row[:half] for row in ids],
        [row[half:] for row in ids],
        Training(batch_size=arguments.batch_size, dtype=arguments.dtype),
        hardware,
        lr=1e-5,
        epochs=1,
        seed=0,
        checkpoints={},
        work=arguments.base.parent / "work",
        callbacks=[times],
    )
    if PartialState().is_main_process:
        with torch.device("meta"):
            model = LlamaForCausalLM(AutoConfig.from_pretrained(arguments.base))
        weights = sum(p.numel() for p in model.parameters()) - model.get_input_embeddings().weight.numel()
        seconds = times.ends[-1] - times.ends[warm_up - 1]
        speed = arguments.batch_size * 2 * half * arguments.steps / seconds
        attention = 6 * size["num_hidden_layers"] * size["hidden_size"] * 2 * half
        tflops = speed * (6 * weights + attention) / 1e12 / arguments.processes
        print(json.dumps(hardware.model_dump()))
        print(
            f"{arguments.model}, {arguments.dtype}, {arguments.steps} steps of {arguments.batch_size} × "
            f"{2 * half} tokens"
        )
        print(f"{speed:,.0f} tokens/s, {tflops:.3g} TFLOP/s a process")
        if arguments.peak_tflops:
            print(f"model FLOPs utilisation {tflops / arguments.peak_tflops:.1%}")
        if torch.cuda.is_available():
            print(f"peak memory {torch.cuda.max_memory_allocated() / 2**30:.2f} GiB on the first GPU")
        else:
            print(
                f"peak memory {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20:.2f} GiB in the first process"
            )
    PartialState().destroy_process_group()


if __name__ == "__main__":
    main()
