"""What a question is read as, before any code: kinds, columns, conditions, in English and Chinese."""

import json

import pytest

from genie_nb.backend.models.analyst.columns import read_sources
from genie_nb.backend.models.analyst.intents import language_of
from genie_nb.backend.models.analyst.question import read_question

SALES = json.dumps(
    {
        "name": "sales.csv",
        "kind": "csv",
        "size": 1,
        "read": 'pd.read_csv("sales.csv")',
        "rows": 10,
        "columns": [
            {"name": "Order ID", "kind": "number", "examples": ["1001", "1002"]},
            {"name": "date", "kind": "date", "examples": ["2024-01-01"]},
            {"name": "region", "kind": "text", "examples": ["North"]},
            {"name": "productName", "kind": "text", "examples": ["Pen"]},
            {"name": "units", "kind": "number", "examples": ["3"]},
            {"name": "unit_price", "kind": "number", "examples": ["3.5"]},
            {"name": " Revenue (k€) ", "kind": "number", "examples": ["1,234.5"]},
        ],
    }
)

Read = tuple[str, list[str], tuple[str, ...], list[str], str]
CASES: list[tuple[str, list[Read]]] = [
    ("total revenue by region", [("aggregate", ["Revenue (k€)"], ("sum",), ["region"], "")]),
    ("average unit price per product", [("aggregate", ["unit_price"], ("mean",), ["productName"], "")]),
    ("mean and median of units", [("aggregate", ["units"], ("mean", "median"), [], "")]),
    ("which region has the highest revenue?", [("top", ["Revenue (k€)"], ("sum",), ["region"], "")]),
    ("revenues by month", [("aggregate", ["Revenue (k€)"], ("sum",), [], "month")]),
    ("revenue trend", [("trend", ["Revenue (k€)"], ("sum",), [], "auto")]),
    ("which region grew fastest", [("growth", ["Revenue (k€)"], ("sum",), ["region"], "auto")]),
    ("correlation of units and unit price", [("correlation", ["units", "unit_price"], (), [], "")]),
    ("how many orders per region", [("aggregate", ["Order ID"], ("count",), ["region"], "")]),
    ("missing values", [("quality", [], (), [], "")]),
    ("what is in this file?", [("profile", [], (), [], "")]),
    ("list the regions", [("distinct", [], (), ["region"], "")]),
    (
        "total revenue by region, then the average units",
        [("aggregate", ["Revenue (k€)"], ("sum",), ["region"], ""), ("aggregate", ["units"], ("mean",), [], "")],
    ),
    (
        "which region has the highest revenue and which has the lowest?",
        [("top", ["Revenue (k€)"], ("sum",), ["region"], ""), ("top", ["Revenue (k€)"], ("sum",), ["region"], "")],
    ),
    ("各地区的销售额合计", [("aggregate", ["Revenue (k€)"], ("sum",), ["region"], "")]),
    ("销售额最高的3个产品", [("top", ["Revenue (k€)"], ("sum",), ["productName"], "")]),
    ("平均单价", [("aggregate", ["unit_price"], ("mean",), [], "")]),
    ("哪个地区增长最快", [("growth", ["Revenue (k€)"], ("sum",), ["region"], "auto")]),
    ("每月销售额的趋势", [("trend", ["Revenue (k€)"], ("sum",), [], "month")]),
    ("有没有缺失值", [("quality", [], (), [], "")]),
    ("tell me a joke", []),
    ("predict the revenue of next year", []),
]  # fmt: skip


@pytest.mark.parametrize(("question", "expected"), CASES, ids=[question for question, _ in CASES])
def test_a_question_is_read_as_its_wishes(question: str, expected: list[Read]) -> None:
    wishes = read_question(question, read_sources(SALES))
    read = [(w.kind, [c.name for c in w.measures], w.aggregates, [c.name for c in w.groups], w.period) for w in wishes]
    assert read == expected


@pytest.mark.parametrize(
    ("question", "expected"),
    [
        ("revenue in 2023", [("year", ("2023",))]),
        ("revenue in March 2024", [("year", ("2024",)), ("month", ("3",))]),
        ("2024年3月的销售额", [("year", ("2024",)), ("month", ("3",))]),
        ("十二月和二月的销售额", [("month", ("12", "2"))]),
        ("revenue in Q2 2023", [("year", ("2023",)), ("quarter", ("2",))]),
        ("2023年第二季度的销售额", [("year", ("2023",)), ("quarter", ("2",))]),
        ("revenue from 2021 to 2023", [("from", ("2021",)), ("until", ("2023",))]),
        ("revenue since 2022", [("from", ("2022",))]),
        ("revenue after 2022", [("from", ("2023",))]),
        ("revenue before 2022", [("until", ("2021",))]),
        ("2022年以来的销售额", [("from", ("2022",))]),
        ("orders with revenue over 1,000", [(">", ("1000",))]),
        ("average unit price of orders with at least 5 units", [(">=", ("5",))]),
        ("销售额超过500的订单有多少", [(">", ("500",))]),
        ("total revenue", []),
    ],
)
def test_conditions_are_read_from_the_question(question: str, expected: list[tuple[str, tuple[str, ...]]]) -> None:
    (wish,) = read_question(question, read_sources(SALES))
    assert [(condition.op, condition.values) for condition in wish.conditions] == expected


@pytest.mark.parametrize(
    ("name", "kind", "examples", "role"),
    [
        ("Order ID", "number", ["1001", "1002"], "id"),
        ("Customer Id", "number", ["7"], "id"),
        ("zip", "number", ["10115"], "id"),
        ("工号", "number", ["1001"], "id"),
        ("Year", "number", ["2019", "2020"], "time"),
        ("年份", "number", ["2019"], "time"),
        ("Quarter", "text", ["2024Q1", "2024Q2"], "time"),
        ("月份", "text", ["2024年1月"], "time"),
        ("Price", "text", ["$1,200.50", "$3.00"], "measure"),
        ("Share", "text", ["12.5%", "3%"], "measure"),
        ("Grade", "text", ["Grade 3", "Grade 4"], "category"),
        ("paid", "bool", ["true"], "category"),
        ("width", "number", ["1.5"], "measure"),
    ],
)
def test_a_column_is_used_for_what_its_name_and_examples_say(name: str, kind: str, examples: list[str], role: str) -> None:
    line = json.dumps(
        {"name": "t.csv", "kind": "csv", "read": "x", "columns": [{"name": name, "kind": kind, "examples": examples}]}
    )
    assert read_sources(line)[0].columns[0].role == role


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("total by 地区", "en"),
        ("GDP最高的国家", "zh"),
        ("2023年 sales 最高的 region", "zh"),
        ("revenue", "en"),
        ("各地区销售额", "zh"),
    ],
)
def test_the_answers_language_is_the_questions(text: str, language: str) -> None:
    assert language_of(text) == language
