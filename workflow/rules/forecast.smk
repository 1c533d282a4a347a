# What a pair's results say to do: which checkpoint to use, and which training examples to look at.
# Takes scores, p and grades. Makes two tables.


rule forecast:
    """Forecast the test accuracy of every checkpoint, best first."""
    input:
        memorization=PAIR_MEMORIZATION,
        tests=PAIR_TESTS,
        threshold=rules.choose_threshold.output,
        curves=rules.calibrate.output.curves,
    output:
        f"{PAIR}/forecast.csv",
    log:
        f"{RESULTS}/logs/forecast/{{model}}/{{dataset}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/forecast/{{model}}/{{dataset}}.tsv"
    conda:
        "../../envs/analyze.yaml"
    params:
        **script("forecast.py"),
        test_set=study_test_set,
        statistics=settings(STUDY.statistics),
        checkpoints=unrecorded(settings(STUDY.checkpoints)),
        folder=folder_of_checkpoints,
    shell:
        "{params.call:q} --memorization {input.memorization:q} --tests {input.tests:q} --threshold {input.threshold:q} "
        "--curves {input.curves:q} --test-set {params.test_set:q} --statistics {params.statistics:q} "
        "--checkpoints {params.checkpoints:q} --folder {params.folder:q} --out {output:q} 2>&1 | tee {log:q}"


rule fix_these:
    """List the training examples that are worth a look, over all runs."""
    input:
        memorization=PAIR_MEMORIZATION,
        threshold=rules.choose_threshold.output,
        grades=where_trained(of_pair(GRADES)),
        data=where_trained(train_split),
    output:
        f"{PAIR}/fix_these.csv",
    log:
        f"{RESULTS}/logs/fix_these/{{model}}/{{dataset}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/fix_these/{{model}}/{{dataset}}.tsv"
    conda:
        "../../envs/analyze.yaml"
    params:
        **script("fix_these.py"),
        grader=STUDY.grading.grader,
    shell:
        "{params.call:q} --memorization {input.memorization:q} --threshold {input.threshold:q} "
        "--grades {input.grades:q} --data {input.data:q} --grader {params.grader:q} --out {output:q} 2>&1 | tee {log:q}"
