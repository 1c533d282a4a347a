"""The blocks of a study file (config.yaml), one class each; the text under a field says what it does.

Only plain data and checks of a single block live here; what spans blocks (a sweep that names a model) is in
``premem.study``. Scripts receive a block as JSON, so that a rule depends on the blocks it uses and on nothing else.
"""

import re
from collections.abc import Callable, Mapping
from decimal import Decimal, InvalidOperation
from typing import Annotated, Any, Literal, get_args

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, PositiveFloat, PositiveInt, model_validator

from premem.errors import UserError

# Names become folder names and Snakemake wildcards, so they hold no character that would make a path ambiguous.
NAME_PATTERN = r"[A-Za-z0-9][A-Za-z0-9.-]*"
Name = Annotated[str, Field(pattern=rf"^{NAME_PATTERN}$")]
Fraction = Annotated[float, Field(gt=0, le=1)]
Dtype = Literal["float32", "bfloat16", "float16"]
FigureFormat = Literal["pdf", "png", "svg"]


def spell_learning_rate(value: Any) -> str:
    """Return the one spelling of a learning rate, whatever YAML or the command line made of it.

    ``0.00005``, ``"5E-5"`` and ``5e-05`` all become ``5e-5``.

    Raises:
        ValueError: if it is not a positive number.
    """
    try:
        number = Decimal(str(value))
    except InvalidOperation:
        raise ValueError(f"{value!r} is not a number; write a learning rate as 5e-5 or 0.00005") from None
    if not number.is_finite() or number <= 0:
        raise ValueError(f"a learning rate is above 0, not {value}")
    mantissa, _, exponent = f"{number.normalize():e}".partition("e")
    return f"{mantissa}e{int(exponent)}"


LearningRate = Annotated[str, BeforeValidator(spell_learning_rate)]


UNPERTURBED = "unperturbed"
"""What stands for the name of a perturbation where there is none."""
COLUMN_IN_TEMPLATE = re.compile(r"\{([A-Za-z_]\w*)\}")
"""A column in the template of a perturbation."""


class Block(BaseModel):
    """A block of the configuration: unknown keys are refused, values do not change once read."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)


# --- data -----------------------------------------------------------------------------------------------------------


class Split(Block):
    """Where the examples of a training or test set come from: exactly one of ``files``, ``hub`` and ``generate``."""

    files: tuple[str, ...] | None = None
    """Local JSONL or Parquet files, read in this order."""
    hub: str | None = None
    """Id of a dataset on the Hugging Face hub, such as ``openai/gsm8k``."""
    revision: str | None = None
    """Commit of the hub dataset; needed with ``hub``, so that the data cannot change under a study."""
    subset: str | None = None
    """Name of the hub dataset's configuration, where it has several."""
    split: str | None = None
    """Split of the hub dataset, such as ``train``."""
    generate: Literal["arithmetic"] | None = None
    """A built-in generator of story problems (``premem.arithmetic``)."""
    steps: dict[PositiveInt, PositiveFloat] | None = None
    """For ``generate``: weight of each number of steps, such as ``{2: 1, 3: 1}``. A story whose numbers get large is
    drawn again, steps and all, so that long ones come out rarer."""
    wording: Literal["usual", "unseen"] = "usual"
    """For ``generate``: the sentences of the questions. ``unseen``: others, of the same words, for a test set."""
    rows: PositiveInt | None = None
    """How many the source has: for estimates before the data are here; nothing else depends on it."""
    examples: PositiveInt | None = None
    """Take this many examples, drawn at random with the dataset's seed; all of them if left out."""

    @model_validator(mode="after")
    def _check_source(self) -> "Split":
        sources = [key for key in ("files", "hub", "generate") if getattr(self, key) is not None]
        if len(sources) != 1:
            raise ValueError(f"give one of files, hub and generate (given: {', '.join(sources) or 'none'})")
        if self.hub and not (self.revision and self.split):
            raise ValueError("a hub dataset needs revision (a commit) and split (such as train)")
        if self.generate and not (self.steps and self.examples):
            raise ValueError("a generator needs steps (such as {2: 1, 3: 1}) and examples (such as 512)")
        return self


