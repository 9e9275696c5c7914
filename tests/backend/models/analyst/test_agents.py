"""The analyst's behaviour in its parts: plans, second attempts, charts, the person's own tools, and saying what it is."""

import json
from pathlib import Path

import pandas as pd
import pytest

from genie_nb.backend.models.base import ChatMessage, ToolCallRequest, ToolSpec
from genie_nb.backend.models.sections import section
from tests.backend.models.analyst.analyst_driver import CODE, DELIVER, PLAN, ask_model, inputs_of, play, react
from tests.backend.models.analyst.analyst_tables import sales, write


def test_several_wishes_become_several_steps_and_the_chart_is_delivered(tmp_path: Path) -> None:
    write("sales", tmp_path)
    played = play("total revenue by region and draw it, then the top 3", tmp_path)
    assert [step["id"] for step in played.steps] == ["s1", "s2", "s3", "s4"]
    assert [step["after"] for step in played.steps] == [[], ["s1"], ["s1"], ["s1"]]
    assert played.files == ["total-revenue-by-region.png"]
    assert (tmp_path / played.files[0]).read_bytes().startswith(b"\x89PNG")
    assert "`total-revenue-by-region.png`" in played.answer


@pytest.mark.parametrize(
    ("table", "question"),
    [
        ("sales", "plot revenue over time"),
        ("sales", "pie chart of revenue by product"),
        ("sales", "histogram of units"),
        ("sales", "scatter plot of units and revenue"),
        ("sales", "box plot of units by region"),
        ("sales", "draw revenue by region and product"),
        ("sales", "plot the revenue of North and South over time"),
        ("chinese", "画出每月销售额的折线图"),
        ("chinese", "各地区销售额的柱状图"),
        ("gdp", "chart the top 3 countries by GDP"),
        ("accounts", "plot correlation between employees and revenue"),
        ("survey", "draw a bar chart of satisfaction"),
        ("readings", "draw the missing values"),
    ],
    ids=lambda value: value,
)
def test_every_kind_of_chart_is_drawn_and_saved(table: str, question: str, tmp_path: Path) -> None:
    write(table, tmp_path)
    played = play(question, tmp_path)
    assert played.kernel.errors == []
    assert len(played.files) == 1
    assert (tmp_path / played.files[0]).stat().st_size > 5000


def test_many_missing_values_in_the_wanted_column_add_a_step_to_the_plan(tmp_path: Path) -> None:
    write("readings", tmp_path)
    played = play("average temperature by sensor", tmp_path)
    assert [step["title"] for step in played.steps][2:] == ["Missing and odd values in temperature"]
    assert "35 of 240 rows have no temperature and were left out" in played.answer


def test_an_empty_selection_is_said_and_the_values_are_listed(tmp_path: Path) -> None:
    write("sales", tmp_path)
    played = play("total revenue in 2019", tmp_path)
    assert played.answer.startswith("**No rows are left")
    assert [step["title"] for step in played.steps][2:] == ["Values of region"]


def test_text_among_the_numbers_is_survived_by_a_second_attempt_and_counted(tmp_path: Path) -> None:
    frame = pd.DataFrame({"shop": ["a", "b"] * 20, "takings": [str(at) for at in range(39)] + ["unknown"]})
    frame.to_csv(tmp_path / "shops.csv", index=False)
    played = play("total takings by shop", tmp_path)
    assert len(played.kernel.errors) == 1
    assert f"{sum(range(0, 39, 2))}" in played.answer
    assert f"{sum(range(1, 39, 2))}" in played.answer
    assert "1 value of takings could not be read as a number" in played.answer
    assert any("odd values in takings" in step["title"] for step in played.steps)


def test_a_failed_first_step_does_not_stop_the_steps_that_hang_on_it(tmp_path: Path) -> None:
    write("sales", tmp_path)
    inputs = section("inputs", inputs_of(tmp_path))
    start = [ChatMessage("user", section("question", "total revenue by region") + "\n" + inputs)]
    first = ask_model(start, [PLAN])
    failed = json.dumps({"step": "s1", "title": "Look", "status": "failed", "summary": "no kernel"})
    talk = [
        *start,
        ChatMessage("assistant", first.text, tuple(first.calls)),
        ChatMessage("tool", "ok", tool_call_id=first.calls[0].call_id),
        ChatMessage("user", section("results", failed) + "\n" + section("created", "")),
    ]
    again = ask_model(talk, [PLAN]).arguments()
    assert again.get("add")
    assert not again.get("finish")


