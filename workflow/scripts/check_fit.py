"""Refuse what could not be sampled, before a model is trained: prompts that leave no room for an answer, no vLLM,
an architecture that the transformers backend does not take."""

import json
import sys
from pathlib import Path

from premem.base import cli
from premem.base.files import write_text
from premem.base.tables import read_made_by, read_table
from premem.config.data import TRAIN
from premem.lm.sampling.backends import require_vllm
from premem.lm.tokenized_split import check_room_for_answers, describe_overlap


def main(
    tokens: list[Path], model: Path, max_new_tokens: int, out: Path, vllm_python: str | None = None, name: str = ""
) -> None:
    if vllm_python:
        require_vllm(vllm_python)
    context = read_made_by(tokens[0])["context"]
    prompts = {path.stem: read_table(path, ["prompt_ids"])["prompt_ids"] for path in tokens}
    for warning in describe_overlap(prompts, TRAIN):
        print(warning, file=sys.stderr)
    longest = {split: int(of_split.map(len).max()) for split, of_split in prompts.items()}
    check_room_for_answers(longest, max_new_tokens, context, model)
    if name and not vllm_python:
        from premem.lm.sampling.trial import check_architecture  # torch takes seconds to import

        check_architecture(model, f"models.{name}")
    write_text(json.dumps({"context": context, "longest_prompt": longest}) + "\n", out)


if __name__ == "__main__":
    cli.run(main)
