# Figures of a (model, dataset) pair. Takes its tables; makes PDF and PNG files.

FIGURES = ["prediction", "training_curves", "threshold", "learning_progress"]


def figure_files(name, folder=PAIR):
    """A figure in every format that the study asks for, shown in the report."""
    in_report = partial(report, caption=f"../report/{name}.rst", category="{model} on {dataset}")
    return [in_report(f"{folder}/figures/{name}.{format}") for format in STUDY.figures.formats]


rule plot_prediction:
    """Test accuracy against pre-memorization train accuracy, and against plain train accuracy."""
    input:
        points=rules.regress.output.points,
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
        settings=settings(STUDY.figures),
        code=code("plot_prediction.py"),
    shell:
        "{PYTHON} {SCRIPTS}/plot_prediction.py --points {input.points:q} --regression {input.regression:q} "
        "--settings {params.settings:q} --out {output:q} 2>&1 | tee {log:q}"


rule plot_training_curves:
    """Train, test and predicted accuracy along training, a panel per run."""
    input:
        points=rules.regress.output.points,
    output:
        figure_files("training_curves"),
    log:
        f"{RESULTS}/logs/plot_training_curves/{{model}}/{{dataset}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/plot_training_curves/{{model}}/{{dataset}}.tsv"
    conda:
        "../../envs/analyze.yaml"
    params:
        settings=settings(STUDY.figures),
        code=code("plot_training_curves.py"),
    shell:
        "{PYTHON} {SCRIPTS}/plot_training_curves.py --points {input.points:q} --settings {params.settings:q} "
        "--out {output:q} 2>&1 | tee {log:q}"


use rule plot_training_curves as plot_training_curve with:
    input:
        points=POINTS,
    output:
        figure_files("training_curve", RUN),
    log:
        f"{RESULTS}/logs/plot_training_curve/{ONE_RUN}.log",
    benchmark:
        f"{RESULTS}/benchmarks/plot_training_curve/{ONE_RUN}.tsv"


rule plot_threshold:
    """R² against the threshold p."""
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
        settings=settings(STUDY.figures),
        code=code("plot_threshold.py"),
    shell:
        "{PYTHON} {SCRIPTS}/plot_threshold.py --calibration {input.calibration:q} --regression {input.regression:q} "
        "--settings {params.settings:q} --out {output:q} 2>&1 | tee {log:q}"


rule plot_learning_progress:
    """Accuracy and memorization of every training example along training, an image per run."""
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
        settings=settings(STUDY.figures),
        code=code("plot_learning_progress.py"),
    shell:
        "{PYTHON} {SCRIPTS}/plot_learning_progress.py --memorization {input.memorization:q} --points {input.points:q} "
        "--threshold {input.threshold:q} --settings {params.settings:q} --out {output:q} 2>&1 | tee {log:q}"
