"""What needs torch: token boundaries, the sampler, perplexity. One small random model serves all."""

from itertools import chain

import numpy as np
import pandas as pd
import pytest
import torch
from tokenizers import processors
from transformers import (
    CohereConfig,
    CohereForCausalLM,
    Gemma2Config,
    Gemma2ForCausalLM,
    GPT2Config,
    GPT2LMHeadModel,
    GraniteConfig,
    GraniteForCausalLM,
    LlamaConfig,
    LlamaForCausalLM,
    OPTConfig,
    OPTForCausalLM,
)

from check_fit import main as check_fit
from measure_ifd import main as measure_ifd
from premem.base.errors import UserError
from premem.base.tables import read_made_by, read_table, write_table
from premem.config.data import Templates
from premem.config.hardware import PerplexityHardware, SamplingHardware
from premem.config.models import Pretraining
from premem.config.models import Tokenizer as TokenizerSettings
from premem.config.runs import Subset
from premem.config.sampling import SamplingSettings
from premem.lm import perplexity
from premem.lm.models import load_model
from premem.lm.perplexity import batches_by_length, nll_under_checkpoint, target_nll
from premem.lm.pretraining import new_model, train_tokenizer
from premem.lm.sampling.backends import open_backend
from premem.lm.sampling.prompts import seeded_prompts
from premem.lm.sampling.stopping import StopText
from premem.lm.sampling.transformers_backend import choose_tokens
from premem.lm.tokens import TokenizedExample, context_of, find_too_long, load_tokenizer, start_token, tokenize
from tokenize_data import main as tokenize_data

torch.set_num_threads(1)

TEXTS = [f"{name} has {i} nuts .\nAnswer: so {i} + 1 = {i + 1}\nDone." for i in range(30) for name in ("Ada", "Otto")]
PROMPTS = [text.split(" so")[0] for text in TEXTS]
TARGETS = [" so" + text.split(" so")[1] for text in TEXTS]
STOP = "\nDone."


