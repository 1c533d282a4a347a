"""Ending a training that has gone wrong, before anything is computed with its weights."""

import math
import sys
from collections.abc import Mapping
from typing import Any

import torch
from accelerate import Accelerator
from torch import Tensor
from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments

from premem.base.errors import UserError
from premem.lm.weights import all_finite

SKIPPED_IN_A_ROW = 20
"""In float16 gradients that overflow are halved until they fit, which takes a few steps at the start."""
SKIPPED_SHARE = 0.25
"""The largest share of a run's steps that may leave the weights as they were."""


class Guard(TrainerCallback):
    """Ends a training at the first loss or gradient that is not finite, and one whose steps are skipped.

    Args:
        what: is trained, for messages.
        advice: what to change in the study.

    Raises:
        UserError: from the Trainer's ``train``, in every process alike.
    """

    def __init__(self, what: str, advice: str) -> None:
        self.what, self.advice = what, advice
        self.steps = self.skipped = self.in_a_row = 0

    def on_step_end(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any) -> None:
        self.steps += 1
        skipped = bool(getattr(kwargs.get("optimizer"), "step_was_skipped", False))
        self.skipped += skipped
        self.in_a_row = self.in_a_row + 1 if skipped else 0
        if self.in_a_row >= SKIPPED_IN_A_ROW:
            raise UserError(self._tell_skipped(f"the last {self.in_a_row} steps up to step {state.global_step}"))

    def on_log(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any) -> None:
        logs = kwargs["logs"]
        # In float16 a gradient that overflows is no failure yet: its step is skipped, and counted.
        for name, key in [("loss", "loss")] + [("gradient norm", "grad_norm")] * (not args.fp16):
            if key in logs and not math.isfinite(logs[key]):
                raise UserError(
                    f"{self.what}: the training diverged: at step {state.global_step} of {state.max_steps} the {name} "
                    f"is {float(logs[key])} (learning rate {args.learning_rate:g}); {self.advice}"
                )

    def on_train_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        if self.skipped > SKIPPED_SHARE * self.steps:
            raise UserError(self._tell_skipped(f"{self.skipped} of {self.steps} steps"))
        if self.skipped and state.is_world_process_zero:
            print(f"{self.what}: {self.skipped} of {self.steps} steps were skipped (float16)", file=sys.stderr)

    def _tell_skipped(self, which: str) -> str:
        return (
            f"{self.what}: {which} left the weights as they were, since gradients were too large for float16; set "
            f"training.dtype to bfloat16 or float32, or {self.advice}"
        )


def check_trained(weights: Mapping[str, Tensor], what: str, advice: str, accelerator: Accelerator) -> None:
    """Refuse to save weights that are not finite; the last step of a training has no loss of its own to show it.

    Args:
        weights: all of them, in the main process; what others give does not count.
        what, advice: for the message.
        accelerator: of the processes, which all call this.

    Raises:
        UserError: in every process alike.
    """
    finite = not accelerator.is_main_process or all(map(all_finite, weights.values()))
    if not accelerator.gather(torch.tensor([int(finite)], device=accelerator.device)).all():
        raise UserError(f"{what}: the training diverged: it ended in weights that are not finite; {advice}")
