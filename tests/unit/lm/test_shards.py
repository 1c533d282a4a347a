"""The same rows whatever the number of shards."""

import pandas as pd
import pytest
import torch
from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

from premem.config.hardware import SamplingHardware
from premem.config.sampling import SamplingSettings
from premem.lm.sampling.prompts import seeded_prompts
from premem.lm.sampling.shards import sample_checkpoint


@pytest.fixture
def checkpoint(tmp_path):
    words = ["<end>", *"abcdefgh"]
    inner = Tokenizer(models.WordLevel({word: i for i, word in enumerate(words)}, unk_token="<end>"))
    inner.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    PreTrainedTokenizerFast(tokenizer_object=inner, eos_token="<end>").save_pretrained(tmp_path)
    torch.manual_seed(0)
    shape = {"hidden_size": 32, "num_hidden_layers": 1, "num_attention_heads": 1, "intermediate_size": 32}
    LlamaForCausalLM(LlamaConfig(vocab_size=len(words), **shape)).save_pretrained(tmp_path)
    return tmp_path


def test_shards_merge_into_the_same_rows(checkpoint):
    settings = SamplingSettings(n=2, max_new_tokens=12)
    prompts = seeded_prompts([[1 + i % 8] * (1 + i % 4) for i in range(7)], settings)
    tables = [
        pd.DataFrame([sample_checkpoint(checkpoint, settings, "h", SamplingHardware(shards=shards), prompts)])
        for shards in (1, 3)
    ]
    pd.testing.assert_frame_equal(*tables)
    assert tables[0].map(str).nunique(axis=1).item() > 3
