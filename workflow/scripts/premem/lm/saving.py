"""What a training writes while it runs: weights after chosen epochs, and states from which it can continue."""

import hashlib
import json
import sys
from collections.abc import Collection
from pathlib import Path
from typing import Any

from torch.utils.data import Dataset
from transformers import (
    PreTrainedTokenizerBase,
    Trainer,
    TrainerCallback,
    TrainerControl,
    TrainerState,
    TrainingArguments,
)

from premem.base.files import remove, whole, write_text
from premem.config.training import Lora
from premem.lm.batches import EpochOrder
from premem.lm.divergence import check_trained

ADVICE = "lower the learning rate under sweep, or take this run out of it"
"""What to do about a run whose weights or loss are not finite."""
UNFINISHED = "unfinished"
"""Folder, within the working folder, of states that are being written."""


class FineTuner(Trainer):
    """A Trainer that takes the examples in a given order."""

    order: EpochOrder

    def _get_train_sampler(self, train_dataset: Dataset | None = None) -> EpochOrder:
        return self.order


class Saver(TrainerCallback):
    """Saves weights after the chosen epochs, and training states from which an interrupted run continues.

    Args:
        trainer: the Trainer that trains.
        tokenizer: saved with the weights.
        work: folder of ``epoch-{epoch}``, the weights, and ``state-{step}``, the newest state. Each is whole or absent.
        epochs: after which weights are saved.
        every: optimizer steps between two states; None saves no states.
        base_model: folder of the model that is trained.
        lora: the adapters that are trained; None if all weights are trained.
    """

    def __init__(
        self,
        trainer: FineTuner,
        tokenizer: PreTrainedTokenizerBase,
        work: Path,
        epochs: Collection[int],
        every: int | None,
        base_model: Path,
        lora: Lora | None,
    ) -> None:
        self.trainer, self.tokenizer, self.base_model, self.lora = trainer, tokenizer, base_model, lora
        self.work, self.epochs, self.every = work, epochs, every

    def on_epoch_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        self.trainer.order.epoch = int(state.epoch or 0)

    def on_step_end(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any) -> None:
        # Weights are saved before the state. Otherwise a state after an epoch's last step could exist without them.
        epoch = state.epoch or 0.0
        if epoch.is_integer() and int(epoch) in self.epochs:
            self._save_weights(self.work / f"epoch-{epoch:.0f}")
        if self.every and state.global_step % self.every == 0 and state.global_step < state.max_steps:
            control.should_save = True

    def on_save(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any) -> None:
        self.trainer.accelerator.wait_for_everyone()  # each process writes its part of the state
        if state.is_world_process_zero:
            older = states_in(self.work)
            saved = self.work / UNFINISHED / f"checkpoint-{state.global_step}"
            saved.rename(self.work / f"state-{state.global_step}")
            for folder in older:
                remove(folder)

    def _save_weights(self, folder: Path) -> None:
        """Save a Hugging Face model folder with float32 weights; the main process writes and the others wait."""
        accelerator = self.trainer.accelerator
        weights = accelerator.get_state_dict(self.trainer.model)  # all processes gather them together
        if accelerator.is_main_process:
            model = accelerator.unwrap_model(self.trainer.model)
            if self.lora:
                from premem.lm.adapters import merge_adapters

                model = merge_adapters(model, weights, self.base_model, self.lora)
                weights = model.state_dict()
            for tied in model.all_tied_weights_keys:  # gathered shards do not show that they are shared
                weights.pop(tied, None)
        check_trained(weights, str(self.work.parent), ADVICE, accelerator)
        if accelerator.is_main_process:
            with whole(folder) as aside:
                model.save_pretrained(aside, state_dict=weights)
                self.tokenizer.save_pretrained(aside)
        accelerator.wait_for_everyone()


def prepare_work(work: Path, made_by: dict[str, Any]) -> None:
    """Prepare the working folder: keep a state that the same settings made, and remove everything else.

    Args:
        work: the folder.
        made_by: what the training depends on, by name.
    """
    made_by = json.loads(json.dumps(made_by))
    record = work / "made_by.json"
    known = json.loads(record.read_text(encoding="utf-8")) if record.is_file() else {}
    states = states_in(work)
    changed = [key for key, value in made_by.items() if known.get(key) != value]
    remove(work / UNFINISHED)
    if changed or not states:
        if states:
            what = ", ".join(changed)
            print(f"{work}: {what} changed since the state was saved; training starts anew", file=sys.stderr)
        remove(work)
        write_text(json.dumps(made_by), record)
        return
    print(f"{work}: training goes on from {states[0].name}", file=sys.stderr)


def states_in(work: Path) -> list[Path]:
    """Return the complete training states in a working folder, the newest first."""
    return sorted(work.glob("state-*"), key=lambda folder: -int(folder.name.removeprefix("state-")))


def digest(value: Any) -> str:
    """Return a digest of a value that can be written as JSON."""
    return hashlib.sha256(json.dumps(value, default=int).encode()).hexdigest()
