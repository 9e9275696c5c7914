"""What a second newcomer asked: the words of a chart are no columns, limits go to what they stand beside, totals have limits too."""
# ruff: noqa: E501 - a question and the numbers of its answer stand on one line

from pathlib import Path

import pytest

from tests.backend.models.analyst.analyst_driver import react

ORDERS = "Order Date;Product Line;图表;Units;Revenue\n2024-01-05;Coffee;x;10;100\n2024-01-20;Tea;y;30;60\n2024-02-02;Coffee;x;25;80\n2024-02-09;Tea;y;40;\n2024-02-11;Tea;y;;500\n"
STAFF = "Name,Age,Salary\nAnn,30,60000\nBen,50,40000\nCyd,40,70000\n"
FILES = {"orders.csv": ORDERS, "staff.csv": STAFF}

CASES: list[tuple[str, str, list[str], list[str]]] = [
    ("orders.csv", "revenue by month as a line chart", ["from 160 in 2024-01 to 580 in 2024-02", "The chart"], ["Product Line"]),
    ("orders.csv", "Monthly revenue trend, line chart", ["from 160 in 2024-01 to 580 in 2024-02", "The chart"], ["Product Line"]),
    ("orders.csv", "每月 Revenue 的折线图", ["2024-01", "580"], ["Product Line", "图表 |"]),
    ("orders.csv", "revenue by product line as a bar chart", ["By Product Line, Tea has the highest total Revenue: 560"], []),
    ("orders.csv", "average revenue for orders with more than 20 units", ["**Average Revenue is 70 (Units > 20), over 2 rows"], []),
    ("staff.csv", "average age of people earning over 50000", ["**Average Age is 35 (Salary > 50000), over 2 rows"], []),
]  # fmt: skip


@pytest.mark.parametrize(("name", "question", "wanted", "not_wanted"), CASES, ids=[case[1] for case in CASES])
def test_a_question_is_read_as_it_is_meant(
    name: str, question: str, wanted: list[str], not_wanted: list[str], tmp_path: Path
) -> None:
    (tmp_path / name).write_text(FILES[name], encoding="utf-8")

    played = react(question, tmp_path)

    assert not played.kernel.errors
    assert [words for words in wanted if words not in played.answer] == [], played.answer
    assert [words for words in not_wanted if words in played.answer] == [], played.answer
