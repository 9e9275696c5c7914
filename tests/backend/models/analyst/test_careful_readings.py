"""What a second newcomer asked: the words of a chart are no columns, limits go to what they stand beside, totals have limits too."""
# ruff: noqa: E501 - a question and the numbers of its answer stand on one line

from pathlib import Path

import pytest

from genie_nb.backend.models.base import ChatMessage
from tests.backend.models.analyst.analyst_driver import ask_model, play, react

ORDERS = "Order Date;Product Line;图表;Units;Revenue\n2024-01-05;Coffee;x;10;100\n2024-01-20;Tea;y;30;60\n2024-02-02;Coffee;x;25;80\n2024-02-09;Tea;y;40;\n2024-02-11;Tea;y;;500\n"
STAFF = "Name,Age,Salary\nAnn,30,60000\nBen,50,40000\nCyd,40,70000\n"
QUARTERS = "year,quarter,region,sales\n2023,1,North,350\n2023,1,South,491\n2023,2,North,102\n2023,2,South,434\n2024,1,North,427\n2024,1,South,253\n2024,4,North,119\n2024,4,South,277\n"
TWINS = "city,sales,sales\nA,10,1\nB,20,2\nA,5,3\n"
GAPS = "team,points\nred,3\nblue,\nred,5\nblue,\n"
MARKS = "产品,日期,评分\n" + "".join(f"手机,2024-01-0{at},{at % 5 or ''}\n电脑,2024-01-0{at},\n" for at in range(1, 10))
FILES = {
    "orders.csv": ORDERS,
    "staff.csv": STAFF,
    "quarters.csv": QUARTERS,
    "twins.csv": TWINS,
    "gaps.csv": GAPS,
    "marks.csv": MARKS,
    "dots.csv": "Stadt;Umsatz\nBonn;1.000\nBonn;3.500\n",
}

CASES: list[tuple[str, str, list[str], list[str]]] = [
    ("orders.csv", "revenue by month as a line chart", ["from 160 in 2024-01 to 580 in 2024-02", "The chart"], ["Product Line"]),
    ("orders.csv", "Monthly revenue trend, line chart", ["from 160 in 2024-01 to 580 in 2024-02", "The chart"], ["Product Line"]),
    ("orders.csv", "每月 Revenue 的折线图", ["2024-01", "580"], ["Product Line", "图表 |"]),
    ("orders.csv", "draw a line of revenue by month", ["The chart"], ["Product Line"]),
    ("orders.csv", "revenue by product line as a bar chart", ["By Product Line, Tea has the highest total Revenue: 560"], []),
    ("orders.csv", "average revenue for orders with more than 20 units", ["**Average Revenue is 70 (Units > 20), over 2 rows"], []),
    ("staff.csv", "average age of people earning over 50000", ["**Average Age is 35 (Salary > 50000), over 2 rows"], []),
    ("quarters.csv", "Which region had the most sales in Q1 2023?", ["**South has the highest total sales (2023, Q1): 491"], []),
    ("quarters.csv", "total sales in quarter 1 of 2023", ["**Total sales is 841 (2023, Q1)"], []),
    ("quarters.csv", "2023年第一季度哪个地区销售额最高", ["South", "（2023年、第1季度）最高，为 491"], []),
    ("quarters.csv", "total sales from Q1 to Q2 2023", ["**Total sales is 1,377 (2023, Q1 or Q2)"], []),
    ("quarters.csv", "total sales from Q2 2023 to Q1 2024", ["“Q2”, “Q1” are neither columns nor values"], []),
    ("quarters.csv", "Which quarter is weakest?", ["**Quarter 4 has the lowest total sales: 396"], []),
    ("quarters.csv", "Which regions sold more than 540 in 2024?", ["1 of 2 groups by region has total sales > 540 (2024): North (546)"], []),
    ("quarters.csv", "2024年哪些地区销售额超过540", ["2 组中有 1 组", "North（546）"], []),
    ("quarters.csv", "regions with total sales over 2000", ["No region has total sales > 2000"], []),
    ("quarters.csv", "Which regions have more than 3 orders?", ["2 of 2 groups by region have number of rows > 3"], []),
    ("quarters.csv", "How many regions have more than 3 orders?", ["2 of 2 groups by region have number of rows > 3"], []),
    ("quarters.csv", "Which region has more than 2 orders over 260?", ["1 of 2 groups by region has number of rows > 2 (sales > 260): South (3)"], []),
    ("quarters.csv", "Q1 vs Q2 2023 sales", ["**Q1 has the higher total sales (2023): 841 against 536 for Q2"], ["neither"]),
    ("quarters.csv", "sales in Q5 2023", ["“Q5” is neither a column nor a value"], []),
    ("quarters.csv", "monthly sales", ["“monthly” is neither a column nor a value"], []),
    ("quarters.csv", "sales by quarter", ["| 4 | 396 |"], ["neither"]),
    ("staff.csv", "Which names have a salary over 50000?", ["2 of 3 rows", "Ann", "Cyd"], ["Ben"]),
    ("orders.csv", "revenue per unit by product line", ["| Coffee | 5.14 | 180 | 35 |", "| Tea | 2 | 60 | 30 |", "2 of 5 rows lack Revenue or Units and were left out"], ["have no Revenue"]),
    ("twins.csv", "total sales by city", ["I read “sales” as the column “sales” (it could also be sales.1)", "| A | 15 |"], []),
    ("dots.csv", "total Umsatz", ["Total Umsatz is 4.5", "Umsatz: the point was read as a decimal point (1.000 is 1)"], []),
    ("gaps.csv", "total points by team", ["| blue | – |", "| red | 8 |", "2 of 4 rows have no points"], ["| blue | 0"]),
    ("marks.csv", "除了手机以外的平均评分", ["非手机"], ["以外”"]),
    ("marks.csv", "What is in this file?", ["| 评分 | number | 10 | 4 | 1 – 4 |"], []),
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


def test_what_is_missing_of_a_whole_column_is_told_apart(tmp_path: Path) -> None:
    (tmp_path / "marks.csv").write_text(MARKS, encoding="utf-8")

    played = play("手机的平均评分", tmp_path)

    assert "9 行中有 1 行没有评分" in played.answer
    assert "全部 18 行中共缺失 10 个值" in played.answer


@pytest.mark.parametrize(
    ("question", "answer"),
    [
        ("What is 2+3?", "**2+3: 5.**"),
        ("what's 20% of 58.40", "**20 % of 58.40: 11.68.**"),
        ("2的10次方是多少", "1,024"),
        ("What is 9**9**9?", "I have no rule"),
        ("What is 1/0?", "I have no rule"),
    ],
)
def test_plain_arithmetic_needs_no_tools(question: str, answer: str) -> None:
    reply = ask_model([ChatMessage("user", question)], [])

    assert answer in reply.text
    assert not reply.calls


def test_a_number_of_rows_that_no_group_can_have_is_told(tmp_path: Path) -> None:
    (tmp_path / "staff.csv").write_text(STAFF, encoding="utf-8")

    answer = react("What is the average salary with more than 3 employees?", tmp_path).answer

    assert "this limit was not kept" in answer
