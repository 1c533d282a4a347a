"""transformers' Trainer as this project uses it, for pre-training and fine-tuning."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch
from torch.utils.data import Dataset
from transformers import (
    PreTrainedModel,
    PrinterCallback,
    Trainer,
    TrainerCallback,
    TrainerControl,
    TrainerState,
    TrainingArguments,
)

from premem.base.progress import track


class ProgressLines(TrainerCallback):
    """Reports steps, speed, time left and the loss as lines of text; only the main process does."""

    def on_train_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        self.meter = track(state.max_steps, "steps", state.global_step) if state.is_world_process_zero else None

    def on_log(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any) -> None:
        if self.meter and "loss" in kwargs["logs"]:
            self.meter.set_postfix_str(f"loss {float(kwargs['logs']['loss']):.3f}", refresh=False)

    def on_step_end(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any) -> None:
        if self.meter:
            self.meter.update()

    def on_train_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        if self.meter:
            self.meter.close()


def training_arguments(scratch: Path, **arguments: Any) -> TrainingArguments:
    """Return arguments for AdamW with a linear schedule; the Trainer itself saves nothing.

    Creating them connects the processes that train together.

    Args:
        scratch: a folder for the Trainer's own files.
        arguments: further ``TrainingArguments``.
    """
    made = TrainingArguments(
        output_dir=str(scratch),
        lr_scheduler_type="linear",
        optim="adamw_torch_fused",
        save_strategy="no",
        report_to=[],
        disable_tqdm=True,
        use_cpu=not torch.cuda.is_available(),
        dataloader_pin_memory=torch.cuda.is_available(),
        **arguments,
    )
    # A process uses one GPU. The Trainer would spread a single process over all GPUs, with larger batches.
    made._n_gpu = min(made.n_gpu, 1)
    return made


def make_trainer(
    model: PreTrainedModel,
    dataset: Sequence[Any] | Dataset,
    collate: Callable[[Sequence[Any]], dict[str, torch.Tensor]],
    arguments: TrainingArguments,
    kind: type[Trainer] = Trainer,
) -> Trainer:
    """Return a Trainer that reports progress as lines."""
    trainer = kind(
        model=model, args=arguments, train_dataset=dataset, data_collator=collate, callbacks=[ProgressLines()]
    )
    trainer.remove_callback(PrinterCallback)
    return trainer
