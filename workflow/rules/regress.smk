# From the scores of all runs of a (model, dataset) pair to its regression.
# Takes memorization tables. Makes the threshold p, the points of every run, and tables of how well test accuracy is
# predicted.


rule gather_runs:
    """Put the scores of all runs of a pair under each other."""
    input:
        memorization=of_pair(MEMORIZATION),
        tests=of_pair(TESTS),
    output:
        memorization=PAIR_MEMORIZATION,
        tests=PAIR_TESTS,
    log:
        f"{RESULTS}/logs/gather_runs/{{model}}/{{dataset}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/gather_runs/{{model}}/{{dataset}}.tsv"
    wildcard_constraints:
        model=one_of(STUDY.models),
    conda:
        "../../envs/analyze.yaml"
    params:
        **script("gather_runs.py"),
    shell:
        "{params.call:q} --memorization {input.memorization:q} --tests {input.tests:q} "
        "--memorization-out {output.memorization:q} --tests-out {output.tests:q} 2>&1 | tee {log:q}"


rule calibrate:
    """Predict test accuracy at every threshold p of the grid, and choose p."""
    input:
        memorization=PAIR_MEMORIZATION,
        tests=PAIR_TESTS,
    output:
        curves=f"{PAIR}/curves.parquet",
        calibration=f"{PAIR}/calibration.csv",
    log:
        f"{RESULTS}/logs/calibrate/{{model}}/{{dataset}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/calibrate/{{model}}/{{dataset}}.tsv"
    conda:
        "../../envs/analyze.yaml"
    params:
        **script("calibrate.py"),
        settings=settings(STUDY.threshold),
        test_set=study_test_set,
    shell:
        "{params.call:q} --memorization {input.memorization:q} --tests {input.tests:q} --settings {params.settings:q} "
        "--test-set {params.test_set:q} --curves {output.curves:q} --calibration {output.calibration:q} 2>&1 | tee "
        "{log:q}"


rule choose_threshold:
    """Write down p, from where the study says that it comes."""
    input:
        calibration=from_source(("test", "unseen"), rules.calibrate.output.calibration),
        memorization=from_source(("quantile",), PAIR_MEMORIZATION),
        other=from_source(("study",), f"{own_path(STUDY.threshold.study or '')}/threshold.json"),
    output:
        f"{PAIR}/threshold.json",
    log:
        f"{RESULTS}/logs/choose_threshold/{{model}}/{{dataset}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/choose_threshold/{{model}}/{{dataset}}.tsv"
    conda:
        "../../envs/analyze.yaml"
    params:
        **script("choose_threshold.py"),
        settings=settings(STUDY.threshold),
        source=threshold_source,
    shell:
        "{params.call:q} --calibration {input.calibration:q} --memorization {input.memorization:q} "
        "--other {input.other:q} --source {params.source:q} --settings {params.settings:q} --out {output:q} 2>&1 | tee "
        "{log:q}"


rule place_points:
    """Place a run's checkpoints: train, predicted and test accuracy at the pair's p."""
    input:
        memorization=MEMORIZATION,
        tests=TESTS,
        threshold=of_source_pair(rules.choose_threshold.output[0]),
    output:
        POINTS,
    log:
        f"{RESULTS}/logs/place_points/{ONE_RUN}.log",
    benchmark:
        f"{RESULTS}/benchmarks/place_points/{ONE_RUN}.tsv"
    conda:
        "../../envs/analyze.yaml"
    params:
        **script("place_points.py"),
        test_set=study_test_set,
    shell:
        "{params.call:q} --memorization {input.memorization:q} --tests {input.tests:q} --threshold {input.threshold:q} "
        "--test-set {params.test_set:q} --out {output:q} 2>&1 | tee {log:q}"


rule regress:
    """Say how well test accuracy is predicted, with intervals over runs."""
    input:
        memorization=PAIR_MEMORIZATION,
        tests=PAIR_TESTS,
        curves=rules.calibrate.output.curves,
        threshold=rules.choose_threshold.output,
    output:
        points=f"{PAIR}/points.csv",
        regression=REGRESSION,
        ols=f"{PAIR}/ols.txt",
    log:
        f"{RESULTS}/logs/regress/{{model}}/{{dataset}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/regress/{{model}}/{{dataset}}.tsv"
    conda:
        "../../envs/analyze.yaml"
    params:
        **script("regress.py"),
        settings=settings(STUDY.statistics),
        test_set=study_test_set,
    shell:
        "{params.call:q} --memorization {input.memorization:q} --tests {input.tests:q} --curves {input.curves:q} "
        "--threshold {input.threshold:q} --test-set {params.test_set:q} --settings {params.settings:q} "
        "--points {output.points:q} --regression {output.regression:q} --ols {output.ols:q} 2>&1 | tee {log:q}"


rule compare_graders:
    """Count where the graders agree and where they do not, with an answer for each case."""
    input:
        of_pair(GRADES),
    output:
        f"{PAIR}/graders.csv",
    log:
        f"{RESULTS}/logs/compare_graders/{{model}}/{{dataset}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/compare_graders/{{model}}/{{dataset}}.tsv"
    conda:
        "../../envs/analyze.yaml"
    params:
        **script("compare_graders.py"),
    shell:
        "{params.call:q} --grades {input:q} --out {output:q} 2>&1 | tee {log:q}"
