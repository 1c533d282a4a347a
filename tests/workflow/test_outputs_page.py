"""docs/outputs.md names every column of every table that a study makes."""

import re

import pandas as pd
import pyarrow.parquet as pq

INPUTS = {"data": "Data tables", "tokens": "Token tables"}  # named by their dataset and split
PLACES = {"column": "skeleton|steps", "epoch": r"\d+"}  # what stands there in the tiny study


def documented_columns(page: str) -> dict[str, list[re.Pattern]]:
    """Section of the page → patterns of the columns that its first table names."""
    found = {}
    for section in re.split(r"^##+ ", page, flags=re.MULTILINE)[1:]:
        title, _, text = section.partition("\n")
        _, _, table = text.partition("| column | meaning |\n")
        names = [
            name
            for row in re.findall(r"^\| (.*?) \|", table.partition("\n\n")[0], re.MULTILINE)
            for name in re.findall("`([^`]+)`", row)
        ]
        patterns = [re.sub(r"\{(\w+)\}", lambda place: f"({PLACES[place[1]]})", name) for name in names]
        found[title.strip("`")] = [re.compile(pattern) for pattern in patterns]
    return found


def test_every_column_is_described(root, finished):
    described = documented_columns((root / "docs" / "outputs.md").read_text())
    results = finished / "results" / "tiny"
    tables = [path for path in results.rglob("*.*") if path.suffix in (".csv", ".parquet")]
    assert tables
    for path in tables:
        columns = pq.read_schema(path).names if path.suffix == ".parquet" else list(pd.read_csv(path, nrows=0))
        patterns = described[INPUTS.get(path.relative_to(results).parts[0], path.name)]
        missing = [column for column in columns if not any(pattern.fullmatch(column) for pattern in patterns)]
        assert not missing, f"{path.relative_to(results)}: {missing}"
