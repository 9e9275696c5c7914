"""Questions that are made to hold up whoever reads them: every reply comes, and the loop keeps its time meanwhile."""

import asyncio
import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar

import pytest

from genie_nb.backend.models.analyst import OfflineAnalyst
from genie_nb.backend.models.analyst.arithmetic import read_computation
from genie_nb.backend.models.analyst.conversation import MOST_CHARACTERS
from genie_nb.backend.models.analyst.question import MOST_READ
from genie_nb.backend.models.base import ChatMessage, ToolSpec
from genie_nb.backend.models.sections import section
from tests.backend.models.analyst.analyst_driver import CODE, DELIVER, PLAN, Reply, ask_model, react
from tests.fakes import run

WEATHER = ToolSpec(
    "weather",
    "The weather of a city on a day.",
    {"type": "object", "properties": {"city": {"type": "string"}, "days": {"type": "integer"}}, "required": ["city"]},
)
COLUMNS = {"date": "date", "region": "text", "销售额": "number", "revenue": "number", "a": "number", "customer_id": "number"}


def inputs(names: dict[str, str]) -> str:
    columns = [{"name": name, "kind": kind, "examples": ["1"]} for name, kind in names.items()]
    return json.dumps({"name": "s.csv", "kind": "csv", "read": "pd.read_csv('s.csv')", "rows": 9, "columns": columns})


def replies(question: str, table: str = "") -> Iterator[Reply]:
    """What everybody who speaks to the analyst is told: planner, executor, react agent, summary, model server."""
    task = json.dumps({"id": "s1", "title": question, "detail": question})
    result = json.dumps({"step": "s1", "title": "x", "status": "failed", "summary": question})
    known = section("inputs", table or inputs(COLUMNS))
    asked = section("question", "total revenue by region")
    earlier = section("conversation", json.dumps({"question": question}))
    for parts, tools in (
        ((section("question", question), known), [PLAN]),
        ((asked, section("task", task), known), [CODE]),
        ((section("question", question), known), [CODE, WEATHER]),
        ((f"weather {question}",), [CODE, WEATHER]),
        ((asked, known, section("results", result)), [PLAN]),
        ((asked, section("results", result)), [DELIVER]),
        ((earlier, section("question", "and by region?"), known), [CODE]),
        ((question,), []),
    ):
        yield ask_model([ChatMessage("user", "\n".join(parts))], tools)


# fmt: off
PIECES = [
    "1", "1,", "1.", "1 ", "1+", "1**", "1-", "1!", "(", "((1+1)", "[", "{", "+", "-", "=", "^", "%", "1% ", "$1 ", "1万",
    "a", "a ", "a1 ", "A-", "aB", " ", "\t", "\n", "\u3000", "。", ",", "、", ";", "?", "`", "`1+1` ", "```\n", "\"", "'",
    "<a>\n", "的", "3的", "和", "每", "比", "占比", "什么", "平方根", "销售额", "1月", "2024年", "天2020-1-1",
    "2020-", "2020-01-01 ", "jan ", "Q1 ", "since 2020 ", "last 3 months ", "1 to 2 ", "between 1 and ", "more than 5 ",
    "er than ",
    "group by ", "by ", "and ", "the ", "of ", "not ", "top 3 ", "total ", "revenue ", "sum of ", "mean of 1 ", "compare ",
    "region ",
    "gcd 1 ", "prime 1 ", "sqrt ", "interest 1% ", "percent change 1 ", "n from 1 to 2 ", "days 2020-01-01 ", "city Paris ",
    "values of ", "Missing: a ", "x.Error",
]
# fmt: on


@pytest.mark.timeout(120)
@pytest.mark.parametrize("piece", PIECES)
def test_no_question_holds_up_the_analyst(piece: str) -> None:
    """All replies of a case take a second or two together; rules that look at all digits from each digit on take minutes."""
    for size in (MOST_READ - 1, MOST_CHARACTERS, 100_000):
        for question in ((piece * size)[:size], ("interest of total revenue " + piece * size)[: size - 6] + " sum 5"):
            for reply in replies(question):
                assert reply.text or reply.calls


