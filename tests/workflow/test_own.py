"""docs/bring-your-own.md, run as it stands: the reader's files, model and templates, from nothing to the figure."""

import json
import re
import shutil

import pandas as pd
import pytest
import torch
import yaml
from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

from calls import run_study, snakemake


@pytest.fixture
def page(root):
    return (root / "docs" / "bring-your-own.md").read_text()


def block(page: str, language: str) -> str:
    """The first block of this language."""
    return re.search(rf"```{language}\n(.*?)```", page, re.DOTALL)[1]


@pytest.fixture
def reader(checkout, page, tmp_path):
    """A checkout in which the reader has made the three things that the page asks for."""
    here = shutil.copytree(checkout, tmp_path / "here", ignore=shutil.ignore_patterns("results", ".snakemake"))
    samples = [json.loads(line) for line in block(page, "jsonl").splitlines()]
    assert all(set(row) == {"problem", "worked"} for row in samples)
    names = {"train": ("Ann", "Bob", "Cem"), "test": ("Dora", "Eve")}
    (here / "data").mkdir()
    for split, of_split in names.items():
        rows = [
            {
                "problem": f"{name} has {a} pears and buys {b} . How many pears ?",
                "worked": f"{a} + {b} = {a + b} #### {a + b}",
            }
            for name in of_split
            for a in range(3)
            for b in range(3)
        ]
        (here / "data" / f"{split}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    study, without_tests = re.findall(r"```yaml\n(.*?)```", page, re.DOTALL)[:2]
    (here / "study.yaml").write_text(study)
    (here / "without-tests.yaml").write_text(without_tests)

    words = ["<end>", *"Ann Bob Cem Dora Eve has pears and buys . How many ? Problem : Solution Done + = ####".split()]
    words += [str(number) for number in range(10)]
    inner = Tokenizer(models.WordLevel({word: i for i, word in enumerate(words)}, unk_token="<end>"))
    inner.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    PreTrainedTokenizerFast(tokenizer_object=inner, eos_token="<end>").save_pretrained(here / "my-model")
    torch.manual_seed(0)
    shape = {"hidden_size": 32, "num_hidden_layers": 1, "num_attention_heads": 1, "intermediate_size": 32}
    LlamaForCausalLM(LlamaConfig(vocab_size=len(words), **shape, max_position_embeddings=64)).save_pretrained(
        here / "my-model"
    )
    return here


def test_the_page_leads_to_the_figure(reader, page):
    for command in re.findall(r"\$ snakemake (.*?)(?:  #.*)?$", page, re.MULTILINE):
        said = run_study(reader, *command.strip().split())
        assert "Traceback" not in said
    assert (reader / "results" / "mine" / "summary.md").is_file()
    assert (reader / "results/mine/pairs/base/problems/figures/prediction.png").is_file()
    results = reader / "results" / "without-tests"
    said = (results / "summary.md").read_text()
    assert "6 held-out training examples" in said
    assert "No test label was used" in said
    forecast = pd.read_csv(results / "pairs/base/problems/forecast.csv")
    assert len(forecast) == 4
    assert forecast["holdout_accuracy"].notna().all()
    assert forecast["test_accuracy"].isna().all()


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda here: (here / "my-model/model.safetensors").unlink(), "models.base.path: my-model has no safetensors"),
        (lambda here: (here / "my-model/tokenizer.json").unlink(), "models.base.path: my-model has no tokenizer"),
        (lambda here: shutil.rmtree(here / "my-model"), "models.base.path: my-model is not a model folder"),
        (lambda here: edit(here, prompt="Problem : Solution :"), r"prompt: .*lacks \{question\}"),
    ],
)
def test_what_the_reader_may_get_wrong(reader, spoil, message):
    spoil(reader)
    done = snakemake(reader, "train", "--configfile", "study.yaml")
    said = done.stdout + done.stderr
    assert done.returncode != 0
    assert re.search(message, said)
    assert not list(reader.glob("results/mine/runs/**/checkpoints/*"))


def edit(here, **keys):
    study = yaml.safe_load((here / "study.yaml").read_text())
    study["datasets"]["problems"] |= keys
    (here / "study.yaml").write_text(yaml.safe_dump(study))
