"""A small base model trained from scratch: its texts, its tokenizer, its weights."""

from collections.abc import Sequence
from itertools import chain, islice
from pathlib import Path
from random import Random
from typing import Any

import pandas as pd
import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors, trainers
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

from premem.base.errors import UserError
from premem.config.data import Templates
from premem.config.models import Corpus, Pretraining
from premem.config.models import Tokenizer as TokenizerSettings
from premem.data.arithmetic import generate_facts, generate_problems
from premem.data.text_columns import texts_of_columns
from premem.lm.divergence import Guard, check_trained
from premem.lm.trainer import make_trainer, training_arguments

ADVICE = "lower pretrain.lr of this model"
UNKNOWN, PAD, START, END = SPECIAL_TOKENS = ("<unk>", "<pad>", "<s>", "</s>")


def corpus_texts(recipe: Pretraining, templates: Templates, examples: pd.DataFrame | None) -> list[str]:
    """Return the texts to train on.

    Args:
        recipe: says whether the texts are generated.
        templates: of the prompts and targets.
        examples: question and solution of each text; None if the texts are generated.
    """
    if examples is None:
        return generate_corpus(recipe.corpus, templates, recipe.seed)
    columns = texts_of_columns(examples, templates.columns_named, "models.….pretrain.corpus")
    return [templates.write_prompt(row) + templates.write_target(row) for row in columns]


def generate_corpus(corpus: Corpus, templates: Templates, seed: int) -> list[str]:
    """Return story problems in a dataset's templates, alternating with lines of arithmetic facts."""
    assert corpus.texts and corpus.steps
    random = Random(f"corpus {seed}")
    stories = generate_problems(f"corpus {seed}", corpus.steps)

    def write(columns: dict[str, str]) -> str:
        return templates.write_prompt(columns) + templates.write_target(columns)

    return [
        generate_facts(random) if i % 2 else write({name: str(value) for name, value in vars(story).items()})
        for i, story in enumerate(islice(stories, corpus.texts))
    ]


def pretrain(texts: Sequence[str], recipe: Pretraining, folder: Path, scratch: Path) -> None:
    """Train a tokenizer and a small Llama model on texts, and save both.

    Texts are joined and cut into sequences of equal length, so that no position is padding.

    Args:
        texts: to train on.
        recipe: tokenizer, architecture and training settings.
        folder: to save the model and the tokenizer in.
        scratch: a folder for the Trainer's own files.

    Raises:
        UserError: if the texts do not fill one batch.
    """
    torch.set_num_threads(recipe.threads)
    tokenizer = train_tokenizer(texts, recipe.tokenizer)
    model = new_model(tokenizer, recipe)
    if recipe.steps:
        sequences = pack(tokenizer(list(texts))["input_ids"], recipe.sequence_length)
        if len(sequences) < recipe.batch_size:
            raise UserError(
                f"models: the pre-training texts give {len(sequences)} sequences of {recipe.sequence_length} tokens, "
                f"fewer than one batch ({recipe.batch_size}); give more texts, or a smaller pretrain.batch_size or "
                "sequence_length"
            )
        arguments = training_arguments(
            scratch,
            per_device_train_batch_size=recipe.batch_size,
            max_steps=recipe.steps,
            learning_rate=recipe.lr,
            warmup_steps=recipe.warmup_steps,
            max_grad_norm=1.0,
            adam_beta2=0.98,
            seed=recipe.seed,
            logging_steps=100,
            logging_nan_inf_filter=False,  # a loss that is no number is to be seen
        )
        trainer = make_trainer(model, sequences, _as_batch, arguments)
        trainer.add_callback(Guard(str(folder), ADVICE))
        trainer.train()
        check_trained(model.state_dict(), str(folder), ADVICE, trainer.accelerator)
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)


def train_tokenizer(texts: Sequence[str], settings: TokenizerSettings) -> PreTrainedTokenizerFast:
    """Train a tokenizer that puts a start token before a text."""
    if settings.kind == "words":
        tokenizer = Tokenizer(models.WordLevel(unk_token=UNKNOWN))
        tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
        trainer: Any = trainers.WordLevelTrainer(vocab_size=settings.vocab_size, special_tokens=list(SPECIAL_TOKENS))
    else:
        tokenizer = Tokenizer(models.BPE())
        tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
        tokenizer.decoder = decoders.ByteLevel()
        trainer = trainers.BpeTrainer(
            vocab_size=settings.vocab_size,
            special_tokens=list(SPECIAL_TOKENS),
            initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
            show_progress=False,
        )
    tokenizer.train_from_iterator(texts, trainer)
    start = tokenizer.token_to_id(START)
    tokenizer.post_processor = processors.TemplateProcessing(single=f"{START} $A", special_tokens=[(START, start)])
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        bos_token=START,
        eos_token=END,
        pad_token=PAD,
        unk_token=UNKNOWN,
        clean_up_tokenization_spaces=False,
    )


def new_model(tokenizer: PreTrainedTokenizerFast, recipe: Pretraining) -> LlamaForCausalLM:
    """Return a small Llama model with random weights and tied embeddings."""
    torch.manual_seed(recipe.seed)
    shape = recipe.architecture
    return LlamaForCausalLM(
        LlamaConfig(
            vocab_size=len(tokenizer),
            hidden_size=shape.hidden_size,
            num_hidden_layers=shape.layers,
            num_attention_heads=shape.heads,
            num_key_value_heads=shape.heads,
            intermediate_size=shape.intermediate_size,
            max_position_embeddings=shape.context,
            tie_word_embeddings=True,
            bos_token_id=tokenizer.bos_token_id,
            eos_token_id=tokenizer.eos_token_id,
            pad_token_id=tokenizer.pad_token_id,
        )
    )


def pack(texts: Sequence[Sequence[int]], length: int) -> list[torch.Tensor]:
    """Join token ids and cut them into sequences of this length; an incomplete last sequence is dropped."""
    stream = torch.tensor(list(chain.from_iterable(texts)))
    return list(stream[: len(stream) // length * length].view(-1, length))


def _as_batch(sequences: Sequence[Any]) -> dict[str, torch.Tensor]:
    ids = torch.stack(list(sequences))
    return {"input_ids": ids, "labels": ids}
