"""Refuse what could not be sampled, before a model is trained: prompts that leave no room for an answer, no vLLM,
an architecture that the transformers backend does not take."""

import json
import shutil
import subprocess
from pathlib import Path

from premem.base import cli
from premem.base.errors import UserError
from premem.base.files import whole
from premem.base.tables import read_made_by, read_table


def main(
    tokens: list[Path], model: Path, max_new_tokens: int, out: Path, vllm_python: str = "", name: str = ""
) -> None:
    if vllm_python:
        find = "import importlib.util, sys; sys.exit(importlib.util.find_spec('vllm') is None)"
        if not shutil.which(vllm_python) or subprocess.run([vllm_python, "-c", find], capture_output=True).returncode:
            raise UserError(
                f"sampling.backend: {vllm_python} has no vLLM; install it as the README says under Sampling with vLLM, "
                "and name its interpreter under hardware.python.sample"
            )
    context = read_made_by(tokens[0])["context"]
    longest = {path.stem: int(read_table(path, ["prompt_ids"])["prompt_ids"].map(len).max()) for path in tokens}
    for split, length in longest.items():
        if context is not None and length + max_new_tokens > context:
            raise UserError(
                f"sampling.max_new_tokens: the longest prompt of {split} has {length} tokens, and {max_new_tokens} "
                f"more do not fit into the context of {model} ({context}); lower it to {context - length} or less, "
                "or lower the dataset's max_tokens"
            )
    if name and not vllm_python:
        from premem.lm.sampling.trial import check_architecture  # torch takes seconds to import

        check_architecture(model, f"models.{name}")
    with whole(out) as aside:
        aside.write_text(json.dumps({"context": context, "longest_prompt": longest}) + "\n")


if __name__ == "__main__":
    cli.run(main)
