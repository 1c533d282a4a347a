"""Training: batches and loss, several processes, going on after an interruption. One small random model serves all."""

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import TrainerState

from premem.base.errors import UserError
from premem.base.files import write_identity
from premem.base.tables import write_table
from premem.config.hardware import TrainingHardware
from premem.config.models import Pretraining
from premem.config.models import Tokenizer as TokenizerSettings
from premem.config.training import Training
from premem.lm.batches import FILLER, IGNORED, EpochOrder, TargetLossDataset, pad_batch
from premem.lm.divergence import Guard
from premem.lm.models import load_model
from premem.lm.perplexity import target_nll
from premem.lm.pretraining import new_model, train_tokenizer
from premem.lm.tokens import examples_of, tokenize
from premem.lm.training import fine_tune

pytestmark = pytest.mark.slow

torch.set_num_threads(1)

EPOCHS = 3
PROMPTS = [f"{name} has {i} nuts .\nAnswer:" for i in range(10) for name in ("Ada", "Otto")]
TARGETS = [f" so {'so ' * (i % 3)}{i} + 1 = {i + 1}\nDone." for i in range(10) for _ in range(2)]


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    """A small random model, and the examples as token ids."""
    folder = tmp_path_factory.mktemp("base") / "model"
    settings = {"kind": "bpe", "vocab_size": 300}
    tokenizer = train_tokenizer([*PROMPTS, *TARGETS], TokenizerSettings(**settings))
    shape = {"hidden_size": 32, "layers": 2, "heads": 2, "intermediate_size": 32, "context": 128}
    recipe = Pretraining(corpus={"dataset": "d"}, tokenizer=settings, architecture=shape)
    new_model(tokenizer, recipe).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    write_identity(folder, identity_of(folder))
    examples = tokenize(tokenizer, PROMPTS, TARGETS)
    table = {"prompt_ids": [e.prompt for e in examples], "target_ids": [e.target for e in examples]}
    write_table(pd.DataFrame(table).assign(subset_rank=range(len(examples))), tokens_of(folder))
    return folder


def identity_of(base):
    """File of the checksums of a model folder, which lies next to it."""
    return base.with_suffix(".json")


def tokens_of(base):
    return base.with_suffix(".parquet")


@pytest.fixture(scope="module")
def dropout_base(base, tmp_path_factory):
    """The same model with dropout, so that the state of the random numbers counts."""
    folder = shutil.copytree(base, tmp_path_factory.mktemp("dropout") / "base")
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**config, "attention_dropout": 0.2}))
    write_identity(folder, identity_of(folder))
    shutil.copy(tokens_of(base), tokens_of(folder))
    return folder


@pytest.fixture(scope="module")
def examples(base):
    return examples_of(pd.read_parquet(tokens_of(base)))


def train(base, examples, out, hardware=None, **changes):
    """Train in this process; checkpoints after every epoch lie in ``out``, the working folder in ``out/work``."""
    settings = Training(**({"batch_size": 12, "warmup_steps": 2} | changes.pop("settings", {})))
    log = fine_tune(
        base,
        [e.prompt for e in examples],
        [e.target for e in examples],
        settings,
        TrainingHardware(**(hardware or {})),
        checkpoints={epoch: out / f"epoch-{epoch}" for epoch in range(1, EPOCHS + 1)},
        work=out / "work",
        **{"lr": 1e-2, "epochs": EPOCHS, "seed": 0, **changes},
    )
    return pd.DataFrame(log)[["epoch", "step", "loss", "learning_rate", "grad_norm"]].astype(float)


WHOLE = json.dumps({"size": 1, "holdout": 0, "run": "a"})


