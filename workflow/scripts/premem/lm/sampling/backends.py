"""Opening the sampling backend that a study names."""

import shutil
import subprocess
from pathlib import Path

from premem.base.errors import UserError
from premem.config.hardware import SamplingHardware
from premem.config.sampling import SamplingSettings
from premem.lm.sampling.prompts import Backend


def open_backend(checkpoint: Path, settings: SamplingSettings, stop: str, hardware: SamplingHardware) -> Backend:
    """Load a checkpoint into the backend that ``settings.backend`` names.

    Args:
        checkpoint: a Hugging Face model folder.
        settings: how to sample.
        stop: the text that ends an answer.
        hardware: what the machine can take; it changes only speed and memory.
    """
    match settings.backend:
        case "transformers":
            from premem.lm.sampling.transformers_backend import TransformersBackend

            return TransformersBackend(checkpoint, settings, stop, hardware)
        case "vllm":
            from premem.lm.sampling.vllm_backend import VllmBackend

            return VllmBackend(checkpoint, settings, stop, hardware)


def require_vllm(python: str) -> None:
    """Refuse an interpreter that has no vLLM.

    Raises:
        UserError: saying how to install it.
    """
    find = "import importlib.util, sys; sys.exit(importlib.util.find_spec('vllm') is None)"
    if not shutil.which(python) or subprocess.run([python, "-c", find], capture_output=True).returncode:
        raise UserError(
            f"sampling.backend: {python} has no vLLM; install it as docs/vllm.md says, "
            "and name its interpreter under hardware.python.sample"
        )
