# What happens before the first job and after a failure.
# Dry runs and the processes of single jobs do not get here.

import shutil

from premem.jobs.lock import claim
from premem.jobs.plan import training_reason


def claim_results():
    """Let no other Snakemake work on these results. Calls that only read them, as `plan` does, need not wait."""
    if any(job.output or job.rule.name == "remove_unused" for job in workflow.dag.needrun_jobs()):
        try:
            claim(Path(RESULTS))
        except UserError as error:
            raise WorkflowError(str(error)) from None


def check_interpreters():
    """Refuse an interpreter that is not there, before a job that other jobs wait for has cost anything."""
    for job, python in STUDY.hardware.python.items():
        if not USES_CONDA and not shutil.which(interpreter(job)):
            raise WorkflowError(
                f"hardware.python.{job}: there is no interpreter {python}; correct the path, or leave the key out"
            )


def announce_retraining():
    """Say which finished runs will be trained again, and why."""
    for job in workflow.dag.needrun_jobs():
        if job.rule.name.startswith("train_") and Path(job.output.log).exists():
            why = training_reason(str(workflow.dag.reason(job)))
            logger.warning(f"trains again: {ONE_RUN.format(**job.wildcards_dict, epochs=job.params.epochs)}: {why}")


def show_failures(lines=15):
    """Say which jobs failed in all their attempts, with the last lines of each job's log."""
    for job in sorted(workflow.scheduler.failed, key=lambda job: job.jobid):
        wildcards = ", ".join(f"{name}={value}" for name, value in job.wildcards_dict.items())
        logger.error(f"\n{job.rule.name} failed{wildcards and ': '}{wildcards}")
        for log in map(Path, job.log):
            said = log.read_text(encoding="utf-8", errors="replace").splitlines() if log.is_file() else []
            logger.error(
                f"  {log}, its last lines:" if said else f"  {log} is empty: the job ended before it wrote to it"
            )
            logger.error("\n".join(f"  | {line}" for line in said[-lines:]))


onstart:
    lift_default_rate()
    refuse_lost_arrays()
    check_interpreters()
    claim_results()
    announce_retraining()


onerror:
    remember_failures()
    show_failures()
