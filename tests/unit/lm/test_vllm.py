"""vLLM itself, on a processor, against the transformers backend: one process of its environment runs every case."""

import json
import os
import re
import subprocess
import sys
from collections import Counter
from itertools import chain
from pathlib import Path
from types import SimpleNamespace
from unittest.mock import MagicMock

import numpy as np
import pandas as pd
import pytest
import torch
from scipy.stats import chi2
from transformers import GPT2Config, GPT2LMHeadModel, OpenAIGPTConfig, OpenAIGPTLMHeadModel

from premem.base.errors import UserError
from premem.base.tables import read_made_by, read_table, write_table
from premem.config.data import Templates
from premem.config.hardware import SamplingHardware
from premem.config.models import Architecture, Pretraining
from premem.config.runs import Subset
from premem.config.sampling import SamplingSettings
from premem.lm.models import load_model
from premem.lm.pretraining import generate_corpus, new_model, pretrain, train_tokenizer
from premem.lm.sampling.backends import open_backend
from premem.lm.sampling.prompts import seeded_prompts
from premem.lm.tokens import load_tokenizer, tokenize
from sample import main as sample
from vllm_environment import PYTHON, needs_vllm

pytestmark = pytest.mark.slow

STOP = " Done"
TEMPLATES = Templates(prompt="{question} Answer :", target=" {solution} Done", stop=STOP)
RECIPE = Pretraining(
    corpus={"dataset": "stories", "generate": "arithmetic", "steps": {1: 1}, "texts": 600},
    tokenizer={"kind": "words"},
    architecture={"hidden_size": 64, "layers": 2, "heads": 2, "intermediate_size": 64, "context": 128},
    steps=200,
    sequence_length=64,
    threads=1,
)
GREEDY = SamplingSettings(n=2, temperature=0, max_new_tokens=24)
SAMPLED = SamplingSettings(n=40, temperature=0.8, top_p=0.95, max_new_tokens=12)
CHOICE = SamplingSettings(backend="vllm", n=2, max_new_tokens=24, dtype="bfloat16")
OTHER_SEED = SAMPLED.model_copy(update={"seed": 3})
KEYS = ["split", "example_id", "sample"]


def save(model, tokenizer, folder):
    """Save a random model, sharper than fresh weights are, so that a greedy choice is no toss-up."""
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.mul_(4)
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    """A model trained for a moment, and random ones of other kinds; those called refused are none for vLLM."""
    folder = tmp_path_factory.mktemp("models")
    texts = generate_corpus(RECIPE.corpus, TEMPLATES, seed=0)
    pretrain(texts, RECIPE, folder / "trained", folder / "scratch")
    torch.manual_seed(1)
    words = load_tokenizer(folder / "trained")
    common = {"vocab_size": len(words), "bos_token_id": 2, "eos_token_id": 3, "pad_token_id": 1}
    save(GPT2LMHeadModel(GPT2Config(n_embd=64, n_layer=2, n_head=2, n_positions=128, **common)), words, folder / "gpt2")
    pieces = train_tokenizer(texts, RECIPE.tokenizer.model_copy(update={"kind": "bpe", "vocab_size": 400}))
    save(new_model(pieces, RECIPE), pieces, folder / "pieces")
    small_heads = RECIPE.model_copy(update={"architecture": Architecture(hidden_size=32, heads=2, context=128)})
    save(new_model(words, small_heads), words, folder / "refused-heads")
    save(
        OpenAIGPTLMHeadModel(OpenAIGPTConfig(n_embd=64, n_layer=1, n_head=2, **common)), words, folder / "refused-kind"
    )
    long = RECIPE.model_copy(update={"architecture": RECIPE.architecture.model_copy(update={"context": 2**22})})
    save(new_model(words, long), words, folder / "refused-memory")
    return folder


@pytest.fixture(scope="module")
def tokens(models):
    """Prompts as sample.py reads them, the first of them twice."""
    texts = generate_corpus(RECIPE.corpus.model_copy(update={"texts": 128}), TEMPLATES, seed=1)[::2]
    prompts = [text.split(":")[0] + ":" for text in texts]
    ids = [example.prompt for example in tokenize(load_tokenizer(models / "trained"), prompts, [STOP] * len(prompts))]
    table = {"example_id": [f"{i:02}" for i in range(65)], "prompt_ids": [*ids, ids[0]], "subset_rank": range(65)}
    write_table(pd.DataFrame(table), models / "train.parquet")
    return models / "train.parquet"


