# Questions about a study and its results, which are answered at once.
# Takes the study. Makes no results.


rule plan:
    """Say what the study will take: runs, jobs, tokens, hours and disk."""
    log:
        f"{RESULTS}/logs/plan.log",
    handover: True  # it calls Snakemake for a dry run
    params:
        **script("plan.py"),
        study=lambda w: STUDY.model_dump_json(),  # a function's value keeps its braces
        snakefile=workflow.main_snakefile,
        results=RESULTS,
    shell:
        "{params.call:q} --snakefile {params.snakefile:q} --results {params.results:q} <<< {params.study:q} 2>&1 | tee "
        "{log:q}"


rule unused:
    """List the results on disk that the study no longer mentions."""
    log:
        f"{RESULTS}/logs/unused.log",
    conda:
        "../../envs/analyze.yaml"
    params:
        **script("unused.py"),
        study=lambda w: STUDY.model_dump_json(),  # a function's value keeps its braces
        results=RESULTS,
        then="list",
    shell:
        "{params.call:q} --results {params.results:q} --then {params.then:q} <<< {params.study:q} 2>&1 | tee {log:q}"


use rule unused as remove_unused with:
    log:
        f"{RESULTS}/logs/remove_unused.log",
    params:
        then="remove",