class Examples(Block):
    """How the rows of a source become examples."""

    columns: dict[str, str] = {}
    """Names of the source's columns, as ``{question: problem}``; question, solution and answer keep their names if left
    out. The answer may be absent: it is then read from the solution. Other names here are kept as further columns."""
    answers: Literal["gsm8k", "math"]
    """How a final answer is written: after ``#### `` (gsm8k) or in ``\\boxed{}`` (math)."""
    bad_examples: Literal["error", "drop"] = "error"
    """What to do with examples that are empty, repeated, without a final answer or too long: stop before anything
    expensive starts and list them, or leave them out and report how many."""
    seed: int = Field(0, ge=0)
    """Seed of generated and drawn examples, and of the nested subsets that sizes name."""


class Templates(Block):
    """How prompts and targets are written."""

    prompt: str = "{question}\nAnswer:"
    """What the model reads."""
    target: str = " {solution}\nDone."
    """What the model is trained to write after it."""
    stop: str = "\nDone."
    """The text that ends an answer; the target ends with it."""
    max_tokens: PositiveInt | None = None
    """Longest example, prompt and target together; the model's context if left out."""

    @model_validator(mode="after")
    def _check_templates(self) -> "Templates":
        if "{question}" not in self.prompt:
            raise ValueError(f"prompt: the template {self.prompt!r} lacks {{question}}")
        if "{solution}" not in self.target:
            raise ValueError(f"target: the template {self.target!r} lacks {{solution}}")
        if not self.stop or not self.target.endswith(self.stop):
            raise ValueError(
                f"stop: the target template must end with the stop text {self.stop!r}, so that answers end"
            )
        return self

    def write_prompt(self, question: str) -> str:
        """Return what the model reads for a question."""
        return self.prompt.replace("{question}", question)

    def write_target(self, solution: str) -> str:
        """Return what the model is trained to write for a solution."""
        return self.target.replace("{solution}", solution)


class Perturbation(Block):
    """A harmless change of prompts, under which what is understood stays right: at least one of the two."""

    prompt: str | None = None
    """A template of its own, such as ``"Think first. {question}\\nAnswer:"``. It may name ``{question}``, any column
    that the dataset keeps, and for generated stories ``{paraphrase}``."""
    answer_begins: str = ""
    """The answer is made to begin with this text, such as ``" First"``, and goes on from there."""

    @model_validator(mode="after")
    def _check_change(self) -> "Perturbation":
        if self.prompt is None and not self.answer_begins:
            raise ValueError("give prompt (a template), answer_begins (a text) or both")
        if self.prompt is not None and not self.columns:
            raise ValueError(f"prompt: the template {self.prompt!r} names no column, such as {{question}}")
        return self

    @property
    def columns(self) -> list[str]:
        """The columns that the template names."""
        return COLUMN_IN_TEMPLATE.findall(self.prompt or "")

    def write_prompt(self, usual: str, columns: Mapping[str, str]) -> str:
        """Return what the model reads.

        Args:
            usual: the prompt without the perturbation.
            columns: name → text, of the example.
        """
        if self.prompt is None:
            return usual
        return COLUMN_IN_TEMPLATE.sub(lambda match: columns[match[1]], self.prompt)


class Pool(Split):
    """Rows to collect from, each of which names the training example that it resembles, as augmentation sets do."""

    resembles: str
    """Column that holds the question, or the example_id, of that training example."""
    columns: dict[str, str] | None = None
    """Names of its columns, as in ``datasets``; the dataset's own if left out."""

    @model_validator(mode="after")
    def _check_rows(self) -> "Pool":
        if self.generate:
            raise ValueError("a pool is read from files or hub; a generator goes under new_examples.generate")
        return self


