"""Many tiny random architectures: each is sampled as ``generate`` does, or refused before a model is trained."""

import json

import pandas as pd
import pytest
import torch
import transformers

from check_fit import main as check_fit
from premem.base.errors import UserError
from premem.base.tables import write_table
from premem.config.hardware import SamplingHardware
from premem.config.models import Tokenizer as TokenizerSettings
from premem.config.sampling import SamplingSettings
from premem.lm.models import load_model
from premem.lm.perplexity import target_nll
from premem.lm.pretraining import train_tokenizer
from premem.lm.sampling.backends import open_backend
from premem.lm.sampling.prompts import seeded_prompts
from premem.lm.sampling.trial import check_architecture
from premem.lm.tokens import load_tokenizer, tokenize

torch.set_num_threads(1)

TEXTS = [f"{name} has {i} nuts .\nAnswer: so {i} + 1 = {i + 1}\nDone." for i in range(30) for name in ("Ada", "Otto")]
PROMPTS = ["Ada has 3 nuts .\nAnswer:", "Otto has 21 nuts .\nAnswer:", "Ada", "Otto has"]
TARGETS = [" so 3 + 1 = 4\nDone.", " so 21 + 1 = 22\nDone.", " so\nDone.", " so 2\nDone."]
TOKENIZER = train_tokenizer(TEXTS, TokenizerSettings(kind="bpe", vocab_size=320))
COMMON = {"vocab_size": len(TOKENIZER), "bos_token_id": 2, "eos_token_id": 3, "pad_token_id": 1}
PLAIN = {
    "hidden_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "intermediate_size": 32,
    "max_position_embeddings": 128,
}
GROUPED = PLAIN | {"num_key_value_heads": 2}
GEMMA = GROUPED | {"head_dim": 8}
SLIDING = GROUPED | {"sliding_window": 6}
GPT = {"n_embd": 32, "n_layer": 2, "n_head": 4, "n_positions": 128}
EXPERTS = {"num_experts": 4, "num_local_experts": 4, "moe_intermediate_size": 16}

TAKEN = {
    "Llama": GROUPED,
    "Mistral": SLIDING,
    "Ministral": SLIDING | {"head_dim": 8},
    "Mixtral": GROUPED | EXPERTS,
    "Qwen2": GROUPED,
    "Qwen2Moe": GROUPED | EXPERTS | {"shared_expert_intermediate_size": 16},
    "Qwen3": GEMMA,
    "Gemma": GEMMA,
    "Gemma2": GEMMA | {"sliding_window": 6},
    "Gemma3": GEMMA | {"sliding_window": 6, "num_hidden_layers": 6},
    "Phi": PLAIN,
    "Phi3": GROUPED,
    "GPT2": GPT,
    "GPTNeoX": PLAIN,
    "GPTBigCode": GPT,
    "OPT": PLAIN | {"ffn_dim": 32, "word_embed_proj_dim": 16},
    "StableLm": GROUPED,
    "Starcoder2": GROUPED,
    "Cohere": GROUPED,
    "Cohere2": SLIDING,
    "Olmo": GROUPED,
    "Olmo2": GROUPED,
    "Granite": GROUPED,
    "SmolLM3": GROUPED,
    "Glm": GEMMA,
    "Glm4": GEMMA,
    "Nemotron": GROUPED,
    "Persimmon": PLAIN,
    "Helium": GEMMA,
    "Exaone4": SLIDING,
}
REFUSED = {
    "Bloom": {"hidden_size": 32, "n_layer": 2, "n_head": 4},
    "Falcon": PLAIN,
    "GPTJ": GPT | {"rotary_dim": 8},
    "GPTNeo": {"hidden_size": 32, "num_layers": 2, "num_heads": 2, "attention_types": [[["global", "local"], 1]]},
    "Mpt": {"d_model": 32, "n_heads": 4, "n_layers": 2, "max_seq_len": 128},
    "XGLM": {"d_model": 32, "num_layers": 2, "attention_heads": 4, "ffn_dim": 32},
    "CodeGen": GPT | {"rotary_dim": 4},
    "Mamba": {"hidden_size": 32, "num_hidden_layers": 2, "state_size": 8},
    "GptOss": GEMMA | EXPERTS | {"sliding_window": 6},
    "RecurrentGemma": GEMMA | {"lru_width": 32, "attention_window_size": 6},
    "DeepseekV3": PLAIN
    | {"num_key_value_heads": 4, "n_routed_experts": 4, "n_group": 1, "topk_group": 1, "num_experts_per_tok": 2}
    | {"kv_lora_rank": 8, "q_lora_rank": 8, "qk_rope_head_dim": 8, "qk_nope_head_dim": 8, "v_head_dim": 8},
    # Its positions do not count from the first token of the text: the sampler would be wrong in silence.
    "Bart": {"d_model": 32, "decoder_layers": 2, "decoder_attention_heads": 4, "decoder_ffn_dim": 32},
}
OTHER_NAMES = {"GPT2ForCausalLM": "GPT2LMHeadModel", "Gemma3Config": "Gemma3TextConfig"}


def class_of(name):
    return getattr(transformers, OTHER_NAMES.get(name, name))


def save(name, shape, folder):
    torch.manual_seed(1)
    model = class_of(f"{name}ForCausalLM")(class_of(f"{name}Config")(**(COMMON | shape))).eval()
    with torch.no_grad():  # sharper than fresh weights, so that a greedy choice is no toss-up
        for parameter in model.parameters():
            parameter.mul_(3)
    model.save_pretrained(folder)
    TOKENIZER.save_pretrained(folder)


