"""What a model reads: start tokens, the ends of targets, and the example that is shown."""

import pandas as pd
import pytest
from tokenizers import Tokenizer, models, processors
from transformers import LlamaConfig, PreTrainedTokenizerFast

from premem.base.errors import UserError
from premem.config.models import Tokenizer as TokenizerSettings
from premem.lm.pretraining import train_tokenizer
from premem.lm.reading import (
    BOUNDARY,
    check_ends,
    check_ids,
    check_stop_in_solutions,
    check_unknown,
    describe,
)
from premem.lm.sampling.stopping import StopText
from premem.lm.tokenized_split import count_shared
from premem.lm.tokens import TokenizedExample, encode, load_tokenizer, start_token, tokenize

TEXTS = [f"Ada has {i} nuts 。 so {i} Done" for i in range(30)]
KINDS = pytest.mark.parametrize("kind", ["words", "bpe"])


def make(kind):
    return train_tokenizer(TEXTS, TokenizerSettings(kind=kind, vocab_size=320))


@KINDS
@pytest.mark.parametrize("prompt", ["<s>Ada has", "<s> Ada has", " <s>Ada has", "<s><s>Ada has", "<s>"])
def test_a_start_token_is_not_read_twice(kind, prompt):
    with pytest.raises(UserError, match=r"the model would read '<s>' twice.* leave it out of the template"):
        tokenize(make(kind), ["Ada", prompt], [" so", " so"])


@KINDS
def test_a_start_token_that_the_tokenizer_does_not_put_may_be_written(kind):
    tokenizer = make(kind)
    tokenizer.backend_tokenizer.post_processor = processors.TemplateProcessing(single="$A", special_tokens=[])
    (example,) = tokenize(tokenizer, ["<s>Ada has"], [" so"])
    assert example.prompt == [2, *tokenizer("Ada has")["input_ids"]]
    assert "warning" not in describe(tokenizer, example)


@KINDS
def test_what_is_put_before_a_text_may_be_several_tokens(kind):
    tokenizer = make(kind)
    tokenizer.backend_tokenizer.post_processor = processors.TemplateProcessing(
        single="<pad> <s> $A </s>", special_tokens=[("<pad>", 1), ("<s>", 2), ("</s>", 3)]
    )
    assert start_token(tokenizer) == [1, 2]
    assert encode(tokenizer, ["Ada has"]) == [tokenizer("Ada has")["input_ids"][:-1]]


def test_a_tokenizer_that_does_not_know_the_word_it_is_asked_has_its_start_token():
    backend = Tokenizer(models.BPE({"A": 0, "<s>": 1}, []))
    backend.add_special_tokens(["<s>"])
    backend.post_processor = processors.TemplateProcessing(single="<s> $A", special_tokens=[("<s>", 1)])
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=backend, bos_token="<s>")
    assert tokenizer("x", add_special_tokens=False)["input_ids"] == []
    assert start_token(tokenizer) == [1]


@KINDS
def test_the_example_shows_where_the_prompt_ends(kind):
    tokenizer = make(kind)
    (example,) = tokenize(tokenizer, ["Ada has 3"], [" nuts Done"])
    shown = describe(tokenizer, example)
    assert shown.replace("<s> ", "<s>") == f"<s>Ada has 3{BOUNDARY} nuts Done"


@KINDS
def test_a_start_token_that_is_not_put_is_told_with_both_readings(kind):
    tokenizer = make(kind)
    tokenizer.backend_tokenizer.post_processor = processors.TemplateProcessing(single="$A", special_tokens=[])
    (example,) = tokenize(tokenizer, ["Ada has 3"], [" nuts Done"])
    assert "warning: the tokenizer has a start token, '<s>'" in describe(tokenizer, example)
    assert "reads 'Ada has 3'…, not '<s>Ada has 3'…" in describe(tokenizer, example)


def test_every_target_must_end_an_answer():
    tokenizer = make("words")
    good, bad = tokenize(tokenizer, ["Ada", "Ada"], [" so Done", " so 3Done"])
    check_ends(tokenizer, [good], " Done", "datasets.mine")
    with pytest.raises(UserError, match=r"datasets\.mine\.stop: the tokenizer writes .* as .*so <unk>"):
        check_ends(tokenizer, [good, bad], " Done", "datasets.mine")


def test_a_tokenizer_with_more_tokens_than_the_model_is_refused(tmp_path):
    LlamaConfig(vocab_size=20).save_pretrained(tmp_path)
    check_ids([TokenizedExample([1, 19], [2])], tmp_path)
    with pytest.raises(UserError, match=f"{tmp_path}: the tokenizer gives token 20, and the model has only 20"):
        check_ids([TokenizedExample([1], [2]), TokenizedExample([1], [20])], tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "start", "warned"), [("smollm2", [], True), ("gemma3", [2], False)], ids=["smollm2", "gemma3"]
)
def test_real_tokenizers(real_models, name, start, warned):
    tokenizer = load_tokenizer(real_models / name)
    assert start_token(tokenizer) == start
    prompts = ["Problem: 5 + 7?\nAnswer:", "日本 🎉\n答え:"]
    targets = [" It is 12.\n#### 12。🎉", " 5 + 7 = 12\n✓。🎉"]
    examples = tokenize(tokenizer, prompts, targets)
    for example, prompt, target in zip(examples, prompts, targets, strict=True):
        assert example.prompt + example.target == tokenizer(prompt + target)["input_ids"]
        shown = tokenizer.decode(start) + prompt + BOUNDARY + target
        assert describe(tokenizer, example).splitlines()[: shown.count("\n") + 1] == shown.splitlines()
        assert ("warning: " in describe(tokenizer, example)) == warned
    check_ends(tokenizer, examples, "。🎉", "datasets.mine")
    with pytest.raises(UserError):
        check_ends(tokenizer, examples, "。🎉!", "datasets.mine")
    stop = StopText(tokenizer, "。🎉")
    assert not any(stop.has_stopped(e.prompt, e.target[:k]) for e in examples for k in range(1, len(e.target)))
    if start:
        with pytest.raises(UserError, match="twice"):
            tokenize(tokenizer, ["<bos>Problem"], [" so"])


def test_solutions_that_hold_the_stop_text_are_told():
    assert check_stop_in_solutions(["a", "b"], "\n", "datasets.d") is None
    said = check_stop_in_solutions(["a\nb", "b"], "\n", "datasets.d")
    assert said == "warning: datasets.d.stop: 1 of 2 solutions contain the stop text '\\n', where answers would end"
    with pytest.raises(UserError, match=r"datasets\.d\.stop: 2 of 2 .*; choose a text that no solution holds"):
        check_stop_in_solutions(["a\nb", "b\n"], "\n", "datasets.d")


def test_words_that_a_tokenizer_does_not_know_are_told(tmp_path):
    words, some = make("words"), [" so"] * 2
    assert check_unknown(words, tokenize(words, ["Ada has", "nuts"], some), tmp_path) is None
    assert "does not know 1 of the " in check_unknown(
        words, tokenize(words, ["Ada has", "Ada has pears"], some), tmp_path
    )
    with pytest.raises(UserError, match=r"does not know 6 of the 8 tokens .*; take a model whose tokenizer"):
        check_unknown(words, tokenize(words, ["Otto eats pears", "Eva sells plums"], some), tmp_path)


def test_test_prompts_that_are_trained_on_are_told():
    prompts = {"train": pd.Series([[1, 2], [3]]), "test": pd.Series([[3], [4]]), "harder": pd.Series([[1], [2]])}
    assert count_shared(prompts, "train") == {"test": 1}