class SamplingSettings(Block):
    """How answers are sampled from a checkpoint."""

    backend: Literal["transformers", "vllm"] = "transformers"
    """The engine that samples. ``vllm`` needs an environment of its own: ``hardware.python.sample`` names it."""
    n: PositiveInt = 5
    """Answers per prompt."""
    temperature: float = Field(0.8, ge=0)
    """0 takes the likeliest token at every step."""
    top_p: Fraction = 0.95
    """Share of the probability kept, the likeliest tokens first; 1 keeps all."""
    max_new_tokens: PositiveInt = 512
    """Longest answer, in tokens."""
    seed: int = Field(2, ge=0)
    """Every sample of every prompt has a seed of its own, derived from this one."""
    dtype: Dtype = "float32"
    """Number format in which checkpoints are evaluated: sampled, and measured for perplexity."""


class Writer(Block):
    """A language model that writes a variant of a given example: first a question, then several solutions of it."""

    model: Name
    """One of ``models``."""
    prompt: str
    """What it reads before it writes a question; ``{question}`` and ``{solution}`` are the given example's."""
    stop: str
    """The text that ends a question."""
    solve: str
    """What it reads before it writes a solution; ``{question}`` is the new question."""
    solve_stop: str
    """The text that ends a solution."""
    agreement: Fraction = 0.6
    """Share of the solutions that must come to the same final answer; the first that does is kept."""
    sampling: SamplingSettings = SamplingSettings()
    """How both are sampled; ``n`` solutions."""

    @model_validator(mode="after")
    def _check_prompts(self) -> "Writer":
        for key in ("prompt", "solve"):
            if "{question}" not in getattr(self, key):
                raise ValueError(f"{key}: the template {getattr(self, key)!r} lacks {{question}}")
        return self


class NewExamples(Block):
    """Where new examples like a given one come from: exactly one of ``generate``, ``pool`` and ``write``."""

    generate: Literal["arithmetic"] | None = None
    """A new story about the given example's sequence of operations; the dataset keeps the column ``skeleton``."""
    pool: Pool | None = None
    """Rows that are there already."""
    write: Writer | None = None
    """A language model writes them."""

    @model_validator(mode="after")
    def _check_source(self) -> "NewExamples":
        sources = [key for key in ("generate", "pool", "write") if getattr(self, key) is not None]
        if len(sources) != 1:
            raise ValueError(f"give one of generate, pool and write (given: {', '.join(sources) or 'none'})")
        return self

    @property
    def kind(self) -> str:
        """Which one."""
        return next(key for key in ("generate", "pool", "write") if getattr(self, key) is not None)


class Dataset(Examples, Templates):
    """A dataset: its sets of examples, how they are read and how they are written."""

    train: Split
    """The examples to train on."""
    test: dict[Name, Split] = Field(min_length=1)
    """The test sets by name; the first is the study's, the one that is predicted."""
    difficulty: str | None = None
    """What says how hard an example is (``premem.difficulty``): one of ``columns``, whose values hold a number (``Level
    3``), or ``lines``, the number of lines of the solution. Nothing does if left out."""
    perturbations: dict[Name, Perturbation] = {}
    """Changes of its prompts by name, for ``robustness``."""

    @model_validator(mode="after")
    def _check_perturbations(self) -> "Dataset":
        told_anew = {"paraphrase"} if self.train.generate and self.train.wording == "usual" else set()
        known = dict.fromkeys(["question", *self.columns, *told_anew])
        known.pop("solution", None)  # it holds the answer
        for name, perturbation in self.perturbations.items():
            if name == UNPERTURBED:
                raise ValueError(f"perturbations.{name}: this is what prompts without one are called; rename it")
            for column in perturbation.columns:
                if column not in known:
                    raise ValueError(
                        f"perturbations.{name}.prompt: {{{column}}} is no column that a prompt may hold (there are "
                        f"{', '.join(known)}); keep it under the dataset's columns, or correct the template"
                    )
        return self

    new_examples: NewExamples | None = None
    """Where new examples like one of its own come from, for ``curation``."""

    @model_validator(mode="after")
    def _check_difficulty(self) -> "Dataset":
        if self.difficulty not in (None, "lines", *self.columns):
            kept = ", ".join(self.columns) or "none"
            raise ValueError(
                f"difficulty: {self.difficulty!r} is neither lines nor one of the dataset's columns (there are {kept})"
            )
        return self