@pytest.mark.parametrize("name", TAKEN)
def test_what_is_taken_is_sampled_and_measured_as_the_model_itself_does(name, tmp_path):
    save(name, TAKEN[name], tmp_path)
    check_architecture(tmp_path, "models.mine")
    check_against_the_model(tmp_path, PROMPTS, TARGETS, "\nDone.", max_new_tokens=12)


def check_against_the_model(folder, prompts, targets, stop, max_new_tokens):
    """Greedy answers are those of ``generate``, and perplexities those of one whole forward for each example."""
    model, tokenizer = load_model(folder), load_tokenizer(folder)
    examples = tokenize(tokenizer, prompts, targets)
    settings = SamplingSettings(n=2, temperature=0, max_new_tokens=max_new_tokens)
    asked = seeded_prompts([example.prompt for example in examples], settings)
    answers = open_backend(folder, settings, stop, SamplingHardware(batch=16)).sample(asked)
    nll = target_nll(model, examples, 100)
    for example, (first, second), found in zip(examples, answers, nll, strict=True):
        ids = torch.tensor([example.prompt])
        more = {"max_new_tokens": max_new_tokens, "do_sample": False, "eos_token_id": tokenizer.eos_token_id}
        written = model.generate(ids, attention_mask=torch.ones_like(ids), **more)[0, ids.shape[1] :]
        text = tokenizer.decode(written, skip_special_tokens=True)
        assert first.text == second.text == text.partition(stop)[0]
        with torch.inference_mode():
            logits = model(input_ids=torch.tensor([example.prompt + example.target]), use_cache=False).logits[0]
        log_probabilities = logits[len(example.prompt) - 1 : -1].float().log_softmax(-1)
        expected = -log_probabilities.gather(1, torch.tensor(example.target)[:, None]).sum().item()
        assert found == pytest.approx(expected, rel=1e-4)


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_sampled_is_refused_before_training(name, tmp_path):
    save(name, REFUSED[name], tmp_path)
    write_table(pd.DataFrame({"prompt_ids": [[1, 2]]}), tmp_path / "train.parquet", context=128)
    with pytest.raises(UserError, match=r"^models\.mine: .* cannot sample from a") as raised:
        check_fit([tmp_path / "train.parquet"], tmp_path, 10, tmp_path / "checked.json", name="mine")
    assert "\n" not in str(raised.value)
    assert not (tmp_path / "checked.json").exists()


@pytest.mark.parametrize(
    "config",
    [
        transformers.LlamaConfig(
            vocab_size=128256, hidden_size=4096, num_key_value_heads=8, intermediate_size=14336, pad_token_id=128001
        ),
        transformers.Gemma3Config(text_config={"hidden_size": 2560, "num_hidden_layers": 34}),
    ],
    ids=lambda config: config.model_type,
)
def test_large_models_are_tried_in_a_small_form(config, tmp_path):
    config.save_pretrained(tmp_path)
    check_architecture(tmp_path, "models.mine")
    assert json.loads((tmp_path / "config.json").read_text()) == json.loads(config.to_json_string())


QUESTIONS = [
    "Natalia sold clips to 48 of her friends in April, and then half as many in May. How many clips did she sell?",
    "What is 5 + 7?",
    "日本の首都は🎉?",
]


@pytest.mark.slow
@pytest.mark.parametrize("name", ["smollm2", "gemma3"])
@pytest.mark.parametrize("stop", ["\nDone.", "。🎉", " the"])
def test_real_models_are_sampled_and_measured_as_they_are(real_models, name, stop):
    check_architecture(real_models / name, "models.mine")
    prompts = [f"Question: {question}\nAnswer:" for question in QUESTIONS]
    check_against_the_model(real_models / name, prompts, [f" It is 12.\n#### 12{stop}"] * 3, stop, max_new_tokens=24)


# --- tokenizers whose ids have gaps ---


@pytest.mark.parametrize("temperature", [0, 1])
def test_ids_that_the_tokenizer_lacks_are_never_drawn_and_larger_ones_are(tmp_path, temperature):
    """The model's likeliest tokens have no text, and its next have ids beyond the number of tokens."""
    save("Llama", GROUPED | {"vocab_size": 400, "tie_word_embeddings": False}, tmp_path)
    made = json.loads((tmp_path / "tokenizer.json").read_text())
    moved = {token: i + 60 if i >= 200 else i for token, i in made["model"]["vocab"].items()}
    made["model"]["vocab"] = moved
    (tmp_path / "tokenizer.json").write_text(json.dumps(made))
    tokenizer = load_tokenizer(tmp_path)
    present = set(tokenizer.get_vocab().values())
    assert max(present) >= len(tokenizer)
    settings = SamplingSettings(n=4, temperature=temperature, top_p=1, max_new_tokens=30)
    backend = open_backend(tmp_path, settings, "never", SamplingHardware(batch=16))
    seen = []
    decode = backend.tokenizer.decode
    backend.tokenizer.decode = lambda ids, **how: seen.append(list(ids)) or decode(ids, **how)
    backend.sample(seeded_prompts([[5, 6], [7, 8, 9]], settings))
    drawn = {i for ids in seen for i in ids}
    assert drawn <= present
    assert max(drawn) >= len(tokenizer) or temperature == 0