def recipe(kind):
    return Pretraining(
        corpus={"dataset": "d"},
        tokenizer={"kind": kind, "vocab_size": 320},
        architecture={"hidden_size": 32, "layers": 2, "heads": 2, "intermediate_size": 32, "context": 128},
    )


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A random model with a byte-level tokenizer that puts a start token before a text."""
    path = tmp_path_factory.mktemp("model")
    tokenizer = train_tokenizer(TEXTS, TokenizerSettings(kind="bpe", vocab_size=320))
    model = new_model(tokenizer, recipe("bpe"))
    with torch.no_grad():  # sharper than fresh weights, so that a greedy choice is no toss-up
        for parameter in model.parameters():
            parameter.mul_(4)
    model.save_pretrained(path)
    tokenizer.save_pretrained(path)
    return path


@pytest.fixture(scope="module")
def tokenizer(folder):
    return load_tokenizer(folder)


@pytest.fixture(scope="module")
def examples(tokenizer):
    return tokenize(tokenizer, PROMPTS, TARGETS)


# --- token boundaries ---


def test_prompt_and_target_join_to_the_tokens_of_the_whole(tokenizer, examples):
    for example, text in zip(examples, TEXTS, strict=True):
        assert example.prompt + example.target == tokenizer(text)["input_ids"]
        assert example.prompt[0] == tokenizer.bos_token_id
        assert tokenizer.decode(example.target) == " so" + text.split(" so")[1]


def test_a_tokenizer_without_start_token_gets_none(folder):
    tokenizer = load_tokenizer(folder)
    tokenizer.backend_tokenizer.post_processor = processors.ByteLevel()
    assert start_token(tokenizer) == []
    (example,) = tokenize(tokenizer, PROMPTS[:1], TARGETS[:1])
    assert example.prompt + example.target == tokenizer(TEXTS[0], add_special_tokens=False)["input_ids"]
    assert tokenizer.bos_token_id not in example.prompt


def test_a_token_across_the_boundary_is_refused(tokenizer):
    with pytest.raises(UserError, match="spans the end of the prompt"):
        tokenize(tokenizer, ["Ada has nu"], ["ts ."])


def test_what_is_too_long():
    examples = [TokenizedExample([1] * 10, [2] * 5), TokenizedExample([1] * 10, [2] * 30), TokenizedExample([1], [2])]
    assert find_too_long(examples, None, None) == {}
    assert find_too_long(examples, 15, None) == {1: 40}
    assert find_too_long(examples, None, 39) == {1: 40}
    assert find_too_long(examples, 14, 1000) == {0: 15, 1: 40}


def test_examples_that_do_not_fit_are_counted_not_cut(folder, tmp_path, capsys):
    data, out = tmp_path / "data.parquet", tmp_path / "tokens.parquet"
    questions = ["Ada has 1 nuts .", "Otto has 2 nuts . " * 20]
    table = {
        "example_id": ["a", "b"],
        "question": questions,
        "solution": "#### 1",
        "answer": "1",
        "subset_rank": [0, 1],
    }
    write_table(pd.DataFrame(table), data)
    arguments = {"name": "mine", "split": "train", "settings": Templates(), "data": data, "model": folder, "out": out}
    with pytest.raises(UserError, match=r"datasets\.mine: 1 of 2 examples of train are too long .* b \(\d+ tokens\)"):
        tokenize_data(**arguments, bad_examples="error")
    assert not out.exists()
    tokenize_data(**arguments, bad_examples="drop")
    assert "1 of 2 examples" in capsys.readouterr().err
    assert read_table(out)["example_id"].tolist() == ["a"]
    assert read_made_by(out)["too_long"] == 1
    arguments["settings"] = Templates(max_tokens=3)
    with pytest.raises(UserError, match="no example is left"):
        tokenize_data(**arguments, bad_examples="drop")


def test_a_stop_text_that_the_tokenizer_cannot_write_is_refused(tmp_path):
    words = train_tokenizer(TEXTS, TokenizerSettings(kind="words"))
    new_model(words, recipe("words")).save_pretrained(tmp_path)
    words.save_pretrained(tmp_path)
    table = {"example_id": ["a"], "question": "Ada", "solution": "so", "answer": "1", "subset_rank": [0]}
    write_table(pd.DataFrame(table), tmp_path / "data.parquet")
    with pytest.raises(UserError, match=r"datasets\.mine\.stop"):
        tokenize_data("mine", "train", Templates(), "error", tmp_path / "data.parquet", tmp_path, tmp_path / "out")


def test_prompts_must_leave_room_for_answers(folder, tmp_path):
    tokens, out = tmp_path / "train.parquet", tmp_path / "checked.json"
    write_table(pd.DataFrame({"prompt_ids": [[1] * 10, [1] * 28]}), tokens, context=context_of(folder))
    with pytest.raises(UserError, match=r"longest prompt of train has 28 tokens, and 101 .* lower it to 100 or less"):
        check_fit([tokens], folder, 101, out)
    assert not out.exists()
    check_fit([tokens], folder, 100, out)
    assert out.exists()


# --- sampling ---


def check_against_generate(folder, prompts, batch_size, n):
    """Greedy samples have the text and the number of tokens of transformers' generate, whichever sample it is."""
    settings = SamplingSettings(n=n, temperature=0, max_new_tokens=24)
    completions = open_backend(folder, settings, STOP, SamplingHardware(batch=batch_size)).sample(
        seeded_prompts(prompts, settings)
    )
    model, tokenizer = load_model(folder), load_tokenizer(folder)
    for prompt, answers in zip(prompts, completions, strict=True):
        ids = model.generate(torch.tensor([prompt]), max_new_tokens=24, do_sample=False)[0, len(prompt) :]
        text = tokenizer.decode(ids, skip_special_tokens=True)
        assert [answer.text for answer in answers] == [text.partition(STOP)[0]] * n
        if STOP not in text:
            assert [answer.n_tokens for answer in answers] == [len(ids)] * n


@pytest.mark.parametrize(("batch_size", "n"), [(1, 1), (7, 3), (256, 2)])
def test_greedy_sampling_gives_the_tokens_of_generate(folder, examples, batch_size, n):
    check_against_generate(folder, [example.prompt for example in examples[:30]], batch_size, n)