# --- models ---------------------------------------------------------------------------------------------------------


class Tokenizer(Block):
    """A tokenizer trained on the pre-training texts."""

    kind: Literal["words", "bpe"]
    """``words``: one token per blank-separated word; ``bpe``: byte-level byte-pair encoding."""
    vocab_size: PositiveInt = 1000
    """Largest number of tokens."""


class Corpus(Block):
    """The texts a small base model is pre-trained on, in the prompt and target templates of a dataset of this study."""

    dataset: Name
    """The dataset whose templates are used, and whose training examples are the texts unless some are generated."""
    generate: Literal["arithmetic"] | None = None
    """Generate the texts instead: lines of arithmetic facts and story problems, half and half."""
    steps: dict[PositiveInt, PositiveFloat] | None = None
    """For ``generate``: weight of each number of steps of the stories."""
    texts: PositiveInt | None = None
    """For ``generate``: how many texts."""

    @model_validator(mode="after")
    def _check_source(self) -> "Corpus":
        if self.generate and not (self.texts and self.steps):
            raise ValueError("a generated corpus needs texts (such as 50000) and steps (such as {1: 1})")
        return self


class Architecture(Block):
    """Shape of a small Llama model."""

    hidden_size: PositiveInt = 64
    """Size of a token's vector."""
    layers: PositiveInt = 4
    """Transformer blocks."""
    heads: PositiveInt = 2
    """Attention heads; vLLM needs hidden_size / heads to be 32, 64, 80, 96, 112, 128 or more."""
    intermediate_size: PositiveInt = 192
    """Inner size of the feed-forward layers."""
    context: PositiveInt = 256
    """Longest sequence, in tokens."""

    @model_validator(mode="after")
    def _check_heads(self) -> "Architecture":
        if self.hidden_size % self.heads:
            raise ValueError(f"hidden_size {self.hidden_size} is not a multiple of heads {self.heads}")
        return self


class Pretraining(Block):
    """A recipe for a small base model, trained from nothing on packed texts."""

    corpus: Corpus
    """What it is trained on."""
    tokenizer: Tokenizer
    """The tokenizer that is trained first."""
    architecture: Architecture = Architecture()
    """The shape of the model."""
    steps: int = Field(3000, ge=0)
    """Optimizer steps; 0 leaves the weights random."""
    batch_size: PositiveInt = 8
    """Sequences per step."""
    sequence_length: PositiveInt = 128
    """Tokens per sequence; texts are packed one after the other."""
    lr: PositiveFloat = 2e-3
    """Highest learning rate; it decays linearly to 0."""
    warmup_steps: int = Field(100, ge=0)
    """Steps in which the learning rate rises linearly from 0."""
    threads: PositiveInt = 2
    """Processor threads. Sums are rounded differently for each number of them, so this is part of the recipe."""
    seed: int = 0
    """Of the weights, the texts and their order."""


class Model(Block):
    """A base model: exactly one of ``path``, ``hub`` and ``pretrain``."""

    path: str | None = None
    """A local model folder (config, safetensors, tokenizer)."""
    hub: str | None = None
    """Id of a model on the Hugging Face hub."""
    revision: str | None = None
    """Commit of the hub model; needed with ``hub``."""
    pretrain: Pretraining | None = None
    """A recipe to train a small base model here."""
    parameters: PositiveFloat | None = None
    """Number of weights, such as 8.03e9: for estimates before a hub model is here; nothing else depends on it."""

    @model_validator(mode="after")
    def _check_source(self) -> "Model":
        sources = [key for key in ("path", "hub", "pretrain") if getattr(self, key) is not None]
        if len(sources) != 1:
            raise ValueError(f"give one of path, hub and pretrain (given: {', '.join(sources) or 'none'})")
        if self.hub and not self.revision:
            raise ValueError("a hub model needs revision (a commit), so that the model cannot change under a study")
        return self


