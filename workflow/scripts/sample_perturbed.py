"""Sample answers to the perturbed prompts of training examples from a checkpoint."""

from pathlib import Path

from premem.analysis.robustness.prompts import seeded
from premem.base import cli
from premem.base.tables import read_table, write_table
from premem.config.hardware import SamplingHardware
from premem.config.runs import Subset
from premem.config.sampling import SamplingSettings
from premem.data.subsets import trained_on
from premem.lm.models import prepare_device
from premem.lm.sampling.prompts import tabulate
from premem.lm.sampling.shards import sample_checkpoint


def main(
    checkpoint: Path,
    prompts: Path,
    subset: Subset,
    stop: str,
    settings: SamplingSettings,
    threads: int,
    gpus: int,
    hardware: SamplingHardware,
    out: Path,
) -> None:
    prepare_device(threads, gpus, "hardware.sample.tensor_parallel")
    columns = ["perturbation", "example_id", "subset_rank", "answer_begins", "prompt_ids"]
    table = trained_on(read_table(prompts, columns), subset)
    completions = sample_checkpoint(checkpoint, settings, stop, hardware, seeded(list(table["prompt_ids"]), settings))
    # The same rule grades these samples and the others, so a perturbation takes the place of a split.
    answers = tabulate(table.rename(columns={"perturbation": "split"}), completions)
    answers["text"] = table["answer_begins"].repeat(settings.n).to_numpy() + answers["text"]
    write_table(answers, out)


if __name__ == "__main__":
    cli.run(main)