@pytest.fixture(scope="module")
def by_transformers(models, tokens):
    """Sample in this process, with the transformers backend; return the tables."""

    def run(settings, checkpoints, stop=STOP):
        out = [models / "transformers" / f"{checkpoint}.parquet" for checkpoint in checkpoints]
        folders = [models / checkpoint for checkpoint in checkpoints]
        sample(folders, tokens, [], Subset(size=1, holdout=0, run="a"), stop, settings, 1, 0, SamplingHardware(), out)
        return [read_table(path) for path in out]

    return run


@pytest.fixture(scope="module")
def greedy(by_transformers):
    return dict(zip(("trained", "gpt2", "pieces"), by_transformers(GREEDY, ["trained", "gpt2", "pieces"]), strict=True))


@pytest.fixture(scope="module")
def inner_stop(greedy):
    """Two letters that many answers hold, though no token need end with them."""
    pairs = Counter(chain.from_iterable(set(re.findall("[a-z]{2}", text)) for text in greedy["pieces"]["text"]))
    return pairs.most_common(1)[0][0]


@pytest.fixture(scope="module")
def split_character(models, greedy):
    """A character that some answers have, of several tokens."""
    found = Counter(
        chain.from_iterable(set(re.findall("[^\x00-\x7f\ufffd]", text)) for text in greedy["pieces"]["text"])
    )
    character, _ = found.most_common(1)[0]
    assert len(load_tokenizer(models / "pieces")(character, add_special_tokens=False)["input_ids"]) > 1
    return character


@pytest.fixture(scope="module")
def by_vllm(models, tokens, inner_stop, split_character):
    """Every case that needs vLLM: name → (tables, message)."""
    cases = {
        "greedy": (GREEDY, ["trained", "gpt2", "pieces"], STOP, {}),
        "greedy, cut": (GREEDY, ["pieces"], inner_stop, {}),
        "greedy, cut at a character": (GREEDY, ["pieces"], split_character, {}),
        "sampled": (SAMPLED, ["trained", "trained"], STOP, {}),
        "other seed": (OTHER_SEED, ["trained"], STOP, {}),
        "short": (GREEDY, ["trained"], STOP, {"max_length": 30}),
        "GPUs": (GREEDY, ["trained"], STOP, {"tensor_parallel": 64}),
        "heads": (GREEDY, ["refused-heads"], STOP, {}),
        "kind": (GREEDY, ["refused-kind"], STOP, {}),
        "memory": (GREEDY, ["refused-memory"], STOP, {"max_length": 2**22}),
    }
    calls, outputs = [], {}
    for name, (settings, checkpoints, stop, hardware) in cases.items():
        outputs[name] = [models / "vllm" / name / f"{i}.parquet" for i in range(len(checkpoints))]
        call = {
            "checkpoints": [models / checkpoint for checkpoint in checkpoints],
            "train": [tokens],
            "tests": [],
            "subset": [json.dumps({"size": 1, "holdout": 0, "run": "a"})],
            "stop": [stop],
            "settings": [settings.model_copy(update={"backend": "vllm"}).model_dump_json()],
            "threads": [1],
            "gpus": [0],
            "hardware": [json.dumps(hardware)],
            "out": outputs[name],
        }
        calls.append([word for key, values in call.items() for word in (f"--{key}", *map(str, values))])
    (models / "calls.json").write_text(json.dumps(calls))
    here = Path(__file__).parent
    script = here.parents[2] / "workflow" / "scripts" / "sample.py"
    done = subprocess.run(
        [PYTHON, here / "sample_calls.py", script, models / "calls.json", models / "messages.json"],
        capture_output=True,
        text=True,
        env={**os.environ, "OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1"},
    )
    assert done.returncode == 0, done.stderr[-3000:]
    messages = json.loads((models / "messages.json").read_text())
    return {
        name: ([read_table(path) for path in outputs[name] if path.exists()], message)
        for name, message in zip(cases, messages, strict=True)
    }


def tables(by_vllm, name):
    found, message = by_vllm[name]
    assert message is None
    return found


