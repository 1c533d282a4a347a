# What works around faults of Snakemake and its Slurm plugin, mostly with parts of them that are not public.
# Each entry says the symptom, the version in which it was seen, and when the entry can go.

import os
from collections import deque
from importlib.metadata import version

from packaging.version import Version
from snakemake.cli import get_argument_parser
from snakemake.dag import DAG
from snakemake.jobs import Job

TESTED = "9.27"


def warn_of_newer_snakemake():
    """Warn of a Snakemake that is newer than the tested one: the entries below use parts that may change.

    It can go when the other entries have gone.
    """
    installed = version("snakemake")
    if workflow.is_main_process and Version(installed).release[:2] > Version(TESTED).release:
        logger.warning(
            f"Snakemake {installed} is newer than the tested version {TESTED}; if a call fails in an unexpected way, "
            f'install that one: pip install "snakemake=={TESTED}.*"'
        )


def targets_of_call():
    """Return the targets on the command line.

    Symptom: Snakemake tells the workflow its targets (`workflow.dag_settings`) only when all rule files have been read.
    Seen in: Snakemake 9.27.1.
    It can go when: they are told before.
    """
    program = Path(sys.argv[0])
    is_call = workflow.is_main_process and "snakemake" in (program.name, program.parent.name)
    return get_argument_parser().parse_known_args(sys.argv[1:])[0].targets if is_call else []


def lift_default_rate():
    """Lift the limit of 100 jobs per second that Snakemake sets by itself; a limit that the user gives stays.

    Symptom: the limit holds nothing back, but Snakemake wakes up once a second to check it, and once a second more for
        every job that has ended. A long study keeps a core busy.
    Seen in: Snakemake 9.27.1.
    It can go when: tests/workflow/test_guard.py passes without it.
    """
    rate = workflow.scheduling_settings.max_jobs_per_timespan
    if rate and (rate.max_jobs, rate.timespan) == (100, 1):
        workflow.scheduler.job_rate_limiter = None


def remember_failures():
    """Mark the outputs of failed jobs as incomplete, so that the next call makes them again.

    Symptom: a job that failed before it wrote anything leaves the older result in place (`update`), and the next call
        takes that for a new one.
    Seen in: Snakemake 9.27.1.
    It can go when: a call after such a failure runs the failed job again by itself.
    """
    for job in workflow.scheduler.failed:
        workflow.persistence.started(job)


def look_behind_ancient_inputs():
    """Let Snakemake check a job by itself where something runs again that is only `ancient` to it.

    Symptom: Snakemake skips the own check of every job that comes after a job that runs again, since it will run anyway.
        A job to which all files of the earlier one are `ancient` does not run because of it. So its own reasons, such as
        an input that an interrupted call has renewed, are never looked at, and old results count as done.
    Seen in: Snakemake 9.27.1.
    It can go when: tests/workflow/test_interruptions.py passes without it.
    """
    if hasattr(DAG.update_needrun, "original"):  # the workflow is read a second time in this process
        return
    original = DAG.update_needrun

    async def update_needrun(dag, create_inventory=False):
        def jobs_that_will_run(direction, job):
            todo, seen = deque([job]), {job}
            while todo:
                for later, files in direction[todo.popleft()].items():
                    if later not in seen and not all(file.is_ancient for file in files):
                        seen.add(later)
                        todo.append(later)
            return seen

        dag.bfs = jobs_that_will_run  # in there, it serves to find the jobs whose check is skipped, and nothing else
        try:
            await original(dag, create_inventory)
        finally:
            del dag.bfs

    update_needrun.original = original
    DAG.update_needrun = update_needrun


def asks_for_runtime(rule):
    """Return whether a rule itself asks for a runtime.

    Symptom: where a profile gives all rules a default runtime, `rule.resources` holds it like a rule's own, and the
        defaults are in a private attribute.
    Seen in: Snakemake 9.27.1.
    It can go when: the parsed default resources are public.
    """
    default = workflow.resource_settings._parsed_default_resources.get("runtime")
    return rule.resources.get("runtime") != default


def refuse_lost_arrays():
    """Refuse to combine job arrays with a limit on jobs or resources.

    Symptom: the plugin loses an array of which a limit holds back some jobs, and Snakemake waits for it without end.
    Seen in: snakemake-executor-plugin-slurm 2.8.0.
    It can go when: the plugin submits such an array in parts.
    """
    arrays = getattr(workflow.executor_settings, "array_jobs", None) or "none"
    if arrays == "none":
        return
    in_arrays = [job for job in workflow.dag.needrun_jobs() if arrays == "all" or job.rule.name in arrays]
    limits = [f"--resources {name}" for name in workflow.global_resources if not name.startswith("_")]
    submitted = sum(not job.is_local for job in workflow.dag.needrun_jobs())
    if workflow.resource_settings.nodes < submitted:
        limits.append(f"--jobs {workflow.resource_settings.nodes} (of {submitted})")
    rate = workflow.scheduler.job_rate_limiter
    if rate and rate.max_jobs < len(in_arrays):
        limits.append(f"--max-jobs-per-timespan {rate.max_jobs}/{rate.timespan:g}s")
    if in_arrays and limits:
        raise WorkflowError(
            f"{', '.join(limits)}: a limit and job arrays do not go together; add --slurm-array-jobs none, or raise the limit"
        )


def leave_first_of_array_alone():
    """Let a later job of an array not look for the files of the array's first job.

    Symptom: around every job of an array the plugin runs a process that does look for them, so a later job fails if the
        first one takes longer. The process within looks after the job's own files. Snakemake tells the workflow which of
        the two it is (`workflow.executor_settings`) only when all rule files have been read.
    Seen in: snakemake-executor-plugin-slurm 2.8.0.
    It can go when: that process knows which job of the array it runs.
    """
    task, first = (int(os.environ.get(f"SLURM_ARRAY_TASK_{which}", 0)) for which in ("ID", "MIN"))
    if task > first:
        postprocess = Job.postprocess

        async def postprocess_own(job, *args, **kwargs):
            if not getattr(workflow.executor_settings, "array_execs", ""):
                await postprocess(job, *args, **kwargs)

        Job.postprocess = postprocess_own


warn_of_newer_snakemake()
look_behind_ancient_inputs()
leave_first_of_array_alone()
