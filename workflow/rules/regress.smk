# From the scores of all runs of a (model, dataset) pair to its regression. Takes memorization tables; makes the threshold p,
# the points of every run, and the tables that say how well test accuracy is predicted.


rule calibrate:
    """Predict test accuracy at every threshold p of the grid, and choose p."""
    input:
        memorization=of_pair(MEMORIZATION),
        tests=of_pair(f"{RUN}/test_accuracy.parquet"),
    output:
        curves=f"{PAIR}/curves.parquet",
        calibration=f"{PAIR}/calibration.csv",
        threshold=f"{PAIR}/threshold.json",
    log:
        f"{RESULTS}/logs/calibrate/{{model}}/{{dataset}}.log",
    conda:
        "../../envs/analyze.yaml"
    params:
        settings=settings(STUDY.threshold),
        test_set=study_test_set,
        code=code("calibrate.py"),
    shell:
        "{PYTHON} {SCRIPTS}/calibrate.py --memorization {input.memorization} --tests {input.tests} "
        "--settings {params.settings:q} --test-set {params.test_set} --curves {output.curves} "
        "--calibration {output.calibration} --threshold {output.threshold} 2>&1 | tee {log}"


rule place_points:
    """Place a run's checkpoints: train, predicted and test accuracy."""
    input:
        memorization=MEMORIZATION,
        tests=f"{RUN}/test_accuracy.parquet",
        threshold=rules.calibrate.output.threshold,
    output:
        POINTS,
    log:
        f"{RESULTS}/logs/place_points/{ONE_RUN}.log",
    conda:
        "../../envs/analyze.yaml"
    params:
        test_set=study_test_set,
        code=code("place_points.py"),
    shell:
        "{PYTHON} {SCRIPTS}/place_points.py --memorization {input.memorization} --tests {input.tests} "
        "--threshold {input.threshold} --test-set {params.test_set} --model {wildcards.model} "
        "--dataset {wildcards.dataset} --lr {wildcards.lr} --epochs {wildcards.epochs} --size {wildcards.size} "
        "--seed {wildcards.seed} --out {output} 2>&1 | tee {log}"


rule regress:
    """Say how well test accuracy is predicted, with intervals over runs."""
    input:
        points=of_pair(POINTS),
        curves=rules.calibrate.output.curves,
        threshold=rules.calibrate.output.threshold,
    output:
        points=f"{PAIR}/points.csv",
        regression=REGRESSION,
        ols=f"{PAIR}/ols.txt",
    log:
        f"{RESULTS}/logs/regress/{{model}}/{{dataset}}.log",
    conda:
        "../../envs/analyze.yaml"
    params:
        settings=settings(STUDY.statistics),
        code=code("regress.py"),
    shell:
        "{PYTHON} {SCRIPTS}/regress.py --points {input.points} --curves {input.curves} --threshold {input.threshold} "
        "--settings {params.settings:q} --points-out {output.points} --regression {output.regression} "
        "--ols {output.ols} 2>&1 | tee {log}"


rule compare_graders:
    """Count where the graders agree and where they do not, with an answer for each case."""
    input:
        lambda w: expand_checkpoints(GRADES, STUDY.runs_of(w.model, w.dataset)),
    output:
        f"{PAIR}/graders.csv",
    log:
        f"{RESULTS}/logs/compare_graders/{{model}}/{{dataset}}.log",
    conda:
        "../../envs/analyze.yaml"
    params:
        code=code("compare_graders.py"),
    shell:
        "{PYTHON} {SCRIPTS}/compare_graders.py --grades {input} --out {output} 2>&1 | tee {log}"