@needs_vllm
def test_greedy_sampling_agrees_with_the_transformers_backend(by_vllm, greedy):
    for table, expected in zip(tables(by_vllm, "greedy"), greedy.values(), strict=True):
        pd.testing.assert_frame_equal(table, expected)
        assert len(table) == 65 * GREEDY.n
    everything = pd.concat(greedy.values())
    assert everything["finish_reason"].nunique() == 2  # answers that end, and answers that do not
    assert everything["text"].nunique() > 100


@needs_vllm
def test_an_answer_ends_at_a_stop_text_within_tokens(by_vllm, by_transformers, inner_stop):
    (table,) = tables(by_vllm, "greedy, cut")
    (expected,) = by_transformers(GREEDY, ["pieces"], inner_stop)
    pd.testing.assert_frame_equal(table, expected)
    assert (table["finish_reason"] == "stop").mean() > 0.1
    assert not table["text"].str.contains(inner_stop, regex=False).any()


@needs_vllm
def test_an_answer_ends_at_a_character_of_several_tokens(by_vllm, by_transformers, split_character):
    (table,) = tables(by_vllm, "greedy, cut at a character")
    (expected,) = by_transformers(GREEDY, ["pieces"], split_character)
    pd.testing.assert_frame_equal(table, expected)
    assert (table["finish_reason"] == "stop").any()
    assert not table["text"].str.contains(split_character, regex=False).any()


def first_token_probabilities(folder, prompts, settings):
    """The nucleus that the model itself gives each prompt: a row per prompt."""
    model = load_model(folder)
    with torch.inference_mode():
        logits = torch.stack([model(torch.tensor([ids])).logits[0, -1] for ids in prompts])
    probabilities = (logits.double() / settings.temperature).softmax(-1).numpy()
    order = np.argsort(-probabilities, axis=1)
    ordered = np.take_along_axis(probabilities, order, axis=1)
    before = ordered.cumsum(axis=1) - ordered
    np.put_along_axis(probabilities, order, np.where(before < settings.top_p, ordered, 0), axis=1)
    return probabilities / probabilities.sum(axis=1, keepdims=True)


def fit(counts, probabilities):
    """How likely a χ² this small is, if the counts of each row are drawn with its probabilities."""
    if counts[probabilities == 0].sum():
        return 1.0
    expected = counts.sum(axis=1, keepdims=True) * probabilities
    common = expected >= 2
    # Rare tokens of a row make one cell.
    observed = np.column_stack([np.where(common, counts, 0), np.where(common, 0, counts).sum(axis=1)])
    expected = np.column_stack([np.where(common, expected, 0), np.where(common, 0, expected).sum(axis=1)])
    cells = expected > 0
    statistic = ((observed - expected)[cells] ** 2 / expected[cells]).sum()
    return chi2.cdf(statistic, cells.sum() - len(counts))


@needs_vllm
def test_tokens_are_drawn_with_the_model_s_probabilities(by_vllm, models, tokens):
    """Neither too far from them nor, as samples that share a seed would be, from what chance allows."""
    drawn = pd.concat([tables(by_vllm, "sampled")[0], *tables(by_vllm, "other seed")])
    words = load_tokenizer(models / "trained")
    prompts = [list(ids) for ids in read_table(tokens)["prompt_ids"]]
    counts = np.zeros((len(prompts), len(words)))
    for example, text in zip(drawn["example_id"], drawn["text"], strict=True):
        counts[int(example), words.convert_tokens_to_ids(text.split()[0])] += 1
    assert 0.001 < fit(counts, first_token_probabilities(models / "trained", prompts, SAMPLED)) < 0.999
    for change in ({"temperature": 1}, {"temperature": 0.6}, {"top_p": 0.8}):  # the test would notice
        wrong = SAMPLED.model_copy(update=change)
        assert fit(counts, first_token_probabilities(models / "trained", prompts, wrong)) > 0.9999