WIDE = {f"{word}_{number}": "number" for number in range(250) for word in ("销售额", "revenue", "unit price", "a")}
HOSTILE_TABLES = {
    "many-columns": inputs(WIDE),
    "one-endless-name": inputs({"(" * 200_000: "number", " " * 200_000: "text", "b": "number"}),
    "deep": "[" * 100_000,
}


@pytest.mark.timeout(300)
@pytest.mark.parametrize("table", HOSTILE_TABLES.values(), ids=HOSTILE_TABLES)
def test_no_table_holds_up_the_analyst(table: str) -> None:
    for question in ("total revenue_3 by a_2", ("销售额" * MOST_READ)[:MOST_READ]):
        for reply in replies(question, table):
            assert reply.text or reply.calls


def test_the_loop_keeps_its_time_while_the_rules_read() -> None:
    """The rules read a tool that lets go only once the loop has gone on."""
    gate = threading.Event()

    class SlowTool:
        description = "Slow."
        parameters: ClassVar[dict[str, object]] = {}

        @property
        def name(self) -> str:
            assert gate.wait(120), "the loop stood still"
            return "slow"

    async def main() -> None:
        async def first() -> None:
            stream = OfflineAnalyst(pace_s=0).stream([ChatMessage("user", "1+1?")], [SlowTool()])  # type: ignore[list-item]
            async for _ in stream:
                pass

        reading = asyncio.create_task(first())
        await asyncio.sleep(0)
        gate.set()
        await reading

    run(main())


@pytest.mark.parametrize(("question", "chinese"), [("total revenue by region? ", False), ("按地区统计销售额。", True)])
def test_a_question_that_is_too_long_is_told_so(question: str, chinese: bool) -> None:
    for size, most in ((MOST_CHARACTERS + 1, "4,000"), (MOST_READ + 1, "1,000")):
        asked = (question * size)[:size]
        if size == MOST_READ + 1:
            asked = ("龘" if chinese else "ß") * size
        reply = ask_model(
            [ChatMessage("user", section("question", asked) + "\n" + section("inputs", inputs(COLUMNS)))], [CODE]
        )
        assert not reply.calls
        assert (f"超过 {most} 个字符" if chinese else f"more than {most} characters") in reply.text


@pytest.mark.parametrize("between", [", ", " ", ",", "、", "; "])
def test_a_long_list_of_numbers_is_still_computed(between: str) -> None:
    computation = read_computation(f"mean of {between.join(str(number % 90) for number in range(900))}")
    assert computation is not None
    found: dict[str, object] = {}
    exec(computation.code, found)
    assert found["value"] == 44.5


@pytest.mark.parametrize(
    ("question", "value"),
    [
        ("mean of 1, 2, and 6", 3),
        ("1, 2 和 6 的平均值", 3),
        ("add 1, 2 and -5.5", -2.5),
        ("median of 3;1;2", 2),
        (f"what is {'9' * 61} + 1", 10**61),
        ("1000元年利率3%复利5年", {"final amount": 1159.27, "interest": 159.27}),
    ],
)
def test_what_is_read_within_bounds_is_read_as_it_was(question: str, value: object) -> None:
    computation = read_computation(question)
    assert computation is not None
    found: dict[str, object] = {}
    exec(computation.code, found)
    assert found["value"] == value


def test_half_of_an_endless_number_is_never_computed_with() -> None:
    assert read_computation(f"square root of {'9' * 100}") is None


def test_code_that_the_parser_gives_up_on_is_no_code(tmp_path: Path) -> None:
    for inline in ("(" * 1500, "-" * 1500 + "1", "1" + "**1" * 600, "[" * 90 + "]" * 90):
        assert react(f"`{inline}`", tmp_path).answer
