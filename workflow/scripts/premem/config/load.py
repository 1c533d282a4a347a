"""Reading a study: its blocks are checked one by one, then what spans blocks, then the files that it names."""

from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from premem.base.errors import UserError
from premem.config.builtin import fill_builtin_datasets
from premem.config.checks import missing_paths, problems_between_blocks
from premem.config.messages import describe_findings
from premem.config.study import Study


def load_study(config: Mapping[str, Any], source: str) -> Study:
    """Check a configuration and return it as a study.

    Args:
        config: what the YAML files and the command line made.
        source: name of the file or files, for messages.

    Raises:
        UserError: with a line for every problem, each naming the file and the key.
    """
    try:
        study = Study.model_validate(fill_builtin_datasets(config))
        problems = [*problems_between_blocks(study)] or [*missing_paths(study)]
    except ValidationError as error:
        problems = [*describe_findings(error, Study)]
    except UserError as error:
        problems = [str(error)]
    if problems:
        raise UserError("\n".join(f"{source}: {line}" for line in problems))
    return study