@pytest.mark.parametrize("make", ["grouped heads", "gpt2", "gemma2"])
def test_other_architectures_sample_as_generate_does(tmp_path, tokenizer, examples, make):
    torch.manual_seed(1)
    common = {"vocab_size": len(tokenizer), "bos_token_id": 2, "eos_token_id": 3, "pad_token_id": 1}
    shape = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4, "num_key_value_heads": 2}
    match make:
        case "gpt2":
            model = GPT2LMHeadModel(GPT2Config(n_embd=32, n_layer=2, n_head=2, n_positions=128, **common))
        case "gemma2":  # caps its logits, and every other layer sees a window that is shorter than the prompts
            model = Gemma2ForCausalLM(
                Gemma2Config(**shape, head_dim=8, intermediate_size=32, sliding_window=6, **common)
            )
        case "grouped heads":
            model = LlamaForCausalLM(LlamaConfig(**shape, intermediate_size=32, **common))
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.mul_(3)
    model.save_pretrained(tmp_path)
    tokenizer.save_pretrained(tmp_path)
    check_against_generate(tmp_path, [example.prompt for example in examples[:8]], 16, 2)


def test_samples_do_not_depend_on_the_batch(folder, examples):
    settings = SamplingSettings(n=3, max_new_tokens=16)
    prompts = seeded_prompts([example.prompt for example in examples], settings)
    together = open_backend(folder, settings, STOP, SamplingHardware(batch=512)).sample(prompts)
    apart = open_backend(folder, settings, STOP, SamplingHardware(batch=5)).sample(prompts)
    same = [a.text == b.text for x, y in zip(together, apart, strict=True) for a, b in zip(x, y, strict=True)]
    assert np.mean(same) > 0.99  # rounding may tip one draw in very many
    assert together == open_backend(folder, settings, STOP, SamplingHardware(batch=512)).sample(prompts)
    assert len({completion.text for completion in together[0]}) > 1


def test_another_seed_gives_other_samples(folder, examples):
    prompts = [example.prompt for example in examples[:4]]
    settings = SamplingSettings(n=2, max_new_tokens=16)
    other = SamplingSettings(n=2, max_new_tokens=16, seed=3)
    first = open_backend(folder, settings, STOP, SamplingHardware(batch=64)).sample(seeded_prompts(prompts, settings))
    second = open_backend(folder, other, STOP, SamplingHardware(batch=64)).sample(seeded_prompts(prompts, other))
    assert first != second


def test_an_answer_ends_at_the_stop_text_or_at_its_last_token(folder, tokenizer, examples):
    prompts = [example.prompt for example in examples[:20]]
    settings = SamplingSettings(n=2, max_new_tokens=12)
    free = open_backend(folder, settings, "never written", SamplingHardware(batch=64)).sample(
        seeded_prompts(prompts, settings)
    )
    assert all(c.n_tokens == 12 for c in chain(*free) if c.finish_reason == "length")
    stop = free[0][0].text[3:5]  # a text that is known to come
    cut = open_backend(folder, settings, stop, SamplingHardware(batch=64)).sample(seeded_prompts(prompts, settings))
    for before, after in zip(chain(*free), chain(*cut), strict=True):
        assert after.text == before.text.partition(stop)[0]
        assert after.finish_reason == ("stop" if stop in before.text else before.finish_reason)
        assert after.n_tokens <= before.n_tokens
    assert cut[0][0].finish_reason == "stop"


def test_an_answer_may_begin_with_the_stop_text():
    """Read by itself, the answer of a tokenizer of words would lack the blank that the stop text begins with."""
    words = train_tokenizer(TEXTS, TokenizerSettings(kind="words"))
    colon, done = words.convert_tokens_to_ids(["Answer:", "Done."])
    stop = StopText(words, " Done.")
    assert stop.has_stopped([colon], [done])
    assert stop.answer([colon], [done], stopped=True) == ""
    assert not stop.has_stopped([done], [colon])


