"""Refuse what could not be sampled, before a model is trained: prompts that leave no room for an answer, no vLLM,
an architecture that the transformers backend does not take."""

import json
import sys
from pathlib import Path
from typing import Literal

from premem.base import cli
from premem.base.errors import UserError
from premem.base.files import write_text
from premem.base.tables import read_made_by, read_table
from premem.config.data import TRAIN
from premem.lm.sampling.backends import require_vllm
from premem.lm.tokenized_split import check_room_for_answers, count_shared


def main(
    tokens: list[Path],
    model: Path,
    max_new_tokens: int,
    out: Path,
    vllm_python: str | None = None,
    name: str = "",
    dataset: str = "",
    shared_questions: Literal["error", "count"] = "count",
) -> None:
    if vllm_python:
        require_vllm(vllm_python)
    context = read_made_by(tokens[0])["context"]
    prompts = {path.stem: read_table(path, ["prompt_ids"])["prompt_ids"] for path in tokens}
    shared = count_shared(prompts, TRAIN)
    for split, number in shared.items():
        said = f"{number} of {len(prompts[split])} prompts of test set {split} are in the training set as well"
        if shared_questions == "error":
            raise UserError(
                f"datasets.{dataset}.test.{split}: {said}, so that they are no test; take them out, or set "
                f"datasets.{dataset}.shared_questions: count"
            )
        print(f"warning: {said}", file=sys.stderr)
    longest = {split: int(of_split.map(len).max()) for split, of_split in prompts.items()}
    check_room_for_answers(longest, max_new_tokens, context, model)
    if name and not vllm_python:
        from premem.lm.sampling.trial import check_architecture  # torch takes seconds to import

        check_architecture(model, f"models.{name}")
    write_text(json.dumps({"context": context, "longest_prompt": longest, "shared": shared}) + "\n", out)


if __name__ == "__main__":
    cli.run(main)
