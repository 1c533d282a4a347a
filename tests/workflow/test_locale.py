"""A study is the same in every locale."""

import os
import subprocess
import sys

import pandas as pd
import yaml

# What a locale without UTF-8 is to Python, on machines that have no such locale installed.
ASCII = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
UTF8 = {"LC_ALL": "C.UTF-8"}


def test_texts_outside_ascii_need_no_locale(checkout, tmp_path):
    run = {"lr": 0.01, "epochs": 1, "size": "full", "epoch": 1, "précision。": 0.5}
    train, test = tmp_path / "données。.csv", tmp_path / "тест.jsonl"
    pd.DataFrame([run | {"example_id": "✓1", "perplexity": 1.5}]).to_csv(train, index=False)
    pd.DataFrame([run | {"example_id": "é2"}]).to_json(test, orient="records", lines=True)
    tables = {"train": [str(train)], "test": [str(test)], "columns": {"accuracy": "précision。"}}
    study = {"study": "a", "results": str(tmp_path / "ergebnisse-ö"), "statistics": {"resamples": 50}}
    study["imports"] = [{"model": "m", "dataset": "d", "tables": tables}]
    (tmp_path / "study.yaml").write_text(yaml.safe_dump(study, allow_unicode=True), encoding="utf-8")
    made = tmp_path / "ergebnisse-ö" / "a" / "pairs" / "m" / "d" / "test_accuracy.parquet"

    def snakemake(locale, *arguments):
        called = [
            sys.executable,
            "-m",
            "snakemake",
            "--cores",
            "1",
            "--configfile",
            tmp_path / "study.yaml",
            *arguments,
        ]
        environment = {name: value for name, value in os.environ.items() if name != "PYTHONUTF8"} | locale
        done = subprocess.run([*called, *arguments, "--", made], cwd=checkout, env=environment, capture_output=True)
        return done.returncode, (done.stdout + done.stderr).decode("utf-8", errors="replace")

    status, said = snakemake(ASCII)
    assert status == 0, said
    assert pd.read_parquet(made)["example_id"].tolist() == ["é2"]
    for locale in (UTF8, ASCII):
        status, said = snakemake(locale, "--dry-run")
        assert status == 0, said
        assert "Nothing to be done" in said