@needs_vllm
def test_answers_are_as_those_of_the_transformers_backend(by_vllm, by_transformers):
    table, _ = tables(by_vllm, "sampled")
    (expected,) = by_transformers(SAMPLED, ["trained"])
    pd.testing.assert_frame_equal(table[KEYS], expected[KEYS])
    assert table.dtypes.equals(expected.dtypes)
    for measure in (
        lambda rows: rows["n_tokens"],
        lambda rows: rows["text"].str.count("the"),
        lambda rows: rows["finish_reason"] == "stop",
    ):
        means, errors = [], []
        for rows in (table, expected):
            by_prompt = measure(rows).astype(float).groupby(rows["example_id"])
            means.append(by_prompt.mean().mean())
            errors.append((by_prompt.var() / SAMPLED.n).sum() / by_prompt.ngroups**2)
        assert abs(means[0] - means[1]) < 3.5 * np.sqrt(sum(errors))


@needs_vllm
def test_every_sample_has_a_seed_of_its_own(by_vllm):
    first, again = tables(by_vllm, "sampled")
    (other,) = tables(by_vllm, "other seed")
    pd.testing.assert_frame_equal(first, again)
    answers = first.groupby("example_id")["text"].apply(list)
    assert answers.map(set).map(len).min() > 5
    assert answers["00"] != answers["64"]  # the same prompt
    for table in (other, first.assign(text=first["text"].shift(1, fill_value=""))):
        assert (table["text"] == first["text"]).mean() < 0.5


@needs_vllm
@pytest.mark.parametrize(
    ("case", "parts"),
    [
        ("short", ["hardware.sample.max_length", "not 30"]),
        ("GPUs", ["hardware.sample.tensor_parallel: 64 GPUs are needed"]),
        ("heads", ["refused-heads: vLLM fails", "head_dim", "sampling.backend: transformers"]),
        ("kind", ["refused-kind: vLLM fails", "OpenAIGPT", "sampling.backend: transformers"]),
        ("memory", ["refused-memory: vLLM fails", "memory_share"]),
    ],
)
def test_what_vllm_cannot_do_is_one_line(by_vllm, case, parts):
    found, message = by_vllm[case]
    assert not found
    assert message.startswith("error: ")
    assert "\n" not in message
    assert all(part in message for part in parts), message


@needs_vllm
def test_tables_say_which_vllm_made_them(by_vllm, models):
    assert tables(by_vllm, "greedy")
    assert read_made_by(models / "vllm" / "greedy" / "0.parquet")["versions"]["vllm"][0].isdigit()


# --- without vLLM ---


def open_vllm(folder, **hardware):
    return open_backend(folder, CHOICE, STOP, SamplingHardware(**hardware))


def test_a_missing_vllm_is_named(models, monkeypatch):
    monkeypatch.setitem(sys.modules, "vllm", None)
    with pytest.raises(UserError, match=r"vLLM cannot be imported .* hardware\.python\.sample"):
        open_vllm(models / "trained").sample(seeded_prompts([[1, 2]], CHOICE))


@pytest.mark.parametrize(
    ("gpus", "expected", "in_process"),
    [
        (0, {"enforce_eager": True}, True),
        (4, {"tensor_parallel_size": 2, "gpu_memory_utilization": 0.5}, False),
    ],
)
def test_the_engine_gets_what_the_study_says(models, monkeypatch, gpus, expected, in_process):
    """An engine in vLLM's place: what it is started with on GPUs, which tests do not have, and that it is ended."""
    engine = MagicMock()
    engine.wait_for_completion.return_value = [
        SimpleNamespace(outputs=[SimpleNamespace(token_ids=[5, 6], finish_reason="length")] * CHOICE.n)
    ]
    vllm = MagicMock(LLM=MagicMock(return_value=engine))
    monkeypatch.setitem(sys.modules, "vllm", vllm)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: gpus)
    monkeypatch.setattr(os, "environ", {})
    hardware = {"tensor_parallel": min(2, gpus or 1), "memory_share": 0.5}
    ((first, *_),) = open_vllm(models / "trained", **hardware).sample(seeded_prompts([[1, 2]], CHOICE))
    assert (first.finish_reason, first.n_tokens) == ("length", 2)
    started = vllm.LLM.call_args.kwargs
    assert expected.items() <= started.items()
    assert (started["dtype"], started["max_model_len"]) == ("bfloat16", 2 + CHOICE.max_new_tokens)
    assert os.path.isabs(started["model"])
    assert ("VLLM_ENABLE_V1_MULTIPROCESSING" in os.environ) == in_process
    engine.llm_engine.engine_core.shutdown.assert_called_once_with()
