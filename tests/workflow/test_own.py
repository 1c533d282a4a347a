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


def make_model(here, text: str) -> None:
    """A model of the reader's own that knows these words and the numbers to 20."""
    words = ["<end>", *dict.fromkeys(text.split()), *map(str, range(20))]
    inner = Tokenizer(models.WordLevel({word: i for i, word in enumerate(words)}, unk_token="<end>"))
    inner.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    PreTrainedTokenizerFast(tokenizer_object=inner, eos_token="<end>").save_pretrained(here / "my-model")
    torch.manual_seed(0)
    shape = {"hidden_size": 32, "num_hidden_layers": 1, "num_attention_heads": 1, "intermediate_size": 32}
    LlamaForCausalLM(LlamaConfig(vocab_size=len(words), **shape, max_position_embeddings=64)).save_pretrained(
        here / "my-model"
    )


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

    make_model(here, "Ann Bob Cem Dora Eve has pears and buys . How many ? Problem : Solution Done + = ####")
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


def test_multiple_choice_from_a_csv_as_on_its_page(checkout, root, tmp_path):
    page = (root / "docs" / "other-tasks.md").read_text()
    here = shutil.copytree(checkout, tmp_path / "here", ignore=shutil.ignore_patterns("results", ".snakemake"))
    header, *shown = block(page, "csv").splitlines()
    rows = [
        f"{a} + {b} ?,{a + b + 1 - at},{a + b + 2 - at},{a + b + 3 - at},{a} + {b} = {a + b} . The answer is "
        f"{letter} .,{letter}"
        for a in range(1, 5)
        for b in range(1, 5)
        for at, letter in [(1 + (a + b) % 3, "ABC"[(a + b) % 3])]
    ]
    (here / "data").mkdir()
    (here / "data" / "quiz.csv").write_text("\n".join([header, *rows]) + "\n")
    assert all(line.count(",") == header.count(",") and line.endswith(line.split(" is ")[1][0]) for line in shown)
    (here / "quiz.yaml").write_text(block(page, "yaml"))
    make_model(here, "A B C D + = ? . The answer is : Answer Done")
    run_study(here, "--configfile", "quiz.yaml")
    results = here / "results" / "quiz"
    said = (results / "logs" / "tokenize_data" / "base" / "quiz" / "train.log").read_text()
    assert re.search(r"\d \+ \d \? A \d+ B \d+ C \d+ Answer :", said)
    grades = pd.read_parquet(next(results.glob("runs/base/quiz/*1e-2*/grades.parquet")))
    assert set(grades["split"]) == {"train", "holdout"}
    assert set(grades["strict"]) <= {"correct", "incorrect", "no_answer"}
    assert "original" not in grades
    assert "4 held-out training examples" in (results / "summary.md").read_text()
    wrong = (here / "quiz.yaml").read_text().replace("{a}", "{option_a}")
    (here / "wrong.yaml").write_text(wrong)
    done = snakemake(here, "--configfile", "wrong.yaml")
    assert "datasets.quiz: prompt: unknown column 'option_a'" in done.stdout + done.stderr
