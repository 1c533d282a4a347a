# Where everything lies.
# Takes the study. Makes the patterns by which all rules name their files, and ways to fill them in.

import re


def own_path(path):
    """Return a path of the user's as commands take it: `~` is spelled out, and nothing looks like an option."""
    path = Path(path).expanduser()
    return str(path.absolute() if str(path).startswith("-") else path)


RESULTS = f"{own_path(STUDY.results)}/{STUDY.study}"
DATA = f"{RESULTS}/data/{{dataset}}/{{split}}.parquet"
TOKENS = f"{RESULTS}/tokens/{{model}}/{{dataset}}/{{split}}.parquet"
# Made once all data of a pair are known to be good. Expensive jobs wait for it, but do not rerun after it (`ancient`).
CHECKED = f"{RESULTS}/tokens/{{model}}/{{dataset}}/checked.json"
BASE_MODEL = f"{RESULTS}/models/{{model}}"
# The time of a folder says nothing about what is in it, so folders are `ancient` inputs. The identity of a base model,
# a file with its files' checksums, is an input next to the folder.
MODEL_IDENTITY = f"{RESULTS}/models/{{model}}.json"
PAIR = f"{RESULTS}/pairs/{{model}}/{{dataset}}"
ONE_RUN = "{model}/{dataset}/lr{lr}_ep{epochs}_{size}_seed{seed}"
RUN = f"{RESULTS}/runs/{ONE_RUN}"
TRAINING_LOG = f"{RUN}/training.parquet"
CHECKPOINT = f"{RUN}/checkpoints/epoch-{{epoch}}"  # a folder too; the training log is an input next to it
SAMPLES = f"{RUN}/epoch-{{epoch}}/samples.parquet"
LAST_TEST_SAMPLES = f"{RUN}/last_test_samples.parquet"
GRADES = f"{RUN}/grades.parquet"
MEMORIZATION = f"{RUN}/memorization.parquet"
TESTS = f"{RUN}/test_accuracy.parquet"
POINTS = f"{RUN}/points.parquet"
PAIR_MEMORIZATION = f"{PAIR}/memorization.parquet"
PAIR_TESTS = f"{PAIR}/test_accuracy.parquet"
REGRESSION = f"{PAIR}/regression.csv"
FIGURE = f"{PAIR}/figures/{{figure}}.{{format}}"


def one_of(names):
    """Return a regular expression that matches these names and no other."""
    return "|".join(map(re.escape, names)) or "(?!)"


IMPORTED_MODELS = [model for model, dataset in STUDY.imported]


wildcard_constraints:
    model=one_of([*STUDY.models, *IMPORTED_MODELS]),
    dataset=one_of([*STUDY.datasets, *STUDY.rounds, *(dataset for model, dataset in STUDY.imported)]),
    split=one_of({TRAIN, *(name for dataset in STUDY.datasets.values() for name in dataset.test)}),
    lr=r"\d(\.\d+)?e-?\d+",
    epochs=r"\d+",
    size=one_of(STUDY.sizes),
    seed=r"\d+",
    epoch=r"\d+",


# --- what the study asks for ---


def fill(pattern, **values):
    """Return the pattern with some wildcards filled in."""
    return expand(pattern, **values, allow_missing=True)[0]


def expand_pairs(pattern, pairs=STUDY.pairs, **more):
    """Return the pattern for every (model, dataset) pair; a further wildcard takes what its function returns."""
    return [
        path
        for pair in pairs
        for path in expand(
            pattern, model=pair[0], dataset=pair[1], **{name: values(pair) for name, values in more.items()}
        )
    ]


def expand_runs(pattern, runs=STUDY.trained_runs):
    """Return the pattern for every run."""
    return [pattern.format(**dict(run)) for run in runs]


def expand_checkpoints(pattern, runs=STUDY.trained_runs):
    """Return the pattern for every checkpoint of every run."""
    return [pattern.format(**dict(run), epoch=epoch) for run in runs for epoch in STUDY.checkpoint_epochs(run.epochs)]


def expand_figures(pairs):
    """Return every figure of these pairs, in every format that the study asks for."""
    return expand_pairs(FIGURE, pairs, figure=lambda pair: FIGURES, format=lambda pair: STUDY.figures.formats)


def splits_of(pair):
    """Return the training set and the test sets of a (model, dataset) pair, the predicted one first among these."""
    return [TRAIN, *STUDY.datasets[pair[1]].test]


def checkpoint_folder(epochs, epoch):
    """Return the folder of a checkpoint as an output that is kept, or deleted once all that reads it is done."""
    folder = directory(fill(CHECKPOINT, epochs=epochs, epoch=epoch))
    return folder if STUDY.checkpoints.keeps(epoch, epochs) else temp(folder)


def figure_files(name, folder=PAIR):
    """Return a figure in every format that the study asks for, shown in the report."""
    in_report = partial(report, caption=f"../report/{name}.rst", category="{model} on {dataset}")
    return [in_report(f"{folder}/figures/{name}.{format}") for format in STUDY.figures.formats]


NUMBERS_OF_EPOCHS = sorted({run.epochs for run in STUDY.trained_runs})
FIGURES = ["prediction", "training_curves", "threshold", "learning_progress"]
TARGETS = {}  # the files that each further analysis ends in; its rule file adds them
