# Targets on the command line: one that the study does not have is refused before anything is planned, with names like it.

import difflib

from premem.config.block import NAME_PATTERN


def stages():
    """Return the names that `snakemake NAME` takes: rules without wildcards and files of their own."""
    return [rule.name for rule in workflow.rules if not rule.output and not rule.has_wildcards()]


def did_you_mean(name, names):
    """Return a question with the most similar name, or nothing."""
    similar = difflib.get_close_matches(name, list(names), n=1)
    return f"; did you mean {similar[0]}?" if similar else ""


def problem_of_run(target):
    """Return what is wrong with a target of a run: the run is not in the study, or not this checkpoint of it."""
    named = re.search(
        rf"(?P<model>{NAME_PATTERN})/(?P<dataset>{NAME_PATTERN})/lr(?P<lr>[^/_]+)_ep(?P<epochs>\d+)_(?P<size>[^/_]+)"
        r"_seed(?P<seed>\d+)(/(checkpoints/)?epoch-(?P<epoch>\d+))?",
        target,
    )
    if not named:
        return None
    *fields, epoch = named.group("model", "dataset", "lr", "epochs", "size", "seed", "epoch")
    run = Run(**dict(zip(Run.model_fields, fields)))
    if run not in STUDY.trained_runs:
        return f"the study has no run {run}{did_you_mean(str(run), map(str, STUDY.trained_runs))} To train it, add it to sweep"
    there = STUDY.checkpoint_epochs(run.epochs)
    if epoch and int(epoch) not in there:
        return f"run {run} has no checkpoint after epoch {epoch}, only after {', '.join(map(str, there))} (checkpoints.every)"
    return None


def problem_of_target(target):
    """Return what is wrong with a target, or nothing."""
    if target in rules.__dict__ or workflow.is_rule(target):
        return None
    path = target if os.path.isabs(target) else os.path.relpath(target)
    if problem := problem_of_run(path):
        return problem
    if os.path.exists(path) or any(rule.is_producer(path) for rule in workflow.rules):
        return None
    if "/" not in target:
        return f"there is no stage of this name{did_you_mean(target, stages())} Stages are {', '.join(stages())}"
    known = [file for rule in workflow.rules if not rule.output for file in rule.input if isinstance(file, str)]
    return f"no rule makes this file{did_you_mean(path, known)} Results of this study are in {RESULTS}"


def check_targets():
    """Refuse targets that the study does not have."""
    targets = sorted(workflow.dag_settings.targets) if workflow.is_main_process and workflow.dag_settings else []
    if problems := [f"{target}: {problem}" for target in targets if (problem := problem_of_target(target))]:
        raise WorkflowError("\n".join(problems))
