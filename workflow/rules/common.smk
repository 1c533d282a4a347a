# The study, which every other file reads, and what holds for all jobs.
# Takes the configuration. Makes STUDY.

import gc
import json
import sys
from functools import cache, partial
from pathlib import Path

from snakemake.exceptions import WorkflowError
from snakemake.logging import logger


def refuse(problem):
    """End this call with a message. Unlike a WorkflowError, it has no trace and is shown under `--quiet all` too."""
    sys.exit(f"error: {problem}")


if Path(workflow.current_basedir).resolve().parents[1] != Path(workflow.basedir).resolve():
    refuse(
        "premem cannot be a Snakemake module or be included; call it by itself, with --snakefile and a --configfile, "
        "and let your own rules read its results"
    )

SCRIPTS = Path(workflow.basedir) / "workflow" / "scripts"
sys.path.insert(0, str(SCRIPTS))

from premem.base.errors import UserError
from premem.base.digests import digest_of
from premem.base.utf8 import start_in_utf8
from premem.config.data import POOL, TRAIN, Reading, Templates
from premem.config.load import load_study
from premem.config.study_file import read_study_file
from premem.config.runs import Run, Subset
from premem.jobs.lock import RUNNING

start_in_utf8("snakemake")

# A large study makes millions of small objects that live to the end. To look for garbage among them as often as Python
# does takes a sixth of the time.
gc.set_threshold(200_000, 50, 100)

# A study file given with --configfile takes the place of config.yaml; it is not mixed with it.
STUDY_FILES = list(map(str, workflow.overwrite_configfiles)) or ["config.yaml"]
SETTINGS_OF_CALL = ["--config"] if workflow.config_settings.config else []

try:
    for file in STUDY_FILES:
        read_study_file(Path(file))
except UserError as error:
    refuse(error)

if not workflow.overwrite_configfiles:

    configfile: "config.yaml"


try:
    STUDY = load_study(config, " and ".join([*STUDY_FILES, *SETTINGS_OF_CALL]))
except UserError as error:
    refuse(error)

for entry in STUDY.absent:
    logger.warning(
        f"local_release: it has no runs {entry.release.runs}_…, so {entry.model} on {entry.dataset} is left out"
    )

# A job holds a lock as long as it lives, also when Snakemake is killed, so that the next call does not do the same at the
# same time (`premem.jobs.lock`).
HOLD_LOCK = (
    f'if [ -n "${{{{{RUNNING}-}}}}" ]; then held="${RUNNING}/$(hostname)-$$"; exec 9> "$held"; '
    "trap 'rm -f \"$held\"' EXIT; if command -v flock > /dev/null; then flock 9; fi; fi; "
)

# What a job does depends on the study, not on where it is started. So variables that change what Python, torch,
# accelerate or matplotlib compute are unset, texts are UTF-8 everywhere, and there is no terminal to ask on.
# Jobs are offline, except those that fetch something, and print no progress bars. A library's number of threads does
# not follow the number of cores, because sums would then be rounded differently. A thread that waits lets go of its
# core: on a busy machine, threads that spin would slow each other down ten times.
UNSET = (
    "PYTHONPATH PYTHONSAFEPATH PYTHONOPTIMIZE PYTHONWARNINGS PYTHONSTARTUP PYTHONINSPECT PYTHONIOENCODING "
    "MPLBACKEND MATPLOTLIBRC MKL_NUM_THREADS OPENBLAS_NUM_THREADS NVIDIA_TF32_OVERRIDE TORCH_ALLOW_TF32_CUBLAS_OVERRIDE "
    "WORLD_SIZE RANK LOCAL_RANK LOCAL_WORLD_SIZE GROUP_RANK NODE_RANK MASTER_ADDR MASTER_PORT"
)
shell.prefix(
    f"set -euo pipefail; {HOLD_LOCK} exec < /dev/null; unset {UNSET} "
    "${{!ACCELERATE_@}} ${{!FSDP_@}} ${{!TORCHELASTIC_@}} ${{!PMI_@}} ${{!OMPI_@}} ${{!LC_@}}; "
    "export LC_ALL=C.UTF-8 PYTHONUTF8=1 HF_HUB_OFFLINE=${{HF_HUB_OFFLINE:-1}} "
    "HF_HUB_DISABLE_PROGRESS_BARS=1 HF_DATASETS_DISABLE_PROGRESS_BARS=1 "
    "TRANSFORMERS_VERBOSITY=error TOKENIZERS_PARALLELISM=false OMP_NUM_THREADS=1 OMP_WAIT_POLICY=passive PYTHONHASHSEED=0; "
)