def test_tokens_are_drawn_with_the_probabilities_of_the_nucleus():
    logits = torch.log(torch.tensor([[0.5, 0.05, 0.3, 0.15]])).repeat(20_000, 1)
    uniforms = torch.rand(20_000, generator=torch.Generator().manual_seed(0))
    shares = torch.bincount(choose_tokens(logits, uniforms, 1.0, 0.7), minlength=4) / 20_000
    assert shares.tolist() == pytest.approx([0.625, 0, 0.375, 0], abs=0.01)  # .5 and .3 reach .7
    shares = torch.bincount(choose_tokens(logits, uniforms, 1.0, 1.0), minlength=4) / 20_000
    assert shares.tolist() == pytest.approx([0.5, 0.05, 0.3, 0.15], abs=0.01)
    shares = torch.bincount(choose_tokens(logits, uniforms, 0.5, 1.0), minlength=4) / 20_000
    weights = np.array([0.5, 0.05, 0.3, 0.15]) ** 2
    assert shares.tolist() == pytest.approx(list(weights / weights.sum()), abs=0.01)


def test_a_flat_distribution_needs_the_whole_vocabulary():
    logits = torch.zeros(5_000, 1000)  # no few tokens reach top_p
    uniforms = torch.rand(5_000, generator=torch.Generator().manual_seed(0))
    tokens = choose_tokens(logits, uniforms, 1.0, 0.9)
    assert 850 < len(tokens.unique()) <= 900


def test_no_two_samples_share_a_seed():
    settings = SamplingSettings(n=5)
    seeds = [prompt.seed + k for prompt in seeded_prompts([[1]] * 50, settings) for k in range(5)]
    assert len(set(seeds)) == 250


# --- perplexity ---


def one_at_a_time(model, example):
    ids = torch.tensor([example.prompt + example.target])
    log_probs = model(input_ids=ids).logits[0, :-1].log_softmax(-1)[len(example.prompt) - 1 :]
    return -log_probs.gather(1, torch.tensor(example.target)[:, None]).sum().item()


@pytest.mark.parametrize("tokens_per_batch", [1, 100, 100_000])
@pytest.mark.parametrize("start", [True, False])
def test_batched_perplexity_is_that_of_one_example_at_a_time(folder, examples, tokens_per_batch, start):
    model = load_model(folder)
    chosen = examples if start else [TokenizedExample(e.prompt[1:], e.target) for e in examples]
    expected = [one_at_a_time(model, example) for example in chosen]
    assert target_nll(model, chosen, tokens_per_batch) == pytest.approx(expected, rel=1e-4)