# --- results made elsewhere -----------------------------------------------------------------------------------------


class Release(Block):
    """Results as the authors of Kang et al. 2025 released theirs: answer types and perplexities in NumPy files."""

    runs: str
    """What the names of the pair's run folders begin with, such as ``gsm8k_orig``."""
    repository: str = "https://github.com/katiekang1998/reasoning_generalization"
    """Git repository that holds them."""
    revision: str = "b9338536dbbc989398cf05fed5c8beb6c3fcb4e8"
    """Its commit."""
    subfolder: str = "ckpts"
    """Where the run folders lie in it."""


class Tables(Block):
    """Results in the project's own format (``premem.elsewhere.read_tables`` describes the columns)."""

    train: tuple[str, ...] = Field(min_length=1)
    """Parquet, CSV or JSONL files: accuracy (or grades) and perplexity of each training example at each checkpoint."""
    test: tuple[str, ...] = Field(min_length=1)
    """The same for test examples, without perplexity."""
    test_set: Name = "test"
    """The test set that is predicted, where the files name several."""


class Import(Block):
    """Results made elsewhere for a (model, dataset) pair: exactly one of ``release`` and ``tables``."""

    model: Name
    """Its name here; no model of ``models`` can have it."""
    dataset: Name
    """Its name here."""
    release: Release | None = None
    """Results as the authors of the method released theirs."""
    tables: Tables | None = None
    """Results in the project's own format."""
    figure_epochs: dict[Name, tuple[PositiveInt, ...]] = {}
    """Epochs that the source's own figure shows of runs of a size (of other sizes all); they are judged as well."""

    @model_validator(mode="after")
    def _check_source(self) -> "Import":
        if (self.release is None) == (self.tables is None):
            raise ValueError("give one of release and tables")
        return self


# --- the sweep ------------------------------------------------------------------------------------------------------


def _as_list(value: Any) -> Any:
    return value if isinstance(value, list | tuple) else [value]


OneOrMore = BeforeValidator(_as_list)


class Sweep(Block):
    """Runs to train: every combination of the values given; one value each makes a single run."""

    model: Annotated[tuple[Name, ...], OneOrMore, Field(min_length=1)]
    """Names of models."""
    dataset: Annotated[tuple[Name, ...], OneOrMore, Field(min_length=1)]
    """Names of datasets."""
    lr: Annotated[tuple[LearningRate, ...], OneOrMore, Field(min_length=1)]
    """Learning rates."""
    epochs: Annotated[tuple[PositiveInt, ...], OneOrMore, Field(min_length=1)]
    """Passes over the training examples."""
    size: Annotated[tuple[Name, ...], OneOrMore, Field(min_length=1)]
    """Names of sizes (see ``sizes``)."""
    seed: Annotated[tuple[Annotated[int, Field(ge=0)], ...], OneOrMore, Field(min_length=1)] = (0,)
    """Seeds of the order of the training examples."""


class Checkpoints(Block):
    """After which epochs a run is evaluated: every ``every`` epochs and after the last."""

    every: PositiveInt = 1
    """Epochs between two checkpoints."""
    at_most: PositiveInt = 6
    """Longer runs are spaced wider, by a multiple of ``every``, so as to keep to this number."""
    sample_together: bool = False
    """One job samples all checkpoints of a run, one after the other, instead of a job each: for small models, whose
    process takes longer to start than to sample. A change of this samples anew."""
    keep: Literal["none", "last", "all"] | tuple[PositiveInt, ...] = "none"
    """Which of them stay on disk once they have been evaluated (a list names epochs); to sample anew where one went,
    its run trains again."""


# --- the stages -----------------------------------------------------------------------------------------------------


