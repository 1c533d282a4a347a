"""Sample answers with vLLM, on GPUs or (more slowly) on a processor.

vLLM needs versions of packages that differ from the project's, so it has its own environment. Only this module imports
it, when an engine starts.
"""

import os
import textwrap
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import torch

from premem.base.errors import UserError
from premem.base.progress import track
from premem.config.hardware import SamplingHardware
from premem.config.sampling import SamplingSettings
from premem.lm.sampling.prompts import Completion, Prompt
from premem.lm.sampling.stopping import StopText
from premem.lm.tokens import load_tokenizer
from premem.lm.weights import check_weights

CPU_CACHE_BYTES = 2**30
"""Memory for keys and values without a GPU. It is allocated as it is used, so a small model takes only a part of it."""


class VllmBackend:
    """Samples from one checkpoint; see ``premem.lm.sampling.backends.open_backend``.

    The engine exists during one call of ``sample``, so that its memory is free before the engine of the next checkpoint
    starts.
    """

    def __init__(self, checkpoint: Path, settings: SamplingSettings, stop: str, hardware: SamplingHardware) -> None:
        self.checkpoint, self.settings, self.hardware = checkpoint, settings, hardware
        self.stop = StopText(load_tokenizer(checkpoint), stop)

    def sample(self, prompts: Sequence[Prompt]) -> list[list[Completion]]:
        """Return ``settings.n`` completions for each prompt, in the order of the prompts."""
        needed = max(len(prompt.token_ids) for prompt in prompts) + self.settings.max_new_tokens
        length = self.hardware.max_length or needed
        if length < needed:
            raise UserError(
                f"hardware.sample.max_length: the longest prompt and sampling.max_new_tokens need {needed} tokens, not "
                f"{length}; raise it or leave it out"
            )
        with self.engine(length) as engine:
            return self.sample_with(engine, prompts)

    @contextmanager
    def engine(self, max_length: int) -> Iterator[Any]:
        """Start vLLM on the checkpoint, and end it afterwards.

        Args:
            max_length: longest sequence (prompt and answer), in tokens.

        Raises:
            UserError: if vLLM is not installed, or refuses the model or the machine.
        """
        gpus = torch.cuda.device_count()
        if (asked := self.hardware.tensor_parallel) > max(1, gpus):
            raise UserError(f"hardware.sample.tensor_parallel: {asked} GPUs are needed, but there are {gpus}; lower it")
        if gpus:
            machine: dict[str, Any] = {
                "tensor_parallel_size": asked,
                "gpu_memory_utilization": self.hardware.memory_share,
            }
        else:
            machine = {
                "enforce_eager": True,
                "kv_cache_memory_bytes": CPU_CACHE_BYTES,
                # With prompts read in parts, vLLM takes random draws back, which generators on a processor cannot do.
                "enable_chunked_prefill": False,
            }
        vllm = _import_vllm(in_process=not gpus)
        check_weights(self.checkpoint)
        with _explained(self.checkpoint):
            engine = vllm.LLM(
                # An absolute path, since vLLM takes a name that is no folder for a model on the hub.
                model=str(self.checkpoint.resolve()),
                dtype=self.settings.dtype,
                max_model_len=max_length,
                enable_prefix_caching=True,
                # Ignore the model's own generation settings, such as further tokens that end an answer.
                generation_config="vllm",
                use_tqdm_on_load=False,
                trust_remote_code=False,
                **machine,
            )
        try:
            yield engine
        finally:
            engine.llm_engine.engine_core.shutdown()

    def sample_with(self, engine: Any, prompts: Sequence[Prompt]) -> list[list[Completion]]:
        """Return ``settings.n`` completions for each prompt from a running engine."""
        from vllm import SamplingParams

        settings = self.settings
        # vLLM gives sample k of a request the seed of the request plus k. Generators on a processor use 32 bits of it.
        first_seed = int(np.random.SeedSequence(settings.seed).generate_state(1)[0] >> 1)
        # All greedy samples are the same, and vLLM makes only one.
        n = settings.n if settings.temperature > 0 else 1
        parameters = [
            SamplingParams(
                n=n,
                seed=first_seed + prompt.seed,
                temperature=settings.temperature,
                top_p=settings.top_p,
                max_tokens=settings.max_new_tokens,
                stop=self.stop.stop,
                skip_special_tokens=False,  # where the stop text is looked for; it may be a special token
            )
            for prompt in prompts
        ]
        token_ids = [{"prompt_token_ids": [int(i) for i in prompt.token_ids]} for prompt in prompts]
        with _explained(self.checkpoint):
            engine.enqueue(token_ids, parameters, use_tqdm=False)
            outputs = engine.wait_for_completion(use_tqdm=lambda total, **_: track(total, "answers"))
        return [
            [self._completion(prompt, answer) for answer in output.outputs] * (settings.n // n)
            for prompt, output in zip(prompts, outputs, strict=True)
        ]

    def _completion(self, prompt: Prompt, answer: Any) -> Completion:
        """The text is written anew, without special tokens, since vLLM decodes it as what follows on the prompt."""
        reason, ids = answer.finish_reason, list(answer.token_ids)
        return Completion(self.stop.answer(prompt.token_ids, ids, reason == "stop"), reason, len(ids))


def _import_vllm(in_process: bool) -> Any:
    """Import vLLM.

    Args:
        in_process: run the engine in this process, which is necessary without a GPU. With a GPU the engine has its own
            process, which frees all of the GPU's memory when it ends.
    """
    # vLLM reads these when it is imported: it must send no statistics, and print only errors.
    os.environ |= {"VLLM_NO_USAGE_STATS": "1", "VLLM_LOGGING_LEVEL": "ERROR"}
    if in_process:
        os.environ["VLLM_ENABLE_V1_MULTIPROCESSING"] = "0"
    try:
        import vllm

        _ = vllm.LLM  # import the class now, since vLLM imports its parts on demand
    except Exception as error:  # a broken installation raises errors of many types
        raise UserError(
            f"sampling.backend: vLLM cannot be imported ({error}); install it as docs/vllm.md says: "
            "vLLM, and name its interpreter under hardware.python.sample"
        ) from error
    return vllm


@contextmanager
def _explained(checkpoint: Path) -> Iterator[None]:
    """Turn any error of vLLM into one line that names the model and the settings to change."""
    try:
        yield
    except Exception as error:
        reason = textwrap.shorten(str(error), 200, placeholder=" …")  # it may list hundreds of models
        raise UserError(
            f"{checkpoint}: vLLM fails: {reason} (if memory is short, change hardware.sample.memory_share, "
            "max_length or tensor_parallel; if vLLM does not support the model, set sampling.backend: transformers)"
        ) from error