@pytest.mark.parametrize(
    ("model_class", "config_class", "more"),
    [
        (LlamaForCausalLM, LlamaConfig, {}),
        (Gemma2ForCausalLM, Gemma2Config, {"head_dim": 8, "final_logit_softcapping": 0.2}),
        (GraniteForCausalLM, GraniteConfig, {"logits_scaling": 3.0}),
        (CohereForCausalLM, CohereConfig, {"logit_scale": 0.3}),
        (OPTForCausalLM, OPTConfig, {"ffn_dim": 32, "word_embed_proj_dim": 16}),
    ],
)
def test_a_large_vocabulary_is_taken_in_parts(monkeypatch, examples, model_class, config_class, more):
    """The head is applied to a few positions at a time, with what the architecture does to its logits."""
    torch.manual_seed(0)
    shape = {"vocab_size": 500, "hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4}
    tokens = {"bos_token_id": 2, "eos_token_id": 3, "pad_token_id": 1}
    model = model_class(
        config_class(**shape, **tokens, **{"num_key_value_heads": 2, "intermediate_size": 32}, **more)
    ).eval()
    for parameter in model.get_output_embeddings().parameters():
        parameter.data.mul_(30)
    expected = [one_at_a_time(model, example) for example in examples[:20]]
    monkeypatch.setattr(perplexity, "LOGITS_AT_A_TIME", 500 * 7)
    most = []
    model.get_output_embeddings().register_forward_hook(lambda module, inputs, output: most.append(output.numel()))
    assert target_nll(model, examples[:20], 300) == pytest.approx(expected, rel=1e-4)
    assert sorted(set(most))[-2:] == [500 * 7, 500 * 16]  # the larger one is a few tokens, measured both ways once


def test_a_head_that_cannot_be_used_apart_is_left_alone(folder, examples, capsys):
    """Its states are put in order by what comes after, as some architecture may do."""
    model = load_model(folder)
    expected = [one_at_a_time(model, example) for example in examples[:5]]
    head = model.get_output_embeddings()
    model.lm_head = torch.nn.Identity()
    model.lm_head.register_forward_hook(lambda module, states, output: torch.nn.functional.linear(*states, head.weight))
    model.get_output_embeddings = lambda: head
    assert target_nll(model, examples[:5], 300) == pytest.approx(expected, rel=1e-4)
    assert "LlamaForCausalLM: its head cannot be used separately" in capsys.readouterr().err


def test_several_processes_share_the_examples(folder, examples):
    one, two = (nll_under_checkpoint(folder, examples, "float32", 400, processes) for processes in (1, 2))
    assert two == pytest.approx(one, rel=1e-5)


WHOLE = Subset(size=1, holdout=0, run="a")


@pytest.mark.parametrize("prompt", ["{question}", "Tell me: {question}"])
def test_ifd_is_the_loss_with_the_question_over_that_without(folder, tokenizer, tmp_path, prompt):
    examples = tokenize(tokenizer, [prompt.replace("{question}", text) for text in PROMPTS[:9]], TARGETS[:9])
    table = pd.DataFrame({"example_id": range(9), "subset_rank": range(9)})
    ids = {"prompt_ids": [e.prompt for e in examples], "target_ids": [e.target for e in examples]}
    write_table(table.assign(**ids), tmp_path / "tokens.parquet")
    templates = Templates(prompt=prompt)
    where = folder, tmp_path / "tokens.parquet"
    measure_ifd(*where, WHOLE, templates, "float32", 1, 0, PerplexityHardware(), tmp_path / "ifd.parquet")
    alone = [
        tokenizer.bos_token_id,
        *tokenizer(prompt.replace("{question}", ""), add_special_tokens=False)["input_ids"],
    ]
    model = load_model(folder)
    expected = [
        one_at_a_time(model, example) / one_at_a_time(model, TokenizedExample(alone, example.target))
        for example in examples
    ]
    assert read_table(tmp_path / "ifd.parquet")["ifd"].tolist() == pytest.approx(expected, rel=1e-4)


def test_ifd_without_anything_before_the_target_is_refused(folder, tmp_path):
    tokenizer = load_tokenizer(folder)
    tokenizer.backend_tokenizer.post_processor = processors.ByteLevel()
    for file in folder.iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    tokenizer.save_pretrained(tmp_path)
    row = {"example_id": ["a"], "subset_rank": [0], "prompt_ids": [[5]], "target_ids": [[6, 7]]}
    write_table(pd.DataFrame(row), tmp_path / "tokens.parquet")
    where = tmp_path, tmp_path / "tokens.parquet", WHOLE
    with pytest.raises(UserError, match="the prompt is empty and the model has no start token; give the dataset"):
        measure_ifd(*where, Templates(prompt="{question}"), "float32", 1, 0, PerplexityHardware(), tmp_path / "ifd")


def test_batches_keep_to_their_budget():
    lengths = [5, 9, 2, 7, 7, 30, 1]
    batches = batches_by_length(lengths, 20)
    assert sorted(chain(*batches)) == list(range(7))
    assert all(len(batch) == 1 or len(batch) * max(lengths[i] for i in batch) <= 20 for batch in batches)


# --- loading ---


def test_a_broken_checkpoint_is_named(folder, tmp_path):
    with pytest.raises(UserError, match="not a model folder"):
        load_model(tmp_path)
    for file in folder.iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    (tmp_path / "model.safetensors").write_bytes(b"half of it")
    with pytest.raises(UserError, match=f"{tmp_path}: the model cannot be loaded"):
        load_model(tmp_path)
