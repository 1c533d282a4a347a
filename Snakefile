# What test accuracy will a fine-tuned model reach? This workflow predicts it from the training data.
# `snakemake --cores 2` runs the embedded study.

from snakemake.utils import min_version

min_version("9.27")


report: "workflow/report/workflow.rst"


# What the rules below need: the study, paths, functions.
include: "workflow/rules/common.smk"
include: "workflow/rules/paths.smk"
include: "workflow/rules/params.smk"
include: "workflow/rules/inputs.smk"
include: "workflow/rules/curation_inputs.smk"
include: "workflow/rules/resources.smk"
include: "workflow/rules/workarounds.smk"
include: "workflow/rules/handlers.smk"
include: "workflow/rules/targets.smk"
# From data to the regression.
include: "workflow/rules/data.smk"
include: "workflow/rules/models.smk"
include: "workflow/rules/train.smk"
include: "workflow/rules/evaluate.smk"
include: "workflow/rules/imports.smk"
include: "workflow/rules/regress.smk"
include: "workflow/rules/forecast.smk"
include: "workflow/rules/figures.smk"
# Further analyses.
include: "workflow/rules/scrutiny.smk"
include: "workflow/rules/predictors.smk"
include: "workflow/rules/robustness.smk"
include: "workflow/rules/example_reports.smk"
include: "workflow/rules/model_comparison.smk"
include: "workflow/rules/curation.smk"
include: "workflow/rules/summary.smk"
include: "workflow/rules/upkeep.smk"


rule all:
    """Make the study: the summary, and the analyses that the study lists."""
    default_target: True
    input:
        f"{RESULTS}/summary.md",
        [TARGETS[analysis] for analysis in STUDY.analyses],


# Stages: `snakemake samples` makes the samples and all that they need, and keeps it.
rule data:
    """Prepare and tokenize all data."""
    input:
        expand_pairs(TOKENS, split=splits_of),


rule train:
    """Train all runs."""
    input:
        expand_checkpoints(CHECKPOINT),


rule samples:
    """Sample answers from every checkpoint of all runs."""
    input:
        expand_checkpoints(SAMPLES),


rule scores:
    """Measure the memorization of all runs."""
    input:
        expand_runs(MEMORIZATION),


rule regression:
    """Predict test accuracy for every pair of a model and a dataset."""
    input:
        expand_pairs(REGRESSION, STUDY.judged_pairs),


rule figures:
    """Plot the figures of every pair."""
    input:
        expand_figures(STUDY.judged_pairs),


# Further analyses; those that the study lists in `analyses` are a part of `all`.
rule scrutiny:
    """Answer doubts about the results of every pair."""
    input:
        TARGETS["scrutiny"],


rule predictors:
    """Compare predictors of generalization."""
    input:
        TARGETS["predictors"],


rule robustness:
    """Measure which training examples are brittle."""
    input:
        TARGETS["robustness"],


rule example_reports:
    """Report on the training examples of every run."""
    input:
        TARGETS["example_reports"],


rule model_comparison:
    """Compare the models on each dataset."""
    input:
        TARGETS["model_comparison"],


rule curation:
    """Compare strategies of collecting training data."""
    input:
        TARGETS["curation"],


# On a cluster, rules that ask for a runtime are submitted. The others take seconds or need the network, and run on the
# login node. So does grading in studies without GPUs, which are small.
workflow.localrules(*(rule.name for rule in workflow.rules if not asks_for_runtime(rule)))
if not STUDY.hardware.gpu:

    localrules:
        grade_samples,
        grade_last_samples,
        grade_perturbed,


check_targets()