class Lora(Block):
    """Low-rank adapters in all linear layers but the head (Hu et al. 2021)."""

    rank: PositiveInt = 16
    """Of the change of each weight matrix."""
    alpha: PositiveInt = 32
    """The change is scaled by alpha / rank."""
    dropout: float = Field(0.0, ge=0, lt=1)
    """Share of the adapters' inputs that is dropped in training."""


class Training(Block):
    """Fine-tuning with AdamW, of all weights unless ``lora`` is given; the learning rate is warmed up and then decays
    linearly to 0."""

    batch_size: PositiveInt = 128
    """Examples per optimizer step, over all devices."""
    weight_decay: float = Field(0.0, ge=0)
    """Decoupled weight decay of AdamW."""
    warmup_steps: int = Field(20, ge=0)
    """Steps in which the learning rate rises linearly from 0."""
    max_grad_norm: PositiveFloat = 2.0
    """The gradient is clipped to this norm."""
    dtype: Dtype = "float32"
    """Number format of the computation; the weights, and the checkpoints, are kept in float32."""
    lora: Lora | None = None
    """Train low-rank adapters instead of all weights; checkpoints hold the model with them merged in."""


class Grading(Block):
    """How answers are graded. All graders always run, side by side; ``grader`` names the one the study uses."""

    grader: Literal["original", "strict", "lenient"] = "strict"
    """``original``: the authors' rule; ``strict``: equal values where the style puts the answer; ``lenient``: the last
    number or expression."""
    time_limit: PositiveFloat = 10.0
    """Seconds that a symbolic comparison may take before it is ended and counted as incorrect."""


class Grid(Block):
    """Values of the threshold p, spaced evenly in log(log p)."""

    start: float = Field(1.01, gt=1)
    """Smallest value."""
    stop: float = Field(5.0, gt=1)
    """Largest value."""
    points: int = Field(256, ge=2)
    """Number of values."""

    @model_validator(mode="after")
    def _check_order(self) -> "Grid":
        if self.start >= self.stop:
            raise ValueError(f"start {self.start} is not below stop {self.stop}")
        return self


class Threshold(Block):
    """The perplexity p at or below which an example counts as memorized."""

    value: float | None = Field(None, gt=1)
    """A fixed p; if left out, p is calibrated for each (model, dataset): the grid's value with the best R² (y = x)."""
    grid: Grid = Grid()
    """Values tried."""


class Statistics(Block):
    """Intervals: percentile bootstrap, whole runs resampled."""

    resamples: PositiveInt = 2000
    """Number of resamples."""
    confidence: float = Field(0.95, gt=0, lt=1)
    """Share of the resamples within an interval."""
    seed: int = 0
    """Of the resamples."""


PredictorName = Literal[
    "premem_accuracy",
    "train_accuracy",
    "train_loss",
    "perplexity",
    "forgetting",
    "confidence",
    "variability",
    "difficulty",
    "self_consistency",
    "gradient_variance",
    "distance",
    "relative_distance",
    "atc",
]
CHEAP: tuple[PredictorName, ...] = (
    "premem_accuracy",
    "train_accuracy",
    "train_loss",
    "perplexity",
    "forgetting",
    "confidence",
    "variability",
)


def _name_all(value: Any) -> Any:
    return get_args(PredictorName) if value == "all" else value


class Predictors(Block):
    """Predictors of generalization that are compared with each other (``premem.predictors`` describes them)."""

    names: Annotated[tuple[PredictorName, ...], BeforeValidator(_name_all), Field(min_length=1)] = CHEAP
    """Those to compare, or ``all``; if left out, those that need the scores alone. ``gradient_variance``, ``distance``,
    ``relative_distance`` and ``atc`` read the checkpoints."""
    gradient_batches: int = Field(8, ge=2)
    """For ``gradient_variance``: mini-batches of training examples."""
    gradient_batch_size: PositiveInt = 16
    """Examples in each of them."""
    seed: int = 0
    """Of the mini-batches."""
    atc_answers: PositiveInt = 2
    """For ``atc``: how many of the ``sampling.n`` answers to each prompt are looked at. Each is a pass through the
    checkpoint, for training and test prompts."""


