"""What model folders can have wrong: parts that are absent, cut off or not finite, and code of their own."""

import json
import os
import shutil
import subprocess
import sys

import pytest
import torch
from safetensors.torch import load_file, save_file

from premem.base.errors import UserError
from premem.base.files import check_identity, write_identity
from premem.config.models import Pretraining
from premem.config.models import Tokenizer as TokenizerSettings
from premem.lm.models import load_model
from premem.lm.pretraining import new_model, train_tokenizer
from premem.lm.tokens import context_of, load_config, load_tokenizer
from premem.lm.weights import all_finite, check_weights


@pytest.fixture(scope="module")
def whole_folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("loading") / "model"
    settings = {"kind": "words", "vocab_size": 20}
    shape = {"hidden_size": 16, "layers": 2, "heads": 2, "intermediate_size": 16, "context": 32}
    tokenizer = train_tokenizer(["one two three"], TokenizerSettings(**settings))
    model = new_model(tokenizer, Pretraining(corpus={"dataset": "d"}, tokenizer=settings, architecture=shape))
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


@pytest.fixture
def folder(whole_folder, tmp_path):
    """A copy to be damaged."""
    return shutil.copytree(whole_folder, tmp_path / "model")


@pytest.fixture
def sharded(whole_folder, tmp_path):
    """A copy with its weights in several files."""
    folder = shutil.copytree(whole_folder, tmp_path / "sharded")
    (folder / "model.safetensors").unlink()
    load_model(whole_folder).save_pretrained(folder, max_shard_size="5KB")
    assert len(list(folder.glob("model-*.safetensors"))) > 2
    return folder


def edit_weights(file, edit):
    weights = load_file(file)
    edit(weights)
    save_file(weights, file, {"format": "pt"})


def test_weights_in_several_files_are_those_of_one(whole_folder, sharded):
    one, several = load_model(whole_folder).state_dict(), load_model(sharded).state_dict()
    assert one.keys() == several.keys()
    assert all(torch.equal(one[name], several[name]) for name in one)


@pytest.mark.parametrize("keep", [0, 4, 100, -1])
def test_a_file_of_weights_that_was_cut_off_is_named(folder, sharded, keep):
    for file in (folder / "model.safetensors", sorted(sharded.glob("model-*.safetensors"))[1]):
        file.write_bytes(file.read_bytes()[:keep])
        match = rf"{file.parent}: the model cannot be loaded: {file.name} is damaged .*run again"
        with pytest.raises(UserError, match=match) as raised:
            load_model(file.parent)
        assert "\n" not in str(raised.value)


def test_a_part_that_is_absent_is_named(folder, sharded):
    part = sorted(sharded.glob("model-*.safetensors"))[1]
    part.unlink()
    with pytest.raises(UserError, match=f"{part}: this part of the weights is absent"):
        load_model(sharded)
    (sharded / "model.safetensors.index.json").write_text("{}")
    with pytest.raises(UserError, match="not a list of safetensors files"):
        load_model(sharded)
    (folder / "model.safetensors").rename(folder / "pytorch_model.bin")
    with pytest.raises(UserError, match=f"{folder}: there are no weights .model.safetensors, .* others are not read"):
        load_model(folder)


def test_random_weights_take_no_missing_ones_place(folder):
    edit_weights(folder / "model.safetensors", lambda w: [w.pop(n) for n in list(w) if "mlp" in n])
    with pytest.raises(UserError, match=rf"{folder}: 6 of the model's weights are absent, such as model.layers.0.mlp"):
        load_model(folder)


def test_a_head_of_its_own_must_be_there(folder):
    config = json.loads((folder / "config.json").read_text())
    assert config["tie_word_embeddings"]  # the head is the embeddings, and no file has it
    load_model(folder)
    (folder / "config.json").write_text(json.dumps({**config, "tie_word_embeddings": False}))
    with pytest.raises(UserError, match=r"1 of the model's weights are absent, such as lm_head\.weight"):
        load_model(folder)


def test_weights_of_another_shape_are_refused(folder):
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**config, "intermediate_size": 24}))
    with pytest.raises(UserError, match=f"{folder}: the model cannot be loaded"):
        load_model(folder)


def test_weights_that_are_not_used_are_told(folder, capsys):
    """A bias that the configuration does not have would be left out in silence."""
    name = "model.layers.0.self_attn.q_proj.bias"
    edit_weights(folder / "model.safetensors", lambda w: w.update({name: torch.zeros(16)}))
    load_model(folder)
    assert f"{folder}: 1 weights are not used by LlamaForCausalLM: {name}" in capsys.readouterr().err


