"""Train a small base model from nothing."""

import tempfile
from pathlib import Path

from premem.base import cli
from premem.base.files import whole, write_identity
from premem.base.tables import read_table
from premem.config.data import Templates
from premem.config.models import Pretraining
from premem.lm.pretraining import generate_corpus, pretrain


def main(settings: Pretraining, templates: Templates, data: list[Path], out: Path, identity: Path) -> None:
    corpus = settings.corpus
    if corpus.generate:
        texts = generate_corpus(corpus, templates, settings.seed)
    else:
        examples = read_table(data[0], ["question", "solution"])
        texts = [
            templates.write_prompt(question) + templates.write_target(solution)
            for question, solution in zip(examples["question"], examples["solution"], strict=True)
        ]
    with tempfile.TemporaryDirectory() as scratch, whole(out) as folder:
        pretrain(texts, settings, folder, Path(scratch))
    write_identity(out, identity)


if __name__ == "__main__":
    cli.run(main)
