"""Train a small base model from nothing."""

import tempfile
from pathlib import Path

from premem import cli
from premem.files import whole, write_identity
from premem.pretraining import generate_corpus, pretrain
from premem.settings import Pretraining, Templates
from premem.tables import read_table


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