@pytest.mark.parametrize(
    ("question", "said"),
    [
        ("total revenue in Hawaii", "“Hawaii” is neither a column nor a value"),
        ("total profit by region", "“profit” is neither a column nor a value"),
        ("海南的销售额", "“海南”在 sales.csv 中既不是列名也不是取值"),
        ("which region is best?", "No measure was named; I took “revenue”"),
    ],
)
def test_what_was_not_understood_or_was_chosen_is_said(question: str, said: str, tmp_path: Path) -> None:
    write("sales", tmp_path)
    assert said in play(question, tmp_path).answer


@pytest.mark.parametrize(
    ("question", "said"), [("write a poem", "a set of rules and not a language model"), ("讲个笑话", "不是语言模型")]
)
def test_a_question_without_a_rule_gets_the_truth_examples_and_a_profile(question: str, said: str, tmp_path: Path) -> None:
    write("sales", tmp_path)
    answer = play(question, tmp_path).answer
    assert said in answer
    assert "OPENAI_API_KEY" in answer
    assert "gn.Genie(model=...)" in answer
    assert "288" in answer


def test_a_dataframe_is_used_by_its_name_and_stays_as_it_was(tmp_path: Path) -> None:
    frame = sales()
    before = frame.copy()
    played = play("total units by product", tmp_path, {"orders": frame})
    for product, units in frame.groupby("product").units.sum().items():
        assert str(product) in played.answer
        assert f"{units:,}" in played.answer
    pd.testing.assert_frame_equal(frame, before)


def test_of_two_files_the_one_that_has_the_columns_is_read(tmp_path: Path) -> None:
    write("sales", tmp_path)
    frame = write("staff", tmp_path)
    assert f"{frame.Salary.median():,.1f}".removesuffix(".0") in play("median salary", tmp_path).answer
    assert "80 rows" in play("describe staff.csv", tmp_path).answer


@pytest.mark.parametrize(
    ("question", "expected"),
    [
        ("the sum of the squares of 1 to 10", "385"),
        ("compound interest of 1000 at 5% for 10 years", "1,628.89"),
        ("1到100的和", "5,050"),
        ("本金10000,年利率3%,复利5年", "11,592.74"),
        ("what is 15% of 240?", "36"),
        ("first 10 primes", "2, 3, 5, 7, 11, 13, 17, 19, 23, 29"),
        ("97是素数吗", "是"),
        ("20!", "2,432,902,008,176,640,000"),
        ("what's the median of 3, 9, 4?", "4"),
        ("3, 5, 7, 9 这些数的平均值", "6"),
        ("percentage change from 80 to 100", "25 %"),
        ("What is 12 times 13?", "156"),
        ("run this:\n```python\nfor i in range(4):\n    print(i * i)\n```", "0\n1\n4\n9"),
    ],
)
def test_plain_computations_are_done_in_python(question: str, expected: str, tmp_path: Path) -> None:
    for played in (react(question, tmp_path), play(question, tmp_path)):
        assert expected in played.answer
        assert played.kernel.cells


WEATHER = ToolSpec(
    "weather",
    "The weather forecast of a city. 查询城市的天气预报。",
    {
        "type": "object",
        "properties": {"city": {"type": "string"}, "days": {"type": "integer"}},
        "required": ["city", "days"],
    },
)
SCALE = ToolSpec(
    "scale_price",
    "Scale a price by a factor.",
    {
        "type": "object",
        "properties": {"price": {"type": "number"}, "factor": {"type": "number"}},
        "required": ["price", "factor"],
    },
)

PARCEL = ToolSpec(
    "shipping_cost",
    "What a parcel costs.",
    {
        "type": "object",
        "properties": {
            "weight_kg": {"type": "number"},
            "country": {"type": "string", "default": "DE", "description": "A two-letter code."},
        },
        "required": ["weight_kg"],
    },
)


