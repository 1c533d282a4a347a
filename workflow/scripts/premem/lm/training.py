"""Fine-tuning with transformers' Trainer: loss on target tokens only, weights-only checkpoints after chosen epochs.

The batches do not depend on the number of processes. A batch is ``batch_size`` examples of one random order per epoch,
and its loss is averaged over all their target tokens.
"""

import sys
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from statistics import fmean

import torch
from accelerate import PartialState
from accelerate.utils import DistributedType, enable_fsdp_ram_efficient_loading
from torch.distributed.fsdp import MixedPrecisionPolicy
from transformers import TrainerCallback, set_seed

from premem.base.errors import UserError
from premem.base.files import link_folder
from premem.config.hardware import TrainingHardware
from premem.config.training import Training
from premem.lm.batches import EpochOrder, TargetLossDataset, pad_batch
from premem.lm.divergence import Guard
from premem.lm.models import load_model, require_gpus
from premem.lm.saving import ADVICE, UNFINISHED, FineTuner, Saver, digest, prepare_work, states_in
from premem.lm.tokens import check_folder, load_tokenizer
from premem.lm.trainer import make_trainer, training_arguments


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

    Each of the ``hardware.processes`` processes calls this. With ``hardware.save_state_every``, training continues from
    the state in ``work`` if the same settings made it. The caller removes that folder once it has stored the log.

    Args:
        base_model: a Hugging Face model folder.
        prompts, targets: token ids of each example.
        settings: batch size, weight decay, warm-up, clipping, number format.
        hardware: how many processes there are, and how they share the work.
        lr: highest learning rate of the schedule.
        epochs: passes over the examples.
        seed: of the order of the examples.
        checkpoints: epoch → folder to save the weights and the tokenizer in.
        work: a folder for training states and unfinished files, on the same disk as the checkpoints.
        gpus: how many GPUs the machine must have.
        code: digest of the code that trains.
        callbacks: called at every step.

    Returns:
        One entry per epoch: epoch, step, mean loss of its steps, learning_rate and grad_norm of its last step.

    Raises:
        UserError: if the machine lacks GPUs, if the model or the number of processes does not fit the settings, or if
            the training diverges.
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
        logging_steps=1,  # so that a state holds everything that the log is made from
        logging_nan_inf_filter=False,  # a loss that is NaN must be visible
        ddp_find_unused_parameters=False,
        activation_checkpointing=hardware.activation_checkpointing and not fsdp,
        fsdp=fsdp or None,  # layers are sharded by the class that the model names in _no_split_modules
        fsdp_config={
            "state_dict_type": "SHARDED_STATE_DICT",
            "cpu_ram_efficient_loading": True,
            "activation_checkpointing": hardware.activation_checkpointing,
        }
        if fsdp
        else None,
    )
    if fsdp and not torch.cuda.is_available():
        # accelerate uses FSDP only on GPUs and would train without it; torch itself can also shard on processors.
        arguments.distributed_state.distributed_type = DistributedType.MULTI_GPU
    if fsdp and settings.dtype != "float32":
        assert arguments.fsdp_plugin_args is not None
        # Gradients are summed in float32, as without FSDP; accelerate itself would sum them in the short format.
        arguments.fsdp_plugin_args["mixed_precision_policy"] = MixedPrecisionPolicy(
            param_dtype=getattr(torch, settings.dtype), reduce_dtype=torch.float32
        )
    if arguments.world_size != hardware.processes:
        raise UserError(
            f"hardware.train.processes is {hardware.processes}, but {arguments.world_size} run; start with launch.py"
        )
    check_folder(base_model)
    if arguments.process_index == 0:
        files = [(file.name, file.stat().st_size, file.stat().st_mtime_ns) for file in sorted(base_model.glob("*"))]
        prepare_work(
            work,
            {
                "settings": settings.model_dump(),
                "hardware": hardware.model_dump(exclude={"save_state_every"}),
                "lr": lr,
                "epochs": epochs,
                "seed": seed,
                "checkpoints": sorted(checkpoints),
                "examples": digest([list(map(list, prompts)), list(map(list, targets))]),
                "base model": digest(files),
                "code": code,
                "versions": {name: version(name) for name in ("torch", "transformers", "accelerate")},
            },
        )
    arguments.distributed_state.wait_for_everyone()
    state = next(iter(states_in(work)), None)

    tokenizer = load_tokenizer(base_model)
    if fsdp:
        enable_fsdp_ram_efficient_loading()  # the main process reads the weights and distributes the parts
    model = load_model(base_model, train=True)
    if settings.lora:
        from premem.lm.adapters import add_adapters  # peft takes a second to import

        set_seed(seed)  # the adapters start from the same random values in every process
        model = add_adapters(model, settings.lora)
    pad_id = tokenizer.pad_token_id if tokenizer.pad_token_id is not None else 0  # padding is masked, so any id will do
    trainer = make_trainer(
        model,
        TargetLossDataset(prompts, targets),
        lambda examples: pad_batch(examples, pad_id),
        arguments,
        FineTuner,
    )
    assert isinstance(trainer, FineTuner)
    if not trainer.model_accepts_loss_kwargs and hardware.processes * accumulation > 1:
        raise UserError(
            f"{base_model}: {type(model).__name__} averages the loss of each part of a batch separately; set "
            "hardware.train.processes to 1 and leave out examples_per_process"
        )
    if arguments.process_index == 0:
        warn_of_long_warmup(settings.warmup_steps, -(-len(prompts) // settings.batch_size) * epochs, work.parent)
    trainer.order = EpochOrder(len(prompts), settings.batch_size, seed)
    trainer.add_callback(
        Saver(trainer, tokenizer, work, checkpoints, hardware.save_state_every, base_model, settings.lora)
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
    """Leave the group of processes that trained together; return whether this was the main or only process."""
    state = PartialState()
    is_main = state.is_main_process
    state.destroy_process_group()
    return is_main


def _check_gpus(settings: Training, processes: int, gpus: int) -> None:
    present = torch.cuda.device_count()
    require_gpus(processes if present else gpus, "hardware.train.processes")
    if settings.dtype == "float16" and not present:
        raise UserError("training.dtype: float16 needs a GPU; set bfloat16 or float32")


def _by_epoch(steps: list[dict[str, float]], epochs: int) -> list[dict[str, float]]:
    """Join the log entries of each epoch: the mean of the losses; all else is as after the last step."""
    size = len(steps) // epochs
    parts = [steps[size * epoch : size * (epoch + 1)] for epoch in range(epochs)]
    return [{**part[-1], "loss": fmean(entry["loss"] for entry in part)} for part in parts]
