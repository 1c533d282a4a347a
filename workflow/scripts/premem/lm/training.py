"""Fine-tuning with transformers' Trainer: loss on target tokens only, weights-only checkpoints after chosen epochs.

One process or several, the batches are the same: ``batch_size`` examples of one random order per epoch, the loss
averaged over all their target tokens.
"""

import hashlib
import json
import sys
from collections.abc import Callable, Collection, Iterator, Sequence
from importlib.metadata import version
from pathlib import Path
from statistics import fmean
from typing import Any

import torch
from accelerate import PartialState
from accelerate.utils import DistributedType, enable_fsdp_ram_efficient_loading
from torch.distributed.fsdp import MixedPrecisionPolicy
from torch.utils.data import Dataset, Sampler
from transformers import (
    PreTrainedModel,
    PreTrainedTokenizerBase,
    PrinterCallback,
    Trainer,
    TrainerCallback,
    TrainerControl,
    TrainerState,
    TrainingArguments,
    set_seed,
)

from premem.base.errors import UserError
from premem.base.files import link_folder, remove, whole
from premem.base.progress import track
from premem.config.hardware import TrainingHardware
from premem.config.training import Lora, Training
from premem.lm.divergence import Guard, check_trained
from premem.lm.models import load_model, require_gpus
from premem.lm.tokens import load_tokenizer

IGNORED = -100  # label of a token that carries no loss
Example = tuple[torch.Tensor, torch.Tensor]  # token ids and labels
FILLER: Example = (torch.tensor([0]), torch.tensor([IGNORED]))  # an example without loss


UNFINISHED = "unfinished"  # folder of states that are being written
ADVICE = "lower the learning rate under sweep, or take this run out of it"


class TargetLossDataset(Dataset):
    """Examples as token ids and labels; prompt tokens carry no loss. After the last example comes a filler.

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

    def __getitem__(self, index: int) -> Example:
        return self.examples[index] if index < len(self.examples) else FILLER


class EpochOrder(Sampler[int]):
    """A random order of the examples for each epoch, which depends on the seed and the epoch alone.

    The last batch is filled up with fillers, so that every process gets as many examples as the others; accelerate
    would fill it with examples of the epoch's beginning, which would then count twice.
    """

    def __init__(self, examples: int, batch_size: int, seed: int) -> None:
        self.examples, self.batch_size, self.seed = examples, batch_size, seed
        self.epoch = 0

    def __len__(self) -> int:
        return -(-self.examples // self.batch_size) * self.batch_size

    def __iter__(self) -> Iterator[int]:
        generator = torch.Generator().manual_seed(self.seed + self.epoch)
        yield from torch.randperm(self.examples, generator=generator).tolist()
        yield from [self.examples] * (len(self) - self.examples)


def pad_batch(examples: Sequence[Example], pad_id: int) -> dict[str, torch.Tensor]:
    """Stack examples, padded on the right; shapes (examples, tokens). Fillers are left out if there is more."""
    examples = [example for example in examples if example is not FILLER] or [FILLER]
    ids, labels = [ids for ids, _ in examples], [labels for _, labels in examples]
    pad = torch.nn.utils.rnn.pad_sequence
    lengths = torch.tensor([len(row) for row in ids])
    return {
        "input_ids": pad(ids, batch_first=True, padding_value=pad_id),
        "attention_mask": (torch.arange(int(lengths.max())) < lengths[:, None]).long(),
        "labels": pad(labels, batch_first=True, padding_value=IGNORED),
    }


class ProgressLines(TrainerCallback):
    """Reports steps, speed, time left and the loss, as lines of text; the main process alone."""

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
    """Return arguments for AdamW and a linear schedule, with nothing saved by the Trainer itself; joins the processes.

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
    made._n_gpu = min(
        made.n_gpu, 1
    )  # a process takes one GPU; the Trainer would spread it over all, with larger batches
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


class _FineTuner(Trainer):
    """A Trainer that takes the examples in a given order."""

    order: EpochOrder

    def _get_train_sampler(self, train_dataset: Dataset | None = None) -> EpochOrder:
        return self.order


