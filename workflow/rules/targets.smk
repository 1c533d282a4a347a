# Targets on the command line.
# What the study does not have is refused before anything is planned, with the most similar name.

import os

from premem.jobs.targets import did_you_mean, missing_run


def problem_of(target):
    """Return what is wrong with a target; None if nothing is."""
    if workflow.is_rule(target):
        return None
    path = target if os.path.isabs(target) else os.path.relpath(target)
    if problem := missing_run(STUDY, Path(RESULTS), Path(path)):
        return problem
    makers = [rule for rule in workflow.rules if rule.is_producer(path)]
    if makers or os.path.exists(path):
        return None
    stages = [rule for rule in workflow.rules if not rule.output and not rule.has_wildcards()]
    if "/" not in target:
        names = [rule.name for rule in stages]
        return f"there is no stage of this name; {did_you_mean(target, names)}stages are {', '.join(names)}"
    files = {file for rule in stages for file in rule.input if isinstance(file, str)}
    return f"the study does not make this file; {did_you_mean(path, sorted(files))}its results are below {RESULTS}"


def check_targets():
    """Refuse targets that the study does not have."""
    if problems := [f"{target}: {problem}" for target in targets_of_call() if (problem := problem_of(target))]:
        refuse("\n".join(problems))
