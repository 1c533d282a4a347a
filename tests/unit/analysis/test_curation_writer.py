"""A language model that writes new examples: a real one that has learned to, and one that says what it is told."""

import subprocess
import sys
from random import Random

import numpy as np
import pandas as pd
import pytest

from premem.analysis.curation import writer as module
from premem.analysis.curation.collect import collect
from premem.analysis.curation.sources import open_source
from premem.analysis.curation.writer import DISAGREEING, UNFINISHED, WITHOUT_ANSWER, WriterSource
from premem.base.errors import UserError
from premem.config.curation import Collection, NewExamples, Writer
from premem.config.data import Reading
from premem.config.hardware import SamplingHardware
from premem.config.models import Pretraining
from premem.lm.pretraining import pretrain
from premem.lm.sampling.prompts import Completion

SAMPLING = {"n": 4, "max_new_tokens": 16}
PROMPTS = {"prompt": "Given {question} New :", "stop": " Done", "solve": "{question} so", "solve_stop": " Done"}
HARDWARE = SamplingHardware()
NAMES = "Ada Otto Mira Hugo".split()


def question(name, a, b):
    return f"{name} has {a} nuts and finds {b} ."


def solution(a, b):
    return f"{a} + {b} = {a + b} #### {a + b}"


def stories(random, number):
    return [(random.choice(NAMES), random.randint(1, 3), random.randint(1, 3)) for _ in range(number)]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A model that writes questions and solves them: some seconds of training do, on so few words."""
    path, random = tmp_path_factory.mktemp("writer"), Random(0)
    texts = []
    for old, new in zip(stories(random, 3000), stories(random, 3000), strict=True):
        texts.append(PROMPTS["prompt"].replace("{question}", question(*old)) + f" {question(*new)} Done")
        texts.append(PROMPTS["solve"].replace("{question}", question(*new)) + f" {solution(*new[1:])} Done")
    recipe = Pretraining(
        corpus={"dataset": "d"},
        tokenizer={"kind": "words"},
        architecture={"hidden_size": 64, "layers": 2, "heads": 2, "intermediate_size": 64, "context": 64},
        steps=300,
        batch_size=8,
        sequence_length=64,
        lr=5e-3,
        warmup_steps=20,
        threads=1,
    )
    pretrain(texts, recipe, path, tmp_path_factory.mktemp("scratch"))
    return path


@pytest.fixture
def examples():
    rows = [{"question": question(*story), "solution": solution(*story[1:])} for story in stories(Random(1), 8)]
    ids = [f"train-{i}" for i in range(8)]
    return pd.DataFrame(rows).assign(example_id=ids, premem_accuracy=[0.0] * 4 + [1.0] * 4)


def test_a_model_writes_new_examples(folder, examples):
    """Through the interface that the workflow uses, to the end: new, solved, like those that were selected."""
    written = NewExamples(write=Writer(model="m", **PROMPTS, agreement=0.75, sampling=SAMPLING))
    tests = [question("Ada", 1, 1), question("Otto", 2, 3)]

    def run(seed):
        source = open_source(written, examples, Reading(answers="gsm8k"), None, folder, HARDWARE, seed)
        known = [*examples["question"], *tests]
        return collect(examples, "premem", 12, Collection(), source, known, tests, (0, 1), "round1").examples

    new = run("premem 0 1")
    assert new["question"].nunique() == 12
    assert not set(new["question"]) & {*examples["question"], *tests}
    assert set(new["resembles"]) <= {f"train-{i}" for i in range(4)}
    assert new["question"].str.fullmatch(rf"({'|'.join(NAMES)}) has \d nuts and finds \d \.").mean() > 0.9
    assert (new["solution"].str.partition("#### ")[2] == new["answer"]).all()
    numbers = new["question"].str.extract(r"has (\d) nuts and finds (\d)").astype(float)
    assert np.mean(numbers.sum(axis=1) == new["answer"].astype(float)) > 0.7  # four that agree are mostly right
    pd.testing.assert_frame_equal(new, run("premem 0 1"))
    assert not new["question"].equals(run("premem 1 1")["question"])


class Told:
    """Answers prompts by a rule instead of a model; remembers what it was asked."""

    def __init__(self, monkeypatch, tokenizer, question, solutions):
        self.asked, self.seeds = [], []

        def open_backend(model, settings, stop, hardware):
            self.seeds.append(settings.seed)

            class Backend:
                def sample(backend, prompts):
                    texts = [tokenizer.decode(prompt.token_ids, skip_special_tokens=True) for prompt in prompts]
                    self.asked += texts
                    say = question if stop == "Q" else solutions
                    return [[Completion(*words, 3) for words in say(text, settings.n)] for text in texts]

            return Backend()

        monkeypatch.setattr(module, "open_backend", open_backend)


def told(monkeypatch, folder, questions, solutions, **changes):
    """A writer whose model asks these questions in turn and solves each one so."""
    settings = {"prompt": "Given {question} {solution} New :", "stop": "Q", "solve": "{question} so"}
    writer = Writer(**{"model": "m", **settings, "solve_stop": "S", "sampling": SAMPLING, **changes})
    source = WriterSource(folder, writer, "gsm8k", HARDWARE, "a")
    asked = iter(questions)

    def ended(text):
        return (text.removesuffix("…"), "length" if text.endswith("…") else "stop")

    rule = Told(
        monkeypatch,
        source.tokenizer,
        lambda prompt, n: [ended(next(asked))],
        lambda prompt, n: [ended(text) for text in solutions[prompt.removesuffix(" so")]],
    )
    return source, rule


ASKED = "Ada has 1 nuts and finds 2 ."


def test_what_a_model_reads(monkeypatch, folder, examples):
    source, told_so = told(monkeypatch, folder, [f"  {ASKED} "] * 4, {ASKED: ["#### 3"] * 4})
    source.variants(examples.head(2))
    row = examples.iloc[0]
    assert told_so.asked[0] == f"Given {row['question']} {row['solution']} New :"
    assert told_so.asked[2:] == [f"{ASKED} so"] * 2
    source.variants(examples.head(2))
    assert len(set(told_so.seeds)) == 4  # every pass draws anew


@pytest.mark.parametrize(
    ("asked", "solutions", "expected"),
    [
        (ASKED, ["1 + 2 = 4 #### 4", "1 + 2 = 3 #### 3", "so #### 3", "3 #### 3"], ("1 + 2 = 3 #### 3", "3")),
        (ASKED, ["#### 3", "#### 3", "#### 4", "#### 5"], DISAGREEING),
        (ASKED, ["#### 3", "#### 3…", "#### 3…", "#### 4"], DISAGREEING),  # those cut short have no vote
        (ASKED, ["1 + 2 = 3", "", "####", "#### nuts"], WITHOUT_ANSWER),
        ("Ada has 1 nuts…", [], UNFINISHED),
        ("  ", [], UNFINISHED),
    ],
)
def test_solutions_must_agree(monkeypatch, folder, examples, asked, solutions, expected):
    source, told_so = told(monkeypatch, folder, [asked], {ASKED: solutions})
    (found,) = source.variants(examples.head(1))
    if isinstance(expected, tuple):
        expected = {"question": ASKED, "solution": expected[0], "answer": expected[1]}
    assert found == expected
    assert len(told_so.asked) == 1 + bool(solutions)  # what has no question is not solved


def test_math_answers_agree_as_they_are_written(monkeypatch, folder, examples):
    source, _ = told(monkeypatch, folder, [ASKED], {ASKED: [r"so \boxed{x}", "no", r"\boxed{x}", r"\boxed{x}"]})
    source.answers = "math"
    (found,) = source.variants(examples.head(1))
    assert found == {"question": ASKED, "solution": r"so \boxed{x}", "answer": "x"}


def test_what_a_model_fails_at_is_counted_and_tried_again(monkeypatch, folder, examples):
    other = "Otto has 1 nuts and finds 2 ."
    questions = [ASKED, "Mira has…", other, ASKED, "Hugo has 4 nuts and finds 1 ."]
    solutions = {
        ASKED: ["#### 3"] * 4,
        other: ["#### 1", "#### 2"] * 2,
        "Hugo has 4 nuts and finds 1 .": ["#### 5"] * 4,
    }
    source, _ = told(monkeypatch, folder, questions, solutions)
    found = collect(examples, "premem", 2, Collection(), source, [], [], (0, 1), "round1")
    assert found.examples["answer"].tolist() == ["3", "5"]
    assert found.left_out == {UNFINISHED: 1, DISAGREEING: 1, "the question exists already": 1}


def test_a_model_that_writes_nothing_of_use_comes_to_an_end(monkeypatch, folder, examples):
    source, told_so = told(monkeypatch, folder, ["and so on …"] * 1000, {})
    with pytest.raises(
        UserError, match=r"round1: 3 new examples wanted, 3 of them are missing.*30 left out: the model"
    ):
        collect(examples, "premem", 3, Collection(), source, [], [], (0, 1), "round1")
    assert len(told_so.asked) == 30


def test_a_prompt_that_does_not_fit_is_refused(folder, examples):
    writer = Writer(model="m", **PROMPTS, sampling={"n": 2, "max_new_tokens": 60})
    source = WriterSource(folder, writer, "gsm8k", HARDWARE, "a")
    with pytest.raises(UserError, match=r"new_examples\.write: a prompt of \d+ tokens and 60 more .* \(64\); shorten"):
        source.variants(examples)


WITHOUT = """
import sys

for name in ("datasets", "math_verify", "matplotlib", "pebble", "statsmodels"):
    sys.modules[name] = None  # importing it fails
import collect_examples
import premem.analysis.curation.writer
"""


def test_the_environments_that_sample_can_write_examples(root):
    """They hold fewer packages than the one that runs the tests: see envs/sample.yaml and envs/vllm.yaml."""
    subprocess.run([sys.executable, "-c", WITHOUT], cwd=root / "workflow" / "scripts", check=True)