class _Saver(TrainerCallback):
    """Saves weights after the chosen epochs, and training states from which an interrupted run goes on.

    Args:
        trainer: the Trainer that it serves.
        tokenizer: saved with the weights.
        work: folder of ``epoch-{epoch}``, the weights, and ``state-{step}``, the newest state; each is whole or absent.
        epochs: after which weights are saved.
        every: optimizer steps between two states; None saves none.
        base_model: folder of the model that is trained.
        lora: the adapters that are trained; None where all weights are.
    """

    def __init__(
        self,
        trainer: _FineTuner,
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
        # Weights come before the state: one after the epoch's last step must not be without them.
        epoch = state.epoch or 0.0
        if epoch.is_integer() and int(epoch) in self.epochs:
            self._save_weights(self.work / f"epoch-{epoch:.0f}")
        if self.every and state.global_step % self.every == 0 and state.global_step < state.max_steps:
            control.should_save = True

    def on_save(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any) -> None:
        self.trainer.accelerator.wait_for_everyone()  # each process writes its part
        if state.is_world_process_zero:
            older = _states(self.work)
            saved = self.work / UNFINISHED / f"checkpoint-{state.global_step}"
            saved.rename(self.work / f"state-{state.global_step}")
            for folder in older:
                remove(folder)

    def _save_weights(self, folder: Path) -> None:
        """Save a Hugging Face model folder with float32 weights, from the main process; the others wait."""
        accelerator = self.trainer.accelerator
        weights = accelerator.get_state_dict(self.trainer.model)  # gathered by all processes together
        if accelerator.is_main_process:
            model = accelerator.unwrap_model(self.trainer.model)
            if self.lora:
                from premem.lm.adapters import merge_adapters

                model = merge_adapters(model, weights, self.base_model, self.lora)
                weights = model.state_dict()
            for tied in model.all_tied_weights_keys:  # gathered shards no longer show that they are the same
                weights.pop(tied, None)
        check_trained(weights, str(self.work.parent), ADVICE, accelerator)
        if accelerator.is_main_process:
            with whole(folder) as aside:
                model.save_pretrained(aside, state_dict=weights)
                self.tokenizer.save_pretrained(aside)
        accelerator.wait_for_everyone()


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
    work: Path,
    gpus: int = 0,
    code: str = "",
    callbacks: Sequence[TrainerCallback] = (),
) -> list[dict[str, float]]:
    """Fine-tune a base model on D_train (paper, section 5).

    Every process of ``hardware.processes`` calls this. With ``hardware.save_state_every``, training goes on from the
    state in ``work``, if it was made by the same settings; the caller removes that folder once it has stored the log.

    Args:
        base_model: a Hugging Face model folder.
        prompts, targets: token ids of each example.
        settings: batch size, weight decay, warm-up, clipping, number format.
        hardware: how many processes, and how they share the work.
        lr: highest learning rate.
        epochs: passes over the examples.
        seed: of the order of the examples.
        checkpoints: epoch → folder to save the weights and the tokenizer in.
        work: a folder for training states and unfinished files, on the same disk as the checkpoints.
        gpus: how many GPUs must be there.
        code: digest of the code that trains.
        callbacks: told of every step.

    Returns:
        One entry per epoch: epoch, step, mean loss of its steps, learning_rate and grad_norm of its last step.
    """
    torch.set_num_threads(1)
    _check_gpus(settings, hardware.processes, gpus)
    accumulation = hardware.accumulation_steps(settings.batch_size)
    fsdp = hardware.strategy == "fsdp" and hardware.processes > 1
    arguments = training_arguments(
        work / UNFINISHED,
        per_device_train_batch_size=settings.batch_size // (hardware.processes * accumulation),
        gradient_accumulation_steps=accumulation,
        num_train_epochs=epochs,
        learning_rate=lr,
        warmup_steps=settings.warmup_steps,
        weight_decay=settings.weight_decay,
        max_grad_norm=settings.max_grad_norm,
        bf16=settings.dtype == "bfloat16",
        fp16=settings.dtype == "float16",
        seed=seed,
        logging_steps=1,  # a state then holds all that the log is made of
        logging_nan_inf_filter=False,  # a loss that is no number is to be seen
        ddp_find_unused_parameters=False,
        activation_checkpointing=hardware.activation_checkpointing and not fsdp,
        fsdp=fsdp or None,  # layers are sharded by the class that the model names (_no_split_modules)
        fsdp_config={
            "state_dict_type": "SHARDED_STATE_DICT",
            "cpu_ram_efficient_loading": True,
            "activation_checkpointing": hardware.activation_checkpointing,
        }
        if fsdp
        else None,
    )
    if fsdp and not torch.cuda.is_available():
        # accelerate takes FSDP for GPUs alone and would train without it; torch itself shards on processors too.
        arguments.distributed_state.distributed_type = DistributedType.MULTI_GPU
    if fsdp and settings.dtype != "float32":
        assert arguments.fsdp_plugin_args is not None
        # Gradients are added up in float32, as they are without FSDP; accelerate's own choice is the short format.
        arguments.fsdp_plugin_args["mixed_precision_policy"] = MixedPrecisionPolicy(
            param_dtype=getattr(torch, settings.dtype), reduce_dtype=torch.float32
        )
    if arguments.world_size != hardware.processes:
        raise UserError(
            f"hardware.train.processes is {hardware.processes}, but {arguments.world_size} run; start with launch.py"
        )
    if arguments.process_index == 0:
        files = [(file.name, file.stat().st_size, file.stat().st_mtime_ns) for file in sorted(base_model.glob("*"))]
        _prepare(
            work,
            {
                "settings": settings.model_dump(),
                "hardware": hardware.model_dump(exclude={"save_state_every"}),
                "lr": lr,
                "epochs": epochs,
                "seed": seed,
                "checkpoints": sorted(checkpoints),
                "examples": _digest([list(map(list, prompts)), list(map(list, targets))]),
                "base model": _digest(files),
                "code": code,
                "versions": {name: version(name) for name in ("torch", "transformers", "accelerate")},
            },
        )
    arguments.distributed_state.wait_for_everyone()
    state = next(iter(_states(work)), None)

    tokenizer = load_tokenizer(base_model)
    if fsdp:
        enable_fsdp_ram_efficient_loading()  # the main process reads the weights and hands out the parts
    model = load_model(base_model, train=True)
    if settings.lora:
        from premem.lm.adapters import add_adapters  # peft takes a second to import

        set_seed(seed)  # the adapters begin at random, in every process alike
        model = add_adapters(model, settings.lora)
    pad_id = tokenizer.pad_token_id if tokenizer.pad_token_id is not None else 0  # masked out, so any id serves
    trainer = make_trainer(
        model,
        TargetLossDataset(prompts, targets),
        lambda examples: pad_batch(examples, pad_id),
        arguments,
        _FineTuner,
    )
    assert isinstance(trainer, _FineTuner)
    if not trainer.model_accepts_loss_kwargs and hardware.processes * accumulation > 1:
        raise UserError(
            f"{base_model}: {type(model).__name__} averages the loss of each part of a batch by itself; set "
            "hardware.train.processes to 1 and leave out examples_per_process"
        )
    if arguments.process_index == 0:
        warn_of_long_warmup(settings.warmup_steps, -(-len(prompts) // settings.batch_size) * epochs, work.parent)
    trainer.order = EpochOrder(len(prompts), settings.batch_size, seed)
    trainer.add_callback(
        _Saver(trainer, tokenizer, work, checkpoints, hardware.save_state_every, base_model, settings.lora)
    )
    for callback in (Guard(str(work.parent), ADVICE), *callbacks):
        trainer.add_callback(callback)
    trainer.train(resume_from_checkpoint=str(state) if state else None)
    if arguments.process_index == 0:
        for epoch, folder in checkpoints.items():
            link_folder(work / f"epoch-{epoch}", folder)
    return _by_epoch([entry for entry in trainer.state.log_history if "loss" in entry], epochs)


def warn_of_long_warmup(warmup_steps: int, steps: int, run: Path) -> None:
    """Say so where a run ends before its learning rate is as high as the study says."""
    if warmup_steps >= steps:
        print(
            f"warning: {run}: training.warmup_steps is {warmup_steps}, and the run has {steps} steps, so that its "
            "learning rate never reaches the highest",
            file=sys.stderr,
        )


def leave() -> bool:
    """Leave the group of processes that trained together; was this the main one, or the only one?"""
    state = PartialState()
    is_main = state.is_main_process
    state.destroy_process_group()
    return is_main


def _check_gpus(settings: Training, processes: int, gpus: int) -> None:
    present = torch.cuda.device_count()
    require_gpus(processes if present else gpus, "hardware.train.processes")
    if settings.dtype == "float16" and not present:
        raise UserError("training.dtype: float16 needs a GPU; set bfloat16 or float32")


def _prepare(work: Path, made_by: dict[str, Any]) -> None:
    """Make the working folder ready: keep a state that the same settings made, and clear away all else."""
    made_by = json.loads(json.dumps(made_by))
    record = work / "made_by.json"
    known = json.loads(record.read_text()) if record.is_file() else {}
    states = _states(work)
    changed = [key for key, value in made_by.items() if known.get(key) != value]
    remove(work / UNFINISHED)
    if changed or not states:
        if states:
            print(f"{work}: the state is of another {', '.join(changed)}; training starts anew", file=sys.stderr)
        remove(work)
        with whole(record) as aside:
            aside.write_text(json.dumps(made_by))
        return
    print(f"{work}: training goes on from {states[0].name}", file=sys.stderr)


def _states(work: Path) -> list[Path]:
    """Return the whole training states in a working folder, the newest first."""
    return sorted(work.glob("state-*"), key=lambda folder: -int(folder.name.removeprefix("state-")))


def _digest(value: Any) -> str:
    return hashlib.sha256(json.dumps(value, default=int).encode()).hexdigest()


def _by_epoch(steps: list[dict[str, float]], epochs: int) -> list[dict[str, float]]:
    """Join the log entries of each epoch: the mean of the losses, the rest as it was after the last step."""
    size = len(steps) // epochs
    parts = [steps[size * epoch : size * (epoch + 1)] for epoch in range(epochs)]
    return [{**part[-1], "loss": fmean(entry["loss"] for entry in part)} for part in parts]
