"""premem.base.tables: tables are read as they were written."""

import math

import pandas as pd

from premem.base.tables import read_csv, write_csv


def test_names_and_what_is_not_there_come_back_from_csv(tmp_path):
    names = ["NA", "null", "007", "0.50", "1e3", "full"]
    table = pd.DataFrame({"lr": "1e-3", "size": names, "run": [f"lr1e-3_ep1_{name}_seed0" for name in names]})
    table["value"] = [1.5, math.nan, math.inf, -math.inf, 0, 2]
    table["note"] = ["", "nan", "None", "é✓", "a,b", "-"]
    write_csv(table, tmp_path / "a.csv")
    again = read_csv(tmp_path / "a.csv")
    for column in ("lr", "size", "run", "value"):
        pd.testing.assert_series_equal(again[column], table[column])
    assert again["note"].fillna("").tolist() == table["note"].tolist()
