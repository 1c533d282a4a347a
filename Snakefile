# What test accuracy will a fine-tuned model reach? Ask its training data: `snakemake --cores 2` runs the embedded study.

from snakemake.utils import min_version

min_version("9.27")

# A study file given with --configfile takes the place of config.yaml; it is not mixed with it.
if not workflow.overwrite_configfiles:

    configfile: "config.yaml"


report: "workflow/report/workflow.rst"


include: "workflow/rules/common.smk"
include: "workflow/rules/data.smk"
include: "workflow/rules/models.smk"
include: "workflow/rules/train.smk"
include: "workflow/rules/evaluate.smk"
include: "workflow/rules/imports.smk"
include: "workflow/rules/regress.smk"
include: "workflow/rules/figures.smk"
include: "workflow/rules/scrutiny.smk"
include: "workflow/rules/predictors.smk"
include: "workflow/rules/robustness.smk"
include: "workflow/rules/example_reports.smk"
include: "workflow/rules/model_comparison.smk"
include: "workflow/rules/curation.smk"
include: "workflow/rules/summary.smk"


leave_first_of_array_alone()


# Jobs never get here; nor do dry runs.
onstart:
    lift_default_rate()
    refuse_lost_arrays()
    if any(job.output or job.rule.name == "remove_unused" for job in workflow.dag.needrun_jobs()):
        claim_results()  # which others only look at: `snakemake plan` may do so while a study is running
    announce_retraining()


onerror:
    remember_failures()
    show_failures()


rule all:
    default_target: True
    input:
        f"{RESULTS}/summary.md",
        [TARGETS[analysis] for analysis in STUDY.analyses],


# What will it take? Answered before anything runs.
rule plan:
    params:
        study=lambda w: STUDY.model_dump_json(),
        snakefile=workflow.main_snakefile,
    shell:
        "{PYTHON} {SCRIPTS}/plan.py --study {params.study:q} --snakefile {params.snakefile:q} --results {RESULTS:q}"


# Which results on disk does the study no longer mention? Removed only when told to.
rule unused:
    params:
        study=lambda w: STUDY.model_dump_json(),
        then="list",
    shell:
        "{PYTHON} {SCRIPTS}/unused.py --study {params.study:q} --results {RESULTS:q} --then {params.then}"


use rule unused as remove_unused with:
    params:
        study=lambda w: STUDY.model_dump_json(),
        then="remove",


# Targets for stages: `snakemake samples` makes all that leads there, and keeps it.
rule data:
    input:
        expand_pairs(TOKENS, split=splits_of),


rule train:
    input:
        expand_checkpoints(CHECKPOINT),


rule samples:
    input:
        expand_checkpoints(SAMPLES),


rule scores:
    input:
        expand_runs(MEMORIZATION),


rule regression:
    input:
        expand_pairs(REGRESSION, STUDY.judged_pairs),


rule figures:
    input:
        expand_pairs(FIGURE, STUDY.judged_pairs, figure=lambda pair: FIGURES, format=lambda pair: STUDY.figures.formats),


# Further analyses; `analyses` in the study makes them a part of `all`.
rule scrutiny:
    input:
        TARGETS["scrutiny"],


rule predictors:
    input:
        TARGETS["predictors"],


rule robustness:
    input:
        TARGETS["robustness"],


rule example_reports:
    input:
        TARGETS["example_reports"],


rule model_comparison:
    input:
        TARGETS["model_comparison"],


rule curation:
    input:
        TARGETS["curation"],


# On a cluster, rules that ask for a runtime are submitted; the others take seconds, or need the network, and run beside
# Snakemake. So does grading in studies without GPUs, which are small.
workflow.localrules(*(rule.name for rule in workflow.rules if not asks_for_runtime(rule)))
if not STUDY.hardware.gpu:

    localrules:
        grade_samples,
        grade_last_samples,
        grade_perturbed,
