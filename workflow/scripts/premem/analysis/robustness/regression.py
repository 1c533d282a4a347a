"""The table of everything that is estimated about brittleness.

    regression  examples, perturbation, predictor_set, predictor, statistic, estimate, low, high, n_examples, n_runs,
                note

``examples`` and ``perturbation`` are those of ``premem.analysis.robustness.bins``. ``predictor_set`` is a name of
``PREDICTOR_SETS``. ``statistic`` is one of

    unperturbed, perturbed, drop, kept      over all examples, without predictors; intervals resample runs
    still_right, interaction, drop_slope    see ``premem.analysis.robustness.slopes``; intervals from clustered errors
    drop_correlation                        correlation of predicted and measured drops within a run that the prediction
                                            was not fitted on, mean over runs; its interval resamples these runs
    ahead_of_train_accuracy                 drop_correlation minus that of train accuracy alone, on the same examples
"""

import pandas as pd

from premem.analysis.robustness import PREDICTOR_SETS, REFERENCE
from premem.analysis.robustness.answers import contrasts, predictor_sets_of
from premem.analysis.robustness.bins import accuracies
from premem.analysis.robustness.prediction import drop_correlations, mean_over_runs
from premem.analysis.robustness.slopes import slopes
from premem.config.statistics import Statistics

COLUMNS = ["examples", "perturbation", "predictor_set", "predictor", "statistic", "estimate", "low", "high"]


def regress(answers: pd.DataFrame, statistics: Statistics) -> pd.DataFrame:
    """Return ``regression`` (see the top of this module).

    Args:
        answers: see ``premem.analysis.robustness.answers``.
        statistics: settings of the intervals.
    """
    rows: list[dict[str, object]] = []
    for examples, perturbation, table in contrasts(answers):
        what = {"examples": examples, "perturbation": perturbation, "n_examples": len(table)}
        what |= {"n_runs": table["run"].nunique()}
        rows += [{**what, **row} for row in accuracies(table, statistics)]
        sets = list(predictor_sets_of(examples, table))
        correlations = {name: drop_correlations(known, predictors) for name, predictors, known in sets}
        for name, predictors, known in sets:
            of_set = {**what, "predictor_set": name, "n_examples": len(known), "n_runs": known["run"].nunique()}
            rows += [{**of_set, **row} for row in slopes(known, predictors, statistics.confidence)]
            compared = {"drop_correlation": correlations[name]}
            if name != REFERENCE and REFERENCE in correlations:
                reference = correlations[REFERENCE]
                if len(known) < len(table):  # some examples have no label, so compare on those that have one
                    reference = drop_correlations(known, PREDICTOR_SETS[examples][REFERENCE])
                compared["ahead_of_train_accuracy"] = correlations[name] - reference
            for statistic, of_runs in compared.items():
                rows.append({**of_set, "statistic": statistic, **mean_over_runs(of_runs, statistics)})
    return pd.DataFrame(rows, columns=[*COLUMNS, "n_examples", "n_runs", "note"])