@pytest.mark.parametrize(
    ("question", "expected"),
    [
        ("What is the weather forecast for Oslo over 3 days?", "Oslo for 3"),
        ("weather in 'New York' for 5 days", "New York for 5"),
        ("use scale_price with factor 2.5 and price 10", "25.0"),
        ("Use scale_price on 4 and 3", "12"),
        ("What is the shipping cost of 3.2 kg to the country FR?", "3.2 to FR"),
        ("运到 CN 的 2 公斤包裹 shipping_cost 是多少？", "2 to CN"),
        ("What is the shipping cost of 5 kg?", "5 to DE"),
    ],
)
def test_the_persons_own_tools_are_called_with_arguments_from_the_question(
    question: str, expected: str, tmp_path: Path
) -> None:
    own = [
        (WEATHER, lambda city, days: f"{city} for {days}: rain"),
        (SCALE, lambda price, factor: price * factor),
        (PARCEL, lambda weight_kg, country="DE": f"{weight_kg} to {country}"),
    ]
    assert expected in react(question, tmp_path, own).answer


def test_a_table_question_does_not_call_a_tool_that_has_nothing_to_do_with_it(tmp_path: Path) -> None:
    frame = write("sales", tmp_path)
    played = react("total revenue by region", tmp_path, [(WEATHER, lambda city, days: "never")])
    assert f"{frame.revenue.sum():,.2f}".rstrip("0") in played.answer


def test_every_step_works_in_a_fresh_namespace_under_names_of_its_own(tmp_path: Path) -> None:
    write("sales", tmp_path)
    played = play("total revenue by region, then average units by product", tmp_path)
    names = {name for cell in played.kernel.cells for name in ("rows_s1", "rows_s2", "rows_s3") if name in cell}
    assert names == {"rows_s1", "rows_s2", "rows_s3"}
    assert all(sum(name in cell for name in names) == 1 for cell in played.kernel.cells)
    assert all("pd.read_csv(" in cell for cell in played.kernel.cells)


def test_a_task_in_another_planners_words_is_done(tmp_path: Path) -> None:
    frame = write("sales", tmp_path)
    task = json.dumps({"id": "s9", "stage": "x", "title": "Aggregate", "detail": "Compute the average units by region"})
    body = "\n".join(
        (
            section("question", "Please study this"),
            section("task", task),
            section("inputs", inputs_of(tmp_path)),
            section("results", ""),
        )
    )
    first = ask_model([ChatMessage("user", body)], [CODE])
    assert 'groupby(["region"]' in first.arguments()["code"]
    assert "rows_s9" in first.arguments()["code"]
    assert frame.units.mean() > 0


def test_a_summary_without_files_delivers_nothing() -> None:
    results = json.dumps({"step": "s1", "title": "Sum", "status": "completed", "summary": "It is 5. All of it."})
    reply = ask_model(
        [
            ChatMessage(
                "user", section("question", "what") + "\n" + section("results", results) + "\n" + section("created", "")
            )
        ],
        [DELIVER],
    )
    assert reply.text == "**It is 5.** All of it."
    assert reply.calls == []


def test_the_reply_depends_on_nothing_but_the_messages(tmp_path: Path) -> None:
    write("sales", tmp_path)
    user = ChatMessage(
        "user", section("question", "total revenue by region") + "\n" + section("inputs", inputs_of(tmp_path))
    )
    first = ask_model([user], [CODE])
    assert ask_model([user], [CODE]) == first
    done = [
        user,
        ChatMessage("assistant", "", (ToolCallRequest("call_1", "code_interpreter", "{}"),)),
        ChatMessage("tool", "no result line", tool_call_id="call_1"),
    ]
    assert ask_model(done, [CODE]).calls[0].call_id == "call_2"


def test_a_nudge_without_sections_does_not_replace_the_question(tmp_path: Path) -> None:
    write("sales", tmp_path)
    user = ChatMessage(
        "user", section("question", "total revenue by region") + "\n" + section("inputs", inputs_of(tmp_path))
    )
    nudged = [user, ChatMessage("assistant", "Well."), ChatMessage("user", "Call the tool plan.")]
    assert ask_model(nudged, [PLAN]).arguments() == ask_model([user], [PLAN]).arguments()


def test_a_plain_message_is_a_question_of_its_own() -> None:
    talk = [ChatMessage("user", "hello"), ChatMessage("assistant", "I am rules."), ChatMessage("user", "what is 6 * 7?")]
    assert "6 * 7" in ask_model(talk, [CODE]).arguments()["code"]
    assert "not a language model" in ask_model(talk[:1], []).text
