"""A wish: one thing that a question wants of one table.

Above: `settle`, `question`, `cells`, `wording`. Below: `columns`, `conditions`.
"""
# ruff: noqa: E501 - a rule, a sentence or a line of written code stands on one line

from dataclasses import dataclass

from genie_nb.backend.models.analyst.columns import Column, Source
from genie_nb.backend.models.analyst.conditions import Condition

__all__ = ("Wish",)


@dataclass(frozen=True)
class Wish:
    """One thing that is wanted of one table.

    Attributes:
        kind: `aggregate`, `top`, `trend`, `growth`, `compare`, `correlation`, `quality`, `distribution`, `profile`, `distinct`, `rate`, `list`.
        period: The step of time to group by, `auto` for what fits, or none.
        chart: The form of the chart, `auto`, or none.
        only_chart: Whether the numbers were another wish.
        notes: What the answer must say of how the question was read, as (key, words).
        loose: The words that no column, verb or condition took: perhaps values of text columns.
        seek: The same and the words that only resemble a column: what is looked for among the values.
        text: The clause itself.
        per: What the total of the measure is divided by, as in revenue per unit.
        within: The group in each of which the top is wanted, as in `best product in each region`.
        hit: Of a rate: the rows whose share is wanted.
        having: The limit that each group's number must keep, as in `which regions sold more than 1300`.
        focus: The group that the question asks for, while all groups are computed.
        sides: What is set against each other, e.g. 2023 and 2024: each the condition of its rows.
        side: The same, when it is the values of a column, e.g. of gender.
    """

    kind: str
    source: Source
    measures: tuple[Column, ...] = ()
    aggregates: tuple[str, ...] = ()
    groups: tuple[Column, ...] = ()
    time: Column | None = None
    period: str = ""
    conditions: tuple[Condition, ...] = ()
    n: int = 0
    ascending: bool = False
    share: bool = False
    chart: str = ""
    only_chart: bool = False
    notes: tuple[tuple[str, str], ...] = ()
    loose: str = ""
    seek: str = ""
    text: str = ""
    per: Column | None = None
    within: Column | None = None
    hit: Condition | None = None
    having: Condition | None = None
    focus: str = ""
    sides: tuple[Condition, ...] = ()
    side: Column | None = None
