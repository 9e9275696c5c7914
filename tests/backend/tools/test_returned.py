"""What a person's function returned: how it is shown, and what the model is told."""

import datetime as dt
from typing import Any

import matplotlib.figure
import numpy as np
import pandas as pd
import pytest

from genie_nb.backend.tools.returned import SHOWN_ROWS, TOLD_CHARACTERS, shown_and_told, table_text
from genie_nb.errors import ToolFailed
from genie_nb.parts import DocumentPart, ImagePart, TablePart

ITSELF: list[Any] = []
ITSELF.append(ITSELF)

AS_JSON = {
    "a number": (42, "42"),
    "a truth": (True, "true"),
    "a list": ([1, "二", None], '[1,"二",null]'),
    "a dict": ({"a": {1: (2, 3)}}, '{"a":{"1":[2,3]}}'),
    "a set": ({7}, "[7]"),
    "a date": (dt.date(2026, 11, 23), '"2026-11-23"'),
    "a numpy number": (np.float64(1.5), "1.5"),
    "a numpy array": (np.array([[1, 2], [3, 4]]), "[[1,2],[3,4]]"),
    "numpy inside": ({"mean": np.float32(0.5), "all": [np.int64(1)]}, '{"mean":0.5,"all":[1]}'),
    "an empty dict": ({}, "{}"),
}


@pytest.mark.parametrize(("value", "text"), AS_JSON.values(), ids=AS_JSON.keys())
def test_plain_values_are_shown_and_told_as_json(value: Any, text: str) -> None:
    assert shown_and_told("t", value) == ([DocumentPart(text=text, media_type="application/json")], text)


def test_nothing_is_told_as_done() -> None:
    assert shown_and_told("t", None) == ([], "Done; it returned nothing.")


def test_a_text_is_told_as_it_is_and_a_long_one_without_its_middle() -> None:
    assert shown_and_told("t", "a\nb") == ([DocumentPart(text="a\nb")], "a\nb")

    (shown,), told = shown_and_told("t", "x" * 50_000)

    assert shown == DocumentPart(text="x" * 50_000)
    assert len(told) < TOLD_CHARACTERS + 100
    assert "38000 characters left out" in told


def test_a_figure_is_shown_as_a_picture() -> None:
    figure = matplotlib.figure.Figure()
    figure.add_subplot().plot([1, 2])

    (shown,), told = shown_and_told("t", figure)

    assert isinstance(shown, ImagePart)
    assert shown.content.startswith(b"\x89PNG")
    assert told == "[image: a chart, shown to the person]"


SALES = pd.DataFrame({"region": ["N", "N", "S"], "year": [1, 2, 1], "sales": [1.5, np.nan, 3.0]})
FRAMES = {
    "a frame": (SALES, ("", "region", "year", "sales"), ("0", "N", "1", "1.5"), ("", "str", "int64", "float64")),
    "a series": (SALES["sales"], ("", "sales"), ("0", "1.5"), ("", "float64")),
    "a named index": (SALES.set_index("region"), ("region", "year", "sales"), ("N", "1", "1.5"), ("", "int64", "float64")),
    "an index of two levels": (
        SALES.groupby(["region", "year"]).sum(), ("region", "year", "sales"), ("N", "1", "1.5"), ("", "", "float64"),
    ),
    "an index named like a column": (
        SALES.set_index("region", drop=False), ("region", "region", "year", "sales"), ("N", "N", "1", "1.5"),
        ("", "str", "int64", "float64"),
    ),
    "columns of two levels": (
        SALES.groupby("region").agg({"sales": ["sum"]}), ("region", "('sales', 'sum')"), ("N", "1.5"), ("", "float64"),
    ),
    "columns that are numbers, twice": (
        pd.DataFrame([[1, 2]], columns=[0, 0]), ("", "0", "0"), ("0", "1", "2"), ("", "int64", "int64"),
    ),
}  # fmt: skip


@pytest.mark.parametrize(("frame", "columns", "row", "dtypes"), FRAMES.values(), ids=FRAMES.keys())
def test_a_table_is_shown_with_its_index_first(
    frame: Any, columns: tuple[str, ...], row: tuple[str, ...], dtypes: tuple[str, ...]
) -> None:
    (shown,), told = shown_and_told("t", frame)

    assert isinstance(shown, TablePart)
    assert (shown.columns, shown.rows[0], shown.dtypes) == (columns, row, dtypes)
    assert (shown.total_rows, shown.total_columns) == (len(frame), len([kind for kind in dtypes if kind]))
    assert told == table_text(shown)


def test_of_a_long_table_the_head_is_shown_and_the_size_is_told() -> None:
    (shown,), told = shown_and_told("t", pd.DataFrame({"a": range(1_000)}))

    assert isinstance(shown, TablePart)
    assert (len(shown.rows), shown.total_rows) == (SHOWN_ROWS, 1_000)
    assert told.splitlines()[:3] == [" | a", "--- | ---", "0 | 0"]
    assert told.endswith("(1000 rows × 1 columns in all)")


def test_an_empty_table_is_a_table() -> None:
    (shown,), _ = shown_and_told("t", pd.DataFrame({"a": []}))

    assert isinstance(shown, TablePart)
    assert (shown.columns, shown.rows, shown.total_rows) == (("", "a"), (), 0)


UNREADABLE = {
    "an object": (object(), "object"),
    "a generator": ((n for n in range(3)), "generator"),
    "a function": (len, "builtin_function_or_method"),
    "something inside": ([object()], "list"),
    "what holds itself": (ITSELF, "list"),
}


@pytest.mark.parametrize(("value", "kind"), UNREADABLE.values(), ids=UNREADABLE.keys())
def test_a_value_without_a_readable_form_is_a_failure_that_says_what_to_return(value: Any, kind: str) -> None:
    with pytest.raises(ToolFailed, match=rf"The tool t returned a {kind}, .* It should return text"):
        shown_and_told("t", value)


def test_a_lone_surrogate_which_no_encoding_can_carry_becomes_a_question_mark() -> None:
    (part,), told = shown_and_told("t", "bad \ud83d end")

    assert (part, told) == (DocumentPart(text="bad ? end"), "bad ? end")
