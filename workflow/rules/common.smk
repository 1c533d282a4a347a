# The study, and how rules start their scripts. Takes the configuration; makes STUDY, which every other file reads.

import gc
import json
import sys
from functools import cache, partial
from pathlib import Path

from snakemake.exceptions import WorkflowError
from snakemake.logging import logger


def refuse(problem):
    """End this call with one line, which is also shown under `--quiet all`. A WorkflowError would not be, and adds a trace."""
    sys.exit(f"error: {problem}")


if Path(workflow.current_basedir).resolve().parents[1] != Path(workflow.basedir).resolve():
    refuse(
        "premem cannot be a Snakemake module or be included; call it by itself (snakemake --snakefile …/premem/Snakefile "
        "--configfile study.yaml), and let your own rules read its results"
    )

SCRIPTS = Path(workflow.basedir) / "workflow" / "scripts"
sys.path.insert(0, str(SCRIPTS))

from premem.base.errors import UserError
from premem.base.digests import digest_of
from premem.config.data import POOL, TRAIN, Reading, Templates
from premem.config.load import load_study
from premem.config.runs import Run

# A large study makes millions of small objects that live to the end. Looking for garbage among them takes a sixth of the time.
gc.set_threshold(200_000, 50, 100)

try:
    STUDY = load_study(config, ", ".join(map(str, workflow.overwrite_configfiles)) or "config.yaml")
except UserError as error:
    refuse(error)

for entry in STUDY.absent:
    logger.warning(
        f"local_release: no runs {entry.release.runs}_… there, so {entry.model} on {entry.dataset} is left out"
    )

# Jobs work offline, but for those that fetch something, and keep quiet. The number of threads of a library does not follow the
# number of cores, because sums would then be rounded differently.
shell.prefix(
    "set -euo pipefail; export HF_HUB_OFFLINE=${{HF_HUB_OFFLINE:-1}} HF_HUB_DISABLE_PROGRESS_BARS=1 HF_DATASETS_DISABLE_PROGRESS_BARS=1 "
    "TRANSFORMERS_VERBOSITY=error TOKENIZERS_PARALLELISM=false OMP_NUM_THREADS=1 PYTHONHASHSEED=0; "
)
