"""Follow-ups: what a question leaves out is what the questions before it wanted."""

import json
from pathlib import Path

import pytest

from genie_nb.backend.inputs import profile_file
from genie_nb.backend.models.analyst.columns import read_sources
from genie_nb.backend.models.analyst.conversation import read_conversation
from genie_nb.backend.models.analyst.followups import wishes_of
from genie_nb.backend.models.base import ChatMessage
from genie_nb.backend.models.sections import section

ROWS = "date,region,product,amount\n2024-01-05,North,A,10\n2024-02-20,South,B,20\n2024-03-11,North,B,30\n"
TOTALS = "What is the total amount by region?"
CASES: dict[str, tuple[list[str], tuple[object, ...]]] = {
    "another group": ([TOTALS, "And by month?"], ("aggregate", "amount", ("sum",), (), "month", "")),
    "another number": ([TOTALS, "What about the average?"], ("aggregate", "amount", ("mean",), ("region",), "", "")),
    "fewer rows": ([TOTALS, "Only for product A"], ("aggregate", "amount", ("sum",), ("region",), "", "A")),
    "other rows": ([TOTALS, "Only for product A", "And for B?"], ("aggregate", "amount", ("sum",), ("region",), "", "B")),
    "rows stay": ([TOTALS, "Only for product A", "And by month?"], ("aggregate", "amount", ("sum",), (), "month", "A")),
    "a chart": ([TOTALS, "Draw it"], ("aggregate", "amount", ("sum",), ("region",), "", "")),
    "Chinese: another group": (
        ["各地区的amount合计是多少？", "按月呢？"],
        ("aggregate", "amount", ("sum",), (), "month", ""),
    ),
    "Chinese: another number": (
        ["各region的amount合计是多少？", "那平均值呢？"],
        ("aggregate", "amount", ("mean",), ("region",), "", ""),
    ),
    "one number, and nothing else": ([TOTALS, "average"], ("aggregate", "amount", ("mean",), ("region",), "", "")),
    "the lowest of them": (
        [TOTALS, "And by month?", "Which one is the lowest?"],
        ("aggregate", "amount", ("sum",), (), "month", ""),
    ),
    "without a value": (
        [TOTALS, "Only for product A", "Excluding North"],
        ("aggregate", "amount", ("sum",), ("region",), "", "A North"),
    ),
    "Chinese: the highest": (
        ["各region的amount合计是多少？", "按月呢？", "哪个最高？"],
        ("aggregate", "amount", ("sum",), (), "month", ""),
    ),
    "Chinese: a value": (
        ["各region的amount合计是多少？", "那手机呢？"],
        ("aggregate", "amount", ("sum",), ("region",), "", "那手机呢"),
    ),
    "Chinese: a new question": (
        ["2023年各region的amount合计是多少？", "各product的amount合计"],
        ("aggregate", "amount", ("sum",), ("product",), "", ""),
    ),
    "a new question": ([TOTALS, "What is the highest amount?"], ("aggregate", "amount", (), (), "", "")),
}


@pytest.mark.parametrize(("questions", "wanted"), CASES.values(), ids=CASES.keys())
def test_a_follow_up_goes_on_from_what_was_asked(tmp_path: Path, questions: list[str], wanted: tuple[object, ...]) -> None:
    (tmp_path / "s.csv").write_text(ROWS)
    sources = read_sources(profile_file(tmp_path / "s.csv", "s.csv").line())

    (wish,) = wishes_of(questions[-1], questions[:-1], sources)

    groups = tuple(column.name for column in wish.groups)
    measure = wish.measures[0].name if wish.measures else ""
    kind = "aggregate" if wish.kind == "top" else wish.kind
    assert (kind, measure, wish.aggregates, groups, wish.period, wish.loose.strip()) == wanted
    assert not wish.conditions


def test_another_time_takes_the_place_of_the_one_before(tmp_path: Path) -> None:
    (tmp_path / "s.csv").write_text(ROWS)
    sources = read_sources(profile_file(tmp_path / "s.csv", "s.csv").line())

    (wish,) = wishes_of("and 2024?", [TOTALS, "What about 2023?"], sources)

    assert [condition.values for condition in wish.conditions] == [("2024",)]


@pytest.mark.parametrize("question", ["And the total?", "平均呢？", "And for B?"])
def test_a_follow_up_stays_with_the_table_of_what_it_goes_on_from(question: str, tmp_path: Path) -> None:
    (tmp_path / "s.csv").write_text(ROWS)
    (tmp_path / "t.csv").write_text("line,pieces\nB,1\nC,2\n")
    sources = read_sources("\n".join(profile_file(tmp_path / name, name).line() for name in ("s.csv", "t.csv")))

    (wish,) = wishes_of(question, [TOTALS, "Average pieces by line"], sources)

    assert wish.source.name == "t.csv"
    assert [column.name for column in (*wish.measures, *wish.groups)] == ["pieces", "line"]


def test_a_chart_of_it_draws_what_was_asked(tmp_path: Path) -> None:
    (tmp_path / "s.csv").write_text(ROWS)
    sources = read_sources(profile_file(tmp_path / "s.csv", "s.csv").line())

    (wish,) = wishes_of("Draw it", [TOTALS], sources)

    assert wish.only_chart


def test_the_earlier_questions_are_read_from_the_messages() -> None:
    lines = "\n".join(json.dumps({"question": question, "answer": "x"}) for question in ("a", "多少？"))
    told = section("question", "And by month?") + "\n" + section("inputs", "") + "\n" + section("conversation", lines)

    assert read_conversation([ChatMessage("user", told)], ()).earlier == ("a", "多少？")