class Robustness(Block):
    """How much accuracy training examples lose when their prompts are perturbed (``premem.robustness``)."""

    perturbations: tuple[Name, ...] | None = Field(None, min_length=1)
    """Which of the perturbations that datasets offer; all of them if left out."""
    checkpoints: Literal["last", "all"] | Annotated[tuple[PositiveInt, ...], Field(min_length=1)] = "last"
    """At which of a run's checkpoints (a list names epochs)."""
    bins: int = Field(5, ge=2)
    """Parts of equal width that the range of accuracies is divided into, and of equal number that of perplexities."""


class ExampleReports(Block):
    """What is told of the training examples of each run (``premem.examples``)."""

    shown: PositiveInt = 10
    """How many of the most and of the least learned ones a run's page shows."""
    brittleness: bool = False
    """Say how much accuracy each is predicted to lose under perturbations, which takes the analysis of robustness. It
    is said in any case where ``analyses`` has robustness."""


StrategyName = Literal["premem", "premem_weighted", "train_accuracy", "ifd", "difficulty", "iid"]


class Collection(Block):
    """Which training examples new ones are collected like (``premem.curation.strategies``)."""

    examples: PositiveInt = 256
    """How many the target ``runs/…/curated/{strategy}.jsonl`` of a run collects; ``curation.rounds`` are its own."""
    threshold: float = 0.5
    """t: examples with a premem accuracy (or train accuracy) below it are taken."""
    share: Fraction = 0.3
    """Share of the examples that ``ifd`` and ``difficulty`` take, the hardest."""
    fallback: Literal["iid", "error"] = "iid"
    """Where no example is below t: collect i.i.d. and say so, or stop."""
    ngram: PositiveInt = 13
    """A new example is left out if it shares this many words in a row with a question of a test set."""

    @model_validator(mode="after")
    def _check_threshold(self) -> "Collection":
        if not 0 <= self.threshold <= 1:
            raise ValueError(f"threshold: {self.threshold:g} is no accuracy; give a number from 0 to 1")
        return self


class Curation(Block):
    """Strategies of collecting data, compared: trained in rounds, every round on what was collected before it
    (Algorithm 1 of Kang et al. 2025)."""

    model: Name
    """The base model."""
    dataset: Name
    """What is trained on at first, what new examples are like, and what is tested on."""
    lr: LearningRate
    """Learning rate of every training."""
    steps: PositiveInt
    """Optimizer steps of every training, whatever the number of examples; whole epochs, so about as many."""
    start: PositiveInt
    """Examples that a seed begins with, drawn from the training set."""
    rounds: tuple[PositiveInt, ...] = Field(min_length=1)
    """New examples that each round collects, N_1, N_2, …"""
    iid_rounds: tuple[PositiveInt, ...] = ()
    """Further rounds of i.i.d. collection: how many examples does it take to come as far?"""
    strategies: Annotated[tuple[StrategyName, ...], OneOrMore, Field(min_length=1)] = get_args(StrategyName)
    """Those to compare; i.i.d. collection is always among them."""
    seeds: Annotated[tuple[Annotated[int, Field(ge=0)], ...], OneOrMore, Field(min_length=1)] = (0, 1, 2, 3, 4)
    """Each draws the start, the new examples and the order of training anew, alike for all strategies."""

    @model_validator(mode="after")
    def _check_repeats(self) -> "Curation":
        for key in ("strategies", "seeds"):
            values = getattr(self, key)
            if len(set(values)) < len(values):
                raise ValueError(f"{key}: {', '.join(map(str, values))} names one twice; remove it")
        return self


class Figures(Block):
    """How figures look."""

    formats: tuple[FigureFormat, ...] = Field(("pdf", "png"), min_length=1)
    """File formats; the report shows PNG."""
    dpi: PositiveInt = 200
    """Dots per inch of PNG figures."""
    width: PositiveFloat = 7.0
    """Width of a figure, in inches."""


