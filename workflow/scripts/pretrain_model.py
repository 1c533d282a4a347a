"""Train a small base model from scratch."""

import tempfile
from pathlib import Path

from premem.base import cli
from premem.base.files import whole, write_identity
from premem.base.tables import read_table
from premem.config.data import Templates
from premem.config.models import Pretraining
from premem.lm.pretraining import corpus_texts, pretrain


def main(settings: Pretraining, templates: Templates, data: Path | None, out: Path, identity: Path) -> None:
    texts = corpus_texts(settings, templates, read_table(data, ["question", "solution"]) if data else None)
    with tempfile.TemporaryDirectory() as scratch, whole(out) as folder:
        pretrain(texts, settings, folder, Path(scratch))
    write_identity(out, identity)


if __name__ == "__main__":
    cli.run(main)
