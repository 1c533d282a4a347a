# Figures of a (model, dataset) pair.
# Takes its tables. Makes an image of each figure in every format that the study asks for.


rule plot_prediction:
    """Plot test accuracy against pre-memorization train accuracy, and against plain train accuracy."""
    input:
        points=rules.regress.output.points,
        forecast=rules.forecast.output,
        regression=REGRESSION,
    output:
        figure_files("prediction"),
    log:
        f"{RESULTS}/logs/plot_prediction/{{model}}/{{dataset}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/plot_prediction/{{model}}/{{dataset}}.tsv"
    conda:
        "../../envs/analyze.yaml"
    params:
        **script("plot_prediction.py"),
        settings=settings(STUDY.figures),
    shell:
        "{params.call:q} --points {input.points:q} --forecast {input.forecast:q} --regression {input.regression:q} "
        "--settings {params.settings:q} --out {output:q} 2>&1 | tee {log:q}"


rule plot_training_curves:
    """Plot train, test and predicted accuracy along training, a panel per run."""
    input:
        points=rules.regress.output.points,
        forecast=rules.forecast.output,
    output:
        figure_files("training_curves"),
    log:
        f"{RESULTS}/logs/plot_training_curves/{{model}}/{{dataset}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/plot_training_curves/{{model}}/{{dataset}}.tsv"
    conda:
        "../../envs/analyze.yaml"
    params:
        **script("plot_training_curves.py"),
        settings=settings(STUDY.figures),
    shell:
        "{params.call:q} --points {input.points:q} --forecast {input.forecast:q} --settings {params.settings:q} "
        "--out {output:q} 2>&1 | tee {log:q}"


use rule plot_training_curves as plot_training_curve with:
    input:
        points=POINTS,
        forecast=[],
    output:
        figure_files("training_curve", RUN),
    log:
        f"{RESULTS}/logs/plot_training_curve/{ONE_RUN}.log",
    benchmark:
        f"{RESULTS}/benchmarks/plot_training_curve/{ONE_RUN}.tsv"


rule plot_threshold:
    """Plot R² against the threshold p."""
    input:
        calibration=rules.calibrate.output.calibration,
        regression=REGRESSION,
    output:
        figure_files("threshold"),
    log:
        f"{RESULTS}/logs/plot_threshold/{{model}}/{{dataset}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/plot_threshold/{{model}}/{{dataset}}.tsv"
    conda:
        "../../envs/analyze.yaml"
    params:
        **script("plot_threshold.py"),
        settings=settings(STUDY.figures),
    shell:
        "{params.call:q} --calibration {input.calibration:q} --regression {input.regression:q} "
        "--settings {params.settings:q} --out {output:q} 2>&1 | tee {log:q}"


rule plot_learning_progress:
    """Plot accuracy and memorization of every training example along training, an image per run."""
    input:
        memorization=PAIR_MEMORIZATION,
        points=rules.regress.output.points,
        threshold=rules.choose_threshold.output,
    output:
        figure_files("learning_progress"),
    log:
        f"{RESULTS}/logs/plot_learning_progress/{{model}}/{{dataset}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/plot_learning_progress/{{model}}/{{dataset}}.tsv"
    conda:
        "../../envs/analyze.yaml"
    params:
        **script("plot_learning_progress.py"),
        settings=settings(STUDY.figures),
    shell:
        "{params.call:q} --memorization {input.memorization:q} --points {input.points:q} "
        "--threshold {input.threshold:q} --settings {params.settings:q} --out {output:q} 2>&1 | tee {log:q}"
