"""Measure what predictors of generalization need of a run's checkpoints, each loaded once."""

from pathlib import Path

import pandas as pd
import torch

from premem.analysis.predictors.from_weights import distances, gradient_variance
from premem.base import cli
from premem.base.tables import read_table, write_table
from premem.config.analyses import Predictors
from premem.config.hardware import PerplexityHardware
from premem.lm.models import load_model, prepare_device
from premem.lm.perplexity import target_nll
from premem.lm.tokens import TokenizedExample, examples_of, load_tokenizer, select_subset


def main(
    base: Path,
    checkpoints: list[Path],
    checkpoint_epochs: list[int],
    tokens: list[Path],
    samples: list[Path],
    size: float,
    stop: str,
    dtype: str,
    settings: Predictors,
    threads: int,
    gpus: int,
    hardware: PerplexityHardware,
    weights: Path,
    confidences: Path,
) -> None:
    prepare_device(threads, gpus, "hardware.gpu")
    train = select_subset(read_table(tokens[0], ["example_id", "prompt_ids", "target_ids", "subset_rank"]), size)
    examples = examples_of(train)
    prompts = {
        (path.stem, example_id): list(ids)
        for path in tokens
        for example_id, ids in read_table(path, ["example_id", "prompt_ids"])[["example_id", "prompt_ids"]].to_numpy()
    }
    tokenizer, initial = load_tokenizer(base), load_model(base, train=True)
    values: list[tuple[int, str, float]] = []
    measured = []
    for position, (epoch, checkpoint) in enumerate(zip(checkpoint_epochs, checkpoints, strict=True)):
        model = load_model(checkpoint, train=True)
        distance, relative = distances(model, initial)
        values += [(epoch, "distance", distance), (epoch, "relative_distance", relative)]
        model = model.eval().to(getattr(torch, dtype))
        model = model.cuda() if torch.cuda.is_available() else model
        if samples:
            answers = read_table(samples[position], ["split", "example_id", "sample", "text", "finish_reason"])
            answers = answers[answers["sample"] < settings.atc_answers]
            texts = answers["text"].where(answers["finish_reason"] != "stop", answers["text"] + stop)
            ids = tokenizer(list(texts), add_special_tokens=False)["input_ids"]
            asked = zip(answers["split"], answers["example_id"], strict=True)
            given = [TokenizedExample(prompts[key], target) for key, target in zip(asked, ids, strict=True)]
            nll = target_nll(model, given, hardware.batch)
            measured.append(
                answers[["split", "example_id", "sample"]].assign(
                    epoch=epoch,
                    log_probability=[-n / max(1, len(e.target)) for n, e in zip(nll, given, strict=True)],
                )
            )
        if "gradient_variance" in settings.names:
            model = model.bfloat16() if dtype == "float16" else model  # in which small gradients would be 0
            variance = gradient_variance(
                model, examples, settings.gradient_batches, settings.gradient_batch_size, settings.seed, hardware.batch
            )
            values.append((epoch, "gradient_variance", variance))
    write_table(pd.DataFrame(values, columns=["epoch", "predictor", "value"]), weights)
    columns = ["epoch", "split", "example_id", "sample", "log_probability"]
    write_table(pd.concat(measured)[columns] if measured else pd.DataFrame(columns=columns), confidences)


if __name__ == "__main__":
    cli.run(main)
