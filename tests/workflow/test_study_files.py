"""A bad study file ends a call with what is wrong with it, whatever is asked to be quiet."""

import pytest

from calls import snakemake


@pytest.fixture(scope="module")
def tiny(root):
    return (root / "config" / "tiny.yaml").read_text()


@pytest.mark.parametrize(
    ("added", "said"),
    [
        ("figures: {dpi: 0}", "figures.dpi: give a number greater than or equal to 20 (given: 0)"),
        ("sampling: {n: 3}", "the key sampling stands here for the second time"),
    ],
)
def test_an_error_is_told_also_where_all_is_quiet(root, tiny, tmp_path, added, said):
    file = tmp_path / "study.yaml"
    file.write_text(f"{tiny}\n{added}\n")
    done = snakemake(root, "--configfile", file, "--quiet", "all")
    assert done.returncode == 1
    assert f"{file}: " in done.stderr
    assert said in done.stderr


def test_a_broken_config_yaml_is_named_with_its_line(root, tmp_path):
    (tmp_path / "config.yaml").write_text("study: mine\nsampling: {n: 3\n")
    done = snakemake(tmp_path, "--dry-run", "--snakefile", root / "Snakefile")
    assert done.returncode == 1
    assert "config.yaml: line 3, column 1: expected ',' or '}'" in done.stdout + done.stderr


def test_a_value_of_the_command_line_is_said_to_be_one(root):
    done = snakemake(root, "--configfile", root / "config" / "tiny.yaml", "--config", "sampling={n: 0}", "--dry-run")
    assert done.returncode == 1
    assert "tiny.yaml and --config: sampling.n: give a number greater than 0" in done.stdout + done.stderr
