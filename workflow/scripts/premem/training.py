"""Fine-tuning with transformers' Trainer: loss on target tokens only, weights-only checkpoints after chosen epochs."""

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
from transformers.trainer import TRAINING_ARGS_NAME

from premem.errors import UserError
from premem.files import whole
from premem.models import load_model, load_tokenizer
from premem.progress import track
from premem.settings import Training, TrainingHardware

IGNORED = -100  # label of a token that carries no loss


class TargetLossDataset(Dataset):
    """Examples as token ids and labels; prompt tokens carry no loss.

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

    def __getitem__(self, index: int) -> tuple[torch.Tensor, torch.Tensor]:
        return self.examples[index]


def pad_batch(examples: Sequence[tuple[torch.Tensor, torch.Tensor]], pad_id: int) -> dict[str, torch.Tensor]:
    """Stack examples, padded on the right; shapes (examples, tokens)."""
    ids, labels = [ids for ids, _ in examples], [labels for _, labels in examples]
    pad = torch.nn.utils.rnn.pad_sequence
    lengths = torch.tensor([len(row) for row in ids])
    return {
        "input_ids": pad(ids, batch_first=True, padding_value=pad_id),
        "attention_mask": (torch.arange(int(lengths.max())) < lengths[:, None]).long(),
        "labels": pad(labels, batch_first=True, padding_value=IGNORED),
    }


class _Checkpoints(TrainerCallback):
    """Saves the weights after the chosen epochs, each into ``folders[epoch]``, whole or not at all."""

    def __init__(self, folders: dict[int, Path]) -> None:
        self.folders = folders
        self.trainer: Trainer | None = None

    def on_epoch_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        epoch = round(state.epoch or 0)
        if epoch in self.folders and self.trainer:
            with whole(self.folders[epoch]) as folder:
                self.trainer.save_model(str(folder))
                (folder / TRAINING_ARGS_NAME).unlink()  # a pickle; the run's settings are in its tables


class ProgressLines(TrainerCallback):
    """Reports steps, speed, time left and the loss, as lines of text."""

    def on_train_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        self.meter = track(state.max_steps, "steps")

    def on_log(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any) -> None:
        if "loss" in kwargs["logs"]:
            self.meter.set_postfix_str(f"loss {float(kwargs['logs']['loss']):.3f}", refresh=False)

    def on_step_end(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any) -> None:
        self.meter.update()

    def on_train_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        self.meter.close()


def make_trainer(
    model: PreTrainedModel,
    dataset: Sequence[Any] | Dataset,
    collate: Callable[[Sequence[Any]], dict[str, torch.Tensor]],
    scratch: Path,
    **arguments: Any,
) -> Trainer:
    """Return a Trainer with AdamW and a linear schedule that saves nothing by itself and reports progress as lines.

    Args:
        scratch: a folder for the Trainer's own files.
        arguments: further ``TrainingArguments``.
    """
    trainer = Trainer(
        model=model,
        args=TrainingArguments(
            output_dir=str(scratch),
            lr_scheduler_type="linear",
            optim="adamw_torch_fused",
            save_strategy="no",
            report_to=[],
            disable_tqdm=True,
            dataloader_pin_memory=torch.cuda.is_available(),
            **arguments,
        ),
        train_dataset=dataset,
        data_collator=collate,
        callbacks=[ProgressLines()],
    )
    trainer.remove_callback(PrinterCallback)
    return trainer


def fine_tune(
    base_model: Path,
    prompts: Sequence[Sequence[int]],
    targets: Sequence[Sequence[int]],
    settings: Training,
    hardware: TrainingHardware,
    lr: float,
    epochs: int,
    seed: int,
    checkpoints: dict[int, Path],
    scratch: Path,
) -> list[dict[str, float]]:
    """Fine-tune all weights of a base model on D_train (paper, section 5).

    Args:
        base_model: a Hugging Face model folder.
        prompts, targets: token ids of each example.
        settings: batch size, weight decay, warm-up, clipping, number format.
        hardware: how many processes, and how they share the work.
        lr: highest learning rate.
        epochs: passes over the examples.
        seed: of the order of the examples.
        checkpoints: epoch → folder to save the weights and the tokenizer in.
        scratch: a folder for the Trainer's own files.

    Returns:
        The Trainer's log, one entry per epoch: step, epoch, loss, learning_rate, grad_norm.
    """
    tokenizer = load_tokenizer(base_model)
    model = load_model(base_model, train=True)
    pad_id = tokenizer.pad_token_id if tokenizer.pad_token_id is not None else 0  # masked out, so any id serves
    devices = max(1, torch.cuda.device_count())
    if settings.batch_size % devices:
        raise UserError(
            f"training.batch_size: {settings.batch_size} cannot be shared by {devices} GPUs; take a multiple"
        )
    saver = _Checkpoints(checkpoints)
    trainer = make_trainer(
        model,
        TargetLossDataset(prompts, targets),
        lambda examples: pad_batch(examples, pad_id),
        scratch,
        per_device_train_batch_size=settings.batch_size // devices,
        num_train_epochs=epochs,
        learning_rate=lr,
        warmup_steps=settings.warmup_steps,
        weight_decay=settings.weight_decay,
        max_grad_norm=settings.max_grad_norm,
        bf16=settings.dtype == "bfloat16",
        fp16=settings.dtype == "float16",
        seed=seed,
        logging_strategy="epoch",
    )
    trainer.processing_class = tokenizer  # saved with every checkpoint
    trainer.add_callback(saver)
    saver.trainer = trainer
    trainer.train()
    return [entry for entry in trainer.state.log_history if "loss" in entry]