def arguments(base, out, hardware, **changes):
    """What a rule calls train.py with."""
    options = {
        "base": base,
        "identity": identity_of(base),
        "tokens": tokens_of(base),
        "settings": json.dumps({"batch_size": 12, "warmup_steps": 2}),
        "lr": 1e-2,
        "epochs": EPOCHS,
        "subset": WHOLE,
        "seed": 0,
        "hardware": json.dumps(hardware),
        "gpus": 0,
        "code": "c",
        "work": out / "work",
        "out": out / "training.parquet",
        **changes,
    }
    words = [str(word) for name, value in options.items() for word in (f"--{name}", value)]
    epochs = [str(epoch) for epoch in range(1, EPOCHS + 1)]
    folders = [str(out / f"epoch-{epoch}") for epoch in epochs]
    return [*words, "--checkpoint-epochs", *epochs, "--checkpoints", *folders]


def command(root, base, out, hardware, processes=1, **changes):
    """The command with which a rule trains."""
    scripts = root / "workflow" / "scripts"
    launcher = [scripts / "launch.py", str(processes)] if processes > 1 else []
    return [sys.executable, *launcher, scripts / "train.py", *arguments(base, out, hardware, **changes)]


ENVIRONMENT = os.environ | {"OMP_NUM_THREADS": "1", "TRANSFORMERS_VERBOSITY": "error"}


def call(command):
    return subprocess.run(command, env=ENVIRONMENT, capture_output=True, text=True)


