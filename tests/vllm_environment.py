"""The interpreter of the environment that vLLM has to itself, for tests that run it."""

import os
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PYTHON = ROOT / os.environ.get("PREMEM_VLLM_PYTHON", ".venv-vllm/bin/python")

needs_vllm = pytest.mark.skipif(
    not PYTHON.exists(),
    reason=f"no vLLM at {PYTHON}: `make .venv-vllm/installed`, or set PREMEM_VLLM_PYTHON to its interpreter",
)
