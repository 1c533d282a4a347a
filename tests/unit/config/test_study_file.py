"""Study files that are no such files: one line that names the file and the line, for each."""

import subprocess
import sys

import pytest

from premem.base.errors import UserError
from premem.config.study_file import read_study_file


@pytest.mark.parametrize(
    "text",
    [
        "study: mine\nsizes: {full: 1}\n",
        "\ufeffstudy: mine\n",
        '{"study": "mine", "sizes": {"full": 1}}',
        "a: &recipe {lr: 1}\nb: {<<: *recipe, lr: 2}\nc: {<<: *recipe, lr: 3}\n",
        "a: &list [*list]\n",
    ],
)
def test_a_study_file_is_taken(tmp_path, text):
    file = tmp_path / "study.yaml"
    file.write_text(text, encoding="utf-8")
    read_study_file(file)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"study: a\nsweep: []\nsizes: {}\nsweep: [1]\n", "line 4, column 1: the key sweep stands here for the second"),
        (b"study: a\nsteps: {2: 1, '2': 3}\n", "line 2, column 15: the key 2 stands here for the second time"),
        (b'{"study": "a", "sizes": {"half": 0.5, "half": 0.6}}', "the key half stands twice in a block; remove one of"),
        (b"study: a\nsampling: {n: 3\nsizes: [", "line 3, column 6: expected ',' or '}', but got ':'"),
        (b"study: a\nsizes:\n\thalf: 0.5\n", r"line 3, column 1: found character '\t' that cannot start any token"),
        (b"study: a\nsizes: *none\n", "line 2, column 8: found undefined alias 'none'"),
        (b"study: a\nsizes: !!python/name:os.system {}\n", "line 2, column 8: could not determine a constructor"),
        (b"study: a\nwhen: 2025-13-45\n", "month must be in 1..12; put this value in quotes if it is a text"),
        (b"study: a\nprompt: \x01\n", "line 2: YAML cannot hold the character U+0001"),
        (b"seed: " + b"9" * 5000, "put this value in quotes"),
        (b"[" * 5000, "nested too deeply to be read"),
        (b"", "a study file holds keys with values"),
        (b"- study\n", "a study file holds keys with values"),
        (b"study: a\nprompt: \xe9\n", "line 2 is not text in UTF-8; save the file in this encoding"),
        ("study: a\n".encode("utf-16"), "line 1 is not text in UTF-8"),
        (b"__use_yte__: true\nstudy: ?print(1)\n", "__use_yte__ makes Snakemake run Python code of the file"),
    ],
)
def test_what_is_wrong_is_said_with_its_line(tmp_path, content, said):
    file = tmp_path / "study.yaml"
    file.write_bytes(content)
    with pytest.raises(UserError) as error:
        read_study_file(file)
    assert str(error.value).startswith(f"{file}: ")
    assert said in str(error.value)
    assert len(str(error.value).splitlines()) == 1


def test_a_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(UserError, match=r"no\.yaml: the study file cannot be read \(No such file or directory\)"):
        read_study_file(tmp_path / "no.yaml")


@pytest.mark.parametrize(
    ("content", "status", "said"),
    [
        ("", 0, "the study embedded can be run; it has 13 runs"),
        ("sizes: {full: 1}", 1, "the key sizes stands here for the second time"),
        ("grading: {grader: kind}", 1, "the key grading stands here for the second time"),
        ("figures: {dpi: 0}", 1, "figures.dpi: give a number greater than or equal to 20"),
    ],
)
def test_a_study_file_can_be_checked_before_snakemake_reads_it(root, tmp_path, content, status, said):
    file = tmp_path / "study.yaml"
    file.write_text((root / "config.yaml").read_text() + content)
    script = root / "workflow" / "scripts" / "check_study.py"
    done = subprocess.run([sys.executable, script, "--file", file], capture_output=True, text=True, cwd=root)
    assert done.returncode == status
    assert f"{file}: " in done.stdout + done.stderr
    assert said in done.stdout + done.stderr