def call_and_kill(command, work, step):
    """Run a command until it has saved a state at this step or later, then kill it outright."""
    process = subprocess.Popen(command, env=ENVIRONMENT, stderr=subprocess.DEVNULL)
    while not any(int(folder.name.split("-")[1]) >= step for folder in work.glob("state-*")):
        assert process.poll() is None, "it ended before it could be killed"
        time.sleep(0.001)
    process.send_signal(signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL


def weights_of(out):
    return [load_file(out / f"epoch-{epoch}" / "model.safetensors") for epoch in range(1, EPOCHS + 1)]


def files_of(out):
    return {path.relative_to(out): path.read_bytes() for path in out.glob("epoch-*/*")}


# --- batches and loss ---


def test_only_target_tokens_carry_loss():
    dataset = TargetLossDataset([[1, 2, 3], [4]], [[5, 6], [7]])
    batch = pad_batch([dataset[0], dataset[1], dataset[2]], pad_id=9)
    assert batch["input_ids"].tolist() == [[1, 2, 3, 5, 6], [4, 7, 9, 9, 9]]
    assert batch["attention_mask"].tolist() == [[1, 1, 1, 1, 1], [1, 1, 0, 0, 0]]
    assert batch["labels"].tolist() == [[IGNORED] * 3 + [5, 6], [IGNORED, 7] + [IGNORED] * 3]
    assert dataset[2] is FILLER
    assert pad_batch([FILLER, FILLER], pad_id=9)["labels"].tolist() == [[IGNORED]]


def test_an_epoch_takes_every_example_once_in_an_order_of_its_own():
    order = EpochOrder(20, batch_size=12, seed=3)
    first = list(order)
    assert first == list(order)
    assert sorted(first[:20]) == list(range(20))
    assert first[20:] == [20] * 4
    assert len(order) == 24
    order.epoch = 1
    assert list(order) != first
    assert list(order) != list(EpochOrder(20, batch_size=12, seed=4))  # as seed + epoch would have it


def test_training_learns_and_saves_whole_checkpoints(base, examples, tmp_path):
    log = train(base, examples, tmp_path)
    assert log["epoch"].tolist() == [1, 2, 3]
    assert log["step"].tolist() == [2, 4, 6]  # 20 examples in batches of 12
    nll = [np.mean(target_nll(load_model(path), examples, 4096)) for path in (base, *sorted(tmp_path.glob("epoch-*")))]
    assert nll == sorted(nll, reverse=True)
    names = {path.name for path in (tmp_path / "epoch-3").iterdir()}
    assert names == {
        "config.json",
        "generation_config.json",
        "model.safetensors",
        "tokenizer.json",
        "tokenizer_config.json",
    }


def test_the_same_seed_gives_the_same_weights(base, examples, tmp_path):
    for name, seed in (("a", 0), ("b", 0), ("c", 1)):
        train(base, examples, tmp_path / name, seed=seed)
    assert files_of(tmp_path / "a") == files_of(tmp_path / "b")
    assert files_of(tmp_path / "a") != files_of(tmp_path / "c")


def test_weights_are_saved_in_float32_whatever_the_computation(base, examples, tmp_path):
    train(base, examples, tmp_path, settings={"dtype": "bfloat16"})
    assert {tensor.dtype for tensor in weights_of(tmp_path)[0].values()} == {torch.float32}


# --- how a batch is shared ---


def test_adapters_are_saved_merged_into_an_ordinary_model(base, examples, tmp_path):
    log = train(base, examples, tmp_path, settings={"lora": {"rank": 2, "alpha": 4}}, lr=3e-2)
    assert log["loss"].iloc[-1] < log["loss"].iloc[0]
    before, after = (load_file(folder / "model.safetensors") for folder in (base, tmp_path / "epoch-3"))
    assert before.keys() == after.keys()
    changed = {name for name in before if not torch.equal(before[name], after[name])}
    assert changed == {name for name in before if "_proj" in name}
    assert {int(torch.linalg.matrix_rank((after[name] - before[name]).double(), rtol=1e-4)) for name in changed} == {2}
    assert not list((tmp_path / "epoch-3").glob("adapter*"))
    nll = [np.mean(target_nll(load_model(folder), examples, 4096)) for folder in (base, tmp_path / "epoch-3")]
    assert nll[1] < nll[0]


LORA = {"batch_size": 12, "warmup_steps": 2, "lora": {"rank": 2}}


@pytest.fixture(scope="module")
def in_two_processes(root, base, tmp_path_factory):
    """Make trainings in two processes, all in one launch: (kind, strategy, examples per process) → folder."""
    cases = [("whole", "ddp", None), ("whole", "ddp", 3), ("whole", "fsdp", None)]
    cases += [("adapters", "ddp", None), ("adapters", "fsdp", None)]
    made = {case: tmp_path_factory.mktemp("two") for case in cases}
    calls = []
    for (kind, strategy, examples_per_process), out in made.items():
        hardware = {"processes": 2, "strategy": strategy, "examples_per_process": examples_per_process}
        changes = {"settings": json.dumps(LORA)} if kind == "adapters" else {}
        calls.append(arguments(base, out, hardware, **changes))
    file = tmp_path_factory.mktemp("calls") / "calls.json"
    file.write_text(json.dumps(calls))
    scripts, train_calls = root / "workflow" / "scripts", Path(__file__).parent / "train_calls.py"
    done = call([sys.executable, scripts / "launch.py", "2", train_calls, scripts / "train.py", file])
    assert done.returncode == 0, done.stderr
    assert "training goes on from state-" not in done.stderr
    return made


@pytest.mark.parametrize("strategy", ["ddp", "fsdp"])
def test_adapters_train_alike_in_two_processes(in_two_processes, base, examples, tmp_path, strategy):
    log = train(base, examples, tmp_path, settings=LORA)
    two = in_two_processes["adapters", strategy, None]
    check_like((tmp_path, log), two, pd.read_parquet(two / "training.parquet"))


@pytest.fixture(scope="module")
def alone(base, examples, tmp_path_factory):
    """The run of one process that takes whole batches."""
    out = tmp_path_factory.mktemp("alone")
    return out, train(base, examples, out)


def check_like(alone, out, log):
    """Losses and weights are those of one process, but for rounding."""
    assert np.allclose(log, alone[1], rtol=1e-5, atol=1e-5)
    for ours, theirs in zip(weights_of(out), weights_of(alone[0]), strict=True):
        assert ours.keys() == theirs.keys()
        assert max(float((ours[key] - theirs[key]).abs().max()) for key in ours) < 1e-5


@pytest.mark.parametrize("hardware", [{"examples_per_process": 3}, {"activation_checkpointing": True}])
def test_one_process_accumulates_to_the_same_batches(alone, base, examples, tmp_path, hardware):
    check_like(alone, tmp_path, train(base, examples, tmp_path, hardware))


@pytest.mark.parametrize(("strategy", "examples_per_process"), [("ddp", None), ("ddp", 3), ("fsdp", None)])
def test_two_processes_train_as_one_does(alone, in_two_processes, strategy, examples_per_process):
    """The last batch has 8 examples: with 3 at a time, a process comes to have none of its own."""
    two = in_two_processes["whole", strategy, examples_per_process]
    assert not (two / "work").exists()
    check_like(alone, two, pd.read_parquet(two / "training.parquet"))


def test_two_processes_go_on_where_they_were_killed(alone, root, base, tmp_path):
    """The part of the model that each process holds is saved and read back."""
    hardware = {"processes": 2, "strategy": "fsdp", "examples_per_process": 3}
    hardware |= {"save_state_every": 1, "activation_checkpointing": True}
    call_and_kill(command(root, base, tmp_path, hardware, processes=2), tmp_path / "work", step=2)
    time.sleep(2)  # by then the processes have noticed that the launcher is gone
    (state,) = (tmp_path / "work").glob("state-*")
    assert (state / "pytorch_model_fsdp_0").is_dir()  # in parts indeed
    done = call(command(root, base, tmp_path, hardware, processes=2))
    assert done.returncode == 0, done.stderr
    assert "training goes on from state-" in done.stderr
    assert not (tmp_path / "work").exists()
    check_like(alone, tmp_path, pd.read_parquet(tmp_path / "training.parquet"))


ABORTS_AT_ITS_END = """
import atexit, os, sys
sys.path.insert(0, sys.argv.pop(1))
from premem.base import cli

def main() -> None:
    atexit.register(os.abort)
    print(f"said by {os.environ['RANK']}")

cli.run(main)
"""


def test_what_happens_after_the_work_of_several_processes_is_no_failure(root, tmp_path):
    """A thread of a process group that is torn down late would abort its process."""
    scripts, script = root / "workflow" / "scripts", tmp_path / "script.py"
    script.write_text(ABORTS_AT_ITS_END)
    done = call([sys.executable, scripts / "launch.py", "2", script, str(scripts)])
    assert done.returncode == 0, done.stderr
    assert sorted(done.stdout.split("\n")) == ["", "said by 0", "said by 1"]


def test_a_failure_of_several_processes_is_told_once(root, base, tmp_path):
    done = call(command(root, base, tmp_path, {"processes": 2, "examples_per_process": 4}, processes=2))
    assert done.returncode == 1
    assert done.stderr.count("examples_per_process 4 does not divide the 6 examples") == 1
    assert "Traceback" not in done.stderr
    assert done.stderr.splitlines()[-1] == "error: process 0 of 2 failed; its message is above"


@pytest.mark.parametrize(
    ("hardware", "batch_size", "message"),
    [
        ({"processes": 4}, 10, "set batch_size to 8 or 12, or processes to 2 or 5"),
        ({"processes": 2, "examples_per_process": 4}, 12, "set it to 3 or 6, or batch_size to 8 or 16"),
        ({"examples_per_process": 20}, 12, "set it to 12, or batch_size to 20"),
    ],
)
def test_a_batch_that_cannot_be_shared_is_refused(hardware, batch_size, message):
    with pytest.raises(UserError, match=message):
        TrainingHardware(**hardware).accumulation_steps(batch_size)


def test_accumulation_fills_the_batch():
    hardware = TrainingHardware(processes=4, examples_per_process=2)
    assert hardware.accumulation_steps(128) == 16
    assert TrainingHardware(processes=4).accumulation_steps(128) == 1


@pytest.mark.parametrize(
    ("present", "processes", "gpus", "message"),
    [
        (2, 4, 0, "4 GPUs are needed, but there are 2; set hardware.train.processes to 2"),
        (0, 1, 1, "1 GPUs are needed, but there are 0; set hardware.gpu to false"),
    ],
)
def test_absent_gpus_are_named(base, examples, tmp_path, monkeypatch, present, processes, gpus, message):
    monkeypatch.setattr(torch.cuda, "device_count", lambda: present)
    with pytest.raises(UserError, match=message):
        train(base, examples, tmp_path, {"processes": processes}, gpus=gpus)


def test_more_processes_than_were_started_are_refused(base, examples, tmp_path):
    with pytest.raises(UserError, match=r"hardware.train.processes is 2, but 1 run; start with launch.py"):
        train(base, examples, tmp_path, {"processes": 2})


# --- interruptions ---

SMALL_BATCHES = {"settings": {"batch_size": 4, "warmup_steps": 2}}  # 5 steps an epoch
STATES = {"save_state_every": 2}


@pytest.fixture(scope="module")
def uninterrupted(dropout_base, examples, tmp_path_factory):
    out = tmp_path_factory.mktemp("uninterrupted")
    return out, train(dropout_base, examples, out, **SMALL_BATCHES)


@pytest.fixture
def interrupt(dropout_base, examples, tmp_path, monkeypatch):
    """Train in this process until a step, where something happens; return the state that is left."""

    class Interruption(Exception):
        pass

    def run(step, hardware=STATES, **changes):
        from premem.lm.trainer import ProgressLines

        def stop(self, args, state, control, **kwargs):
            if state.global_step == step:
                raise Interruption

        with monkeypatch.context() as patch:
            patch.setattr(ProgressLines, "on_step_begin", stop)
            with pytest.raises(Interruption):
                train(dropout_base, examples, tmp_path, hardware, **{**SMALL_BATCHES, **changes})
        (state,) = (tmp_path / "work").glob("state-*")
        return state

    return run


def check_resumed(uninterrupted, out, log):
    """Bit for bit the same."""
    assert log.equals(uninterrupted[1])
    assert files_of(out) == files_of(uninterrupted[0])


def test_a_killed_training_goes_on_bit_for_bit(uninterrupted, root, dropout_base, tmp_path):
    step = random.randint(1, 10)
    training = command(root, dropout_base, tmp_path, STATES, settings=json.dumps(SMALL_BATCHES["settings"]))
    call_and_kill(training, tmp_path / "work", step)
    done = call(training)
    assert "training goes on from state-" in done.stderr, f"killed after step {step}: {done.stderr}"
    check_resumed(uninterrupted, tmp_path, pd.read_parquet(tmp_path / "training.parquet"))
    assert not (tmp_path / "work").exists()


@pytest.mark.parametrize("step", [3, 10, 13])
def test_training_goes_on_within_an_epoch_and_between_two(
    uninterrupted, interrupt, dropout_base, examples, tmp_path, capsys, step
):
    state = interrupt(step)
    assert state.name == f"state-{step // 2 * 2}"
    log = train(dropout_base, examples, tmp_path, {"save_state_every": 5}, **SMALL_BATCHES)
    assert f"training goes on from {state.name}" in capsys.readouterr().err
    check_resumed(uninterrupted, tmp_path, log)


def test_a_half_written_state_is_not_read(uninterrupted, interrupt, dropout_base, examples, tmp_path, capsys):
    state = interrupt(7)
    half = tmp_path / "work" / "unfinished" / "checkpoint-12"
    shutil.copytree(state, half)
    (half / "optimizer.pt").write_bytes(b"half of it")
    (tmp_path / "work" / ".epoch-2.partial").mkdir()
    log = train(dropout_base, examples, tmp_path, STATES, **SMALL_BATCHES)
    assert "training goes on from state-6" in capsys.readouterr().err
    check_resumed(uninterrupted, tmp_path, log)


@pytest.mark.parametrize(
    ("key", "changes"), [("lr", {"lr": 2e-2}), ("code", {"code": "edited"}), ("hardware", {"hardware": True})]
)
def test_a_state_of_other_settings_is_not_used(
    uninterrupted, interrupt, dropout_base, examples, tmp_path, capsys, key, changes
):
    if key == "hardware":
        interrupt(7, {**STATES, "examples_per_process": 2})
    else:
        interrupt(7, **changes)
    log = train(dropout_base, examples, tmp_path, STATES, **SMALL_BATCHES)
    assert f"{key} changed since the state was saved; training starts anew" in capsys.readouterr().err
    check_resumed(uninterrupted, tmp_path, log)


def test_a_state_of_other_examples_is_not_used(interrupt, dropout_base, examples, tmp_path, capsys):
    interrupt(7)
    train(dropout_base, examples[::-1], tmp_path, STATES, **SMALL_BATCHES)
    assert "examples changed since the state was saved; training starts anew" in capsys.readouterr().err


# --- runs that go wrong ---


@pytest.mark.parametrize("lr", [1e300, 1e30])
def test_a_diverged_run_ends_at_its_first_loss_that_is_not_finite(base, examples, tmp_path, lr):
    run = tmp_path / "lr_ep3"
    with pytest.raises(UserError, match=rf"{run}: the training diverged: .* lower the learning rate under sweep"):
        train(base, examples, run, lr=lr)
    assert not list(run.glob("epoch-*"))


def test_diverged_weights_are_not_saved(base, examples, tmp_path):
    """The last step of a run has no loss after it."""
    with pytest.raises(UserError, match="the training diverged: it ended in weights that are not finite"):
        train(base, examples, tmp_path, lr=1e300, epochs=1, settings={"batch_size": 20, "warmup_steps": 0})


def test_a_diverged_run_of_several_processes_is_told_once(root, base, tmp_path):
    done = call(command(root, base, tmp_path / "run", {"processes": 2}, processes=2, lr="1e300"))
    assert done.returncode == 1
    assert done.stderr.count("error: ") == 2  # and that of the launcher
    assert f"error: {tmp_path / 'run'}: the training diverged" in done.stderr
    assert "Traceback" not in done.stderr


def steps_of(guard, skipped):
    """Tell a guard of steps that were skipped or not, then of the end."""
    state = TrainerState(max_steps=len(skipped))
    for i, was_skipped in enumerate(skipped, 1):
        state.global_step = i
        guard.on_step_end(None, state, None, optimizer=SimpleNamespace(step_was_skipped=was_skipped))
    guard.on_train_end(None, state, None)


def test_skipped_steps_are_counted_and_refused_where_they_are_many(capsys):
    steps_of(Guard("run", "do this"), [True] * 3 + [False] * 37)
    assert "run: 3 of 40 steps were skipped" in capsys.readouterr().err
    with pytest.raises(UserError, match=r"run: 6 of 6 steps left the weights .* training\.dtype .* do this"):
        steps_of(Guard("run", "do this"), [True] * 6)
    with pytest.raises(UserError, match="the last 20 steps up to step 60"):
        steps_of(Guard("run", "do this"), [False] * 40 + [True] * 100)


def test_a_warmup_longer_than_the_run_is_told(base, examples, tmp_path, capsys):
    train(base, examples, tmp_path, settings={"warmup_steps": 6})
    assert "training.warmup_steps is 6, and the run has 6 steps" in capsys.readouterr().err
    train(base, examples, tmp_path, settings={"warmup_steps": 5})
    assert "warmup_steps" not in capsys.readouterr().err


def test_a_base_model_that_changed_is_not_trained(root, dropout_base, tmp_path):
    base = shutil.copytree(dropout_base, tmp_path / "base")
    shutil.copy(tokens_of(dropout_base), tokens_of(base))
    write_identity(base, identity_of(base))
    weights = load_file(base / "model.safetensors")
    save_file({name: values + 1 for name, values in weights.items()}, base / "model.safetensors", {"format": "pt"})
    done = call(command(root, base, tmp_path / "run", {}))
    assert done.returncode == 1
    assert f"error: {base}: model.safetensors changed since its checksums were taken" in done.stderr