@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf")])
def test_weights_that_are_not_finite_are_refused(folder, value):
    def edit(weights):
        weights["model.layers.1.mlp.up_proj.weight"][3, 2] = value

    edit_weights(folder / "model.safetensors", edit)
    with pytest.raises(UserError, match=r"model.safetensors: model.layers.1.mlp.up_proj.weight and 0 more hold values"):
        load_model(folder)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64, torch.float8_e4m3fn, torch.int8])
def test_every_number_format_is_looked_at(dtype):
    assert all_finite(torch.full((1000,), 120, dtype=torch.float32).to(dtype))  # their sum is too large for float16
    assert all_finite(torch.empty(0, dtype=dtype))
    if dtype != torch.int8:
        assert not all_finite(torch.tensor([1.0, float("nan")]).to(dtype))


def test_whole_weights_pass(whole_folder):
    check_weights(whole_folder)


def test_files_that_differ_from_their_checksums_are_named(folder, tmp_path):
    identity = tmp_path / "model.json"
    write_identity(folder, identity)
    check_identity(folder, identity)
    (folder / "tokenizer_config.json").unlink()
    (folder / "config.json").write_text("{}")
    with pytest.raises(UserError, match=rf"{folder}: config.json, tokenizer_config.json changed .*{identity}"):
        check_identity(folder, identity)


CODE = """
from pathlib import Path
Path({mark!r}).touch()
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast
class OwnConfig(LlamaConfig):
    model_type = {kind!r}
class OwnModel(LlamaForCausalLM):
    config_class = OwnConfig
class OwnTokenizer(PreTrainedTokenizerFast):
    pass
"""

CALL = """
import sys
sys.path.insert(0, sys.argv[1])
from pathlib import Path
from premem.base.errors import UserError
from premem.lm.models import load_model
from premem.lm.tokens import context_of, load_tokenizer
for load in (load_tokenizer, context_of, load_model):
    try:
        print(type(load(Path(sys.argv[2]))).__name__)
    except UserError as error:
        print(error)
"""


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["llama", "own"])
def test_code_of_a_model_folder_never_runs(folder, root, tmp_path, kind):
    """Neither where someone types y, nor where a class of that kind is known."""
    mark = tmp_path / "ran"
    (folder / "own.py").write_text(CODE.format(mark=str(mark), kind=kind))
    config = json.loads((folder / "config.json").read_text())
    auto = {"AutoConfig": "own.OwnConfig", "AutoModelForCausalLM": "own.OwnModel"}
    (folder / "config.json").write_text(json.dumps({**config, "model_type": kind, "auto_map": auto}))
    settings = json.loads((folder / "tokenizer_config.json").read_text())
    auto = {"AutoTokenizer": [None, "own.OwnTokenizer"]}
    tokenizer_class = "OwnTokenizer" if kind == "own" else settings["tokenizer_class"]
    (folder / "tokenizer_config.json").write_text(
        json.dumps({**settings, "tokenizer_class": tokenizer_class, "auto_map": auto})
    )
    done = subprocess.run(
        [sys.executable, "-c", CALL, root / "workflow" / "scripts", folder],
        input="y\n" * 9,
        capture_output=True,
        text=True,
        env=os.environ | {"HF_MODULES_CACHE": str(tmp_path / "modules"), "TRANSFORMERS_VERBOSITY": "error"},
    )
    assert done.returncode == 0, done.stderr
    assert not mark.exists()
    lines = done.stdout.splitlines()
    if kind == "own":
        refused = (
            f"{folder}: the {{}} needs Python code from its own folder (auto_map in its JSON files), which is never"
        )
        assert len(lines) == 3
        assert all(
            line.startswith(refused.format(part))
            for line, part in zip(lines, ("tokenizer", "configuration", "model"), strict=True)
        ), lines
    else:
        assert lines[1:] == ["int", "LlamaForCausalLM"]


def test_a_broken_configuration_is_named(folder):
    (folder / "config.json").write_text('{"model_type": ')
    for load in (load_config, context_of, load_model, load_tokenizer):
        with pytest.raises(UserError, match=f"{folder}: the .* cannot be loaded"):
            load(folder)


def test_a_link_that_leads_nowhere_is_named(folder):
    (folder / "tokenizer_config.json").unlink(missing_ok=True)
    (folder / "tokenizer_config.json").symlink_to("nothing")
    with pytest.raises(UserError, match=r"tokenizer_config\.json: this link leads nowhere; put the file there"):
        load_tokenizer(folder)
