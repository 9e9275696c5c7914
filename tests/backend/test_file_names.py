"""Names of files as models write them."""

import pytest

from genie_nb.backend.file_names import closest_name

THERE = ["sales.csv", "notes/Plan.md", "2024.tar.gz", "销售.csv", "caf\u00e9.txt", ".env", "twice.csv", "twice.json"]

MEANT = {
    "without its ending": ("sales", "sales.csv"),
    "with another ending": ("sales.xlsx", "sales.csv"),
    "in a folder": ("/mnt/data/sales.csv", "sales.csv"),
    "in a folder of Windows": ("C:\\data\\sales.csv", "sales.csv"),
    "without its folder": ("plan.md", "notes/Plan.md"),
    "in capitals": ("SALES.CSV", "sales.csv"),
    "with spaces around": (" sales.csv ", "sales.csv"),
    "with two endings": ("2024.tar", None),
    "Chinese": ("销售", "销售.csv"),
    "composed otherwise": ("cafe\u0301.txt", "caf\u00e9.txt"),
    "hidden": (".env", ".env"),
    "one of two by its ending": ("x/twice.json", "twice.json"),
    "either of two": ("twice.xlsx", None),
    "none": ("staff.csv", None),
    "nothing": ("", None),
    "a folder": ("notes/", None),
    "only an ending": (".csv", None),
}


@pytest.mark.parametrize(("name", "meant"), MEANT.values(), ids=MEANT.keys())
def test_a_name_means_the_one_file_that_it_fits(name: str, meant: str | None) -> None:
    assert closest_name(name, THERE) == meant