class TrainingHardware(Block):
    """How a run is trained."""

    processes: PositiveInt = 1
    """Processes that share each batch, on a GPU each where there are GPUs."""
    strategy: Literal["ddp", "fsdp"] = "ddp"
    """How several processes hold the model: all of it each (ddp), or a part each (fsdp, full shard)."""
    examples_per_process: PositiveInt | None = None
    """Examples that a process takes at a time; gradients are accumulated up to ``training.batch_size``. If left
    out, its whole share at once."""
    activation_checkpointing: bool = False
    """Compute activations anew in the backward pass instead of keeping them: slower, with much less memory."""
    save_state_every: PositiveInt | None = None
    """Optimizer steps between saves of the whole training state, from which an interrupted run goes on; never if left
    out."""

    def accumulation_steps(self, batch_size: int) -> int:
        """Return how often each process takes ``examples_per_process`` examples to make a batch of this size.

        Raises:
            UserError: if that does not come out even.
        """
        share, rest = divmod(batch_size, self.processes)
        if rest:
            sizes = _around(batch_size, lambda size: size % self.processes == 0)
            numbers = _around(self.processes, lambda number: batch_size % number == 0)
            raise UserError(
                f"training.batch_size {batch_size} cannot be shared by hardware.train.processes {self.processes}; "
                f"set batch_size to {sizes}, or processes to {numbers}"
            )
        examples = self.examples_per_process or share
        if share % examples:
            raise UserError(
                f"hardware.train.examples_per_process {examples} does not divide the {share} examples that each of "
                f"{self.processes} processes takes of training.batch_size {batch_size}; set it to "
                f"{_around(examples, lambda number: share % number == 0)}, or batch_size to "
                f"{_around(batch_size, lambda size: size % (self.processes * examples) == 0)}"
            )
        return share // examples


def _around(value: int, fits: Callable[[int], bool]) -> str:
    """Name the nearest fitting numbers below and above a value, as far as there are any."""
    below = next((number for number in range(value, 0, -1) if fits(number)), None)
    above = next((number for number in range(value, 2 * value + 1) if fits(number)), None)
    return " or ".join(str(number) for number in (below, above) if number)


class SamplingHardware(Block):
    """How answers are sampled."""

    batch: PositiveInt = 768
    """Sequences sampled at a time by the transformers backend."""
    shards: PositiveInt = 1
    """Processes that share the prompts of a checkpoint, each with ``tensor_parallel`` GPUs where there are GPUs."""
    tensor_parallel: PositiveInt = 1
    """GPUs that hold a model together in vLLM."""
    memory_share: Fraction = 0.9
    """Share of a GPU's memory that vLLM takes."""
    max_length: PositiveInt | None = None
    """Longest sequence, prompt and answer, that vLLM makes room for; what the longest prompt needs if left out."""


class PerplexityHardware(Block):
    """How perplexities are measured."""

    processes: PositiveInt = 1
    """Processes that share the examples, on a GPU each where there are GPUs."""
    batch: PositiveInt = 1024
    """Tokens per forward pass; few fit a processor's cache, a GPU takes more."""


class Hardware(Block):
    """What the machine can take. Nothing here changes a result beyond rounding, and a change of it reruns nothing."""

    gpu: bool = False
    """Jobs that train, sample or measure perplexities ask for GPUs: one for each process."""
    tflops: PositiveFloat = 989
    """Peak speed of a GPU in the number format of the models, in TFLOP/s (an H100's in bfloat16): for estimates."""
    train: TrainingHardware = TrainingHardware()
    """Fine-tuning."""
    sample: SamplingHardware = SamplingHardware()
    """Sampling."""
    perplexity: PerplexityHardware = PerplexityHardware()
    """Perplexities."""
    python: dict[Literal["train", "sample"], str] = {}
    """Python interpreter of an environment of its own for a kind of job, such as ``sample`` where vLLM needs one; the
    interpreter that runs Snakemake if left out."""
