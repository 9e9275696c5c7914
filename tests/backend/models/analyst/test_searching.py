"""The analyst searches: which questions name a search, and its part in one, extractive and in both languages."""

import json
from typing import Any

import pytest

from genie_nb.backend.models.analyst import OfflineAnalyst
from genie_nb.backend.models.analyst.searching import asks_documents, subject_of
from genie_nb.backend.models.base import ChatMessage, Text, ToolCallFragment, ToolSpec
from genie_nb.backend.models.sections import section
from genie_nb.parts import cited_numbers
from tests.fakes import run

NAMED = {
    "my notes": ("Search my notes for the cost of the heat pump", "the cost of the heat pump"),
    "through documents": ("Please search through all the documents about subsidies.", "subsidies"),
    "of a package": ("search the pandas documentation for merge", "merge"),
    "simply": ("search for heat pump subsidies", "heat pump subsidies"),
    "deep search": ("deep search: who owns the turbine", "who owns the turbine"),
    "the tool's name": ("deep_search heat pump", "heat pump"),
    "find in": ("find the budget of 2026 in my notes", "the budget of 2026"),
    "say about": ("What do our documents say about returns?", "returns"),
    "according to": ("According to the manual, how is the pump cleaned?", "how is the pump cleaned"),
    "in Chinese documents": ("在我的文档中搜索热泵的价格", "热泵的价格"),
    "look it up": ("查一下热泵补贴的文档", "热泵补贴"),
    "search in Chinese": ("搜索热泵补贴", "热泵补贴"),
    "please": ("请在笔记里查找年度预算", "年度预算"),
    "what documents say": ("文档里怎么说退货流程", "退货流程"),
    "on the web": ("在网上搜一下热泵的噪音", "热泵的噪音"),
}
NOT_NAMED = {
    "a table's question": "Which region grew fastest?",
    "a total": "total sales by month",
    "the volume of searches": "搜索量最高的关键词",
    "searches counted": "搜索次数的平均值",
    "a table's question in Chinese": "哪个地区的销售额最高？",
    "missing values": "find missing values",
    "look at": "look at the data",
    "nothing to search": "search for it",
    "a sum": "what is 2 + 2",
    "a greeting": "hello",
}


@pytest.mark.parametrize(("question", "subject"), NAMED.values(), ids=NAMED.keys())
def test_a_question_that_names_a_search_has_a_subject(question: str, subject: str) -> None:
    assert subject_of(question) == subject


@pytest.mark.parametrize("question", NOT_NAMED.values(), ids=NOT_NAMED.keys())
def test_other_questions_name_no_search(question: str) -> None:
    assert subject_of(question) is None


@pytest.mark.parametrize(
    ("question", "asks"),
    [("hello there friend", False), ("Who owns the wind turbine?", True), ("热泵多少钱", True), ("ok", False), ("", False)],
)
def test_a_text_could_answer_what_has_something_to_look_for(question: str, asks: bool) -> None:
    assert asks_documents(question) is asks


def reply(*messages: ChatMessage, tools: tuple[ToolSpec, ...] = ()) -> tuple[str, str]:
    """The words and the calls' arguments of the analyst's reply."""

    async def all_of() -> tuple[str, str]:
        chunks = [chunk async for chunk in OfflineAnalyst(pace_s=0).stream(messages, tools)]
        words = "".join(chunk.text for chunk in chunks if isinstance(chunk, Text))
        return words, "".join(chunk.name + chunk.arguments for chunk in chunks if isinstance(chunk, ToolCallFragment))

    return run(all_of())


def thought(question: str, job: dict[str, Any], *passages: str) -> str:
    """What it replies to a job of a search."""
    told = [section("question", question), section("search", json.dumps(job))]
    lines = (json.dumps({"number": n, "title": f"p{n}", "text": text}) for n, text in enumerate(passages, 1))
    told.append(section("passages", "\n".join(lines)))
    return reply(ChatMessage("system", "-"), ChatMessage("user", "\n".join(told)))[0]


TWO = "What does the heat pump cost, and how long is the warranty?"
TWO_ZH = "热泵的价格是多少？补贴什么时候申请？"
QUERIES = {
    "one part": ("What does the heat pump cost?", 4, ["What does the heat pump cost?"]),
    "two parts": (TWO, 4, [TWO, "What does the heat pump cost", "how long is the warranty"]),
    "Chinese parts": (TWO_ZH, 4, [TWO_ZH, "热泵的价格是多少", "补贴什么时候申请"]),
    "bounded": ("heat pump cost; wind turbine cost; sun", 2, ["heat pump cost; wind turbine cost; sun", "heat pump cost"]),
    "request words left out": ("search my notes for turbines", 4, ["turbines"]),
}


@pytest.mark.parametrize(("question", "most", "queries"), QUERIES.values(), ids=QUERIES.keys())
def test_queries_come_from_the_parts_of_the_question(question: str, most: int, queries: list[str]) -> None:
    assert thought(question, {"wanted": "queries", "most": most}).split("\n") == queries


VERDICTS: dict[str, tuple[str, tuple[str, ...], bool, list[str]]] = {
    "all there": ("cost of the heat pump", ("The heat pump costs 7.",), True, []),
    "most missing": ("warranty of the turbine", ("The heat pump costs 7.",), False, ["warranty", "turbine"]),
    "nothing found": ("heat pump", (), False, ["heat", "pump"]),
    "Chinese there": ("热泵的价格", ("热泵的价格是七元。",), True, []),
    "Chinese missing": ("风机的保修期限", ("热泵的价格是七元。",), False, ["风机", "保修期限"]),
}


@pytest.mark.parametrize(("question", "passages", "enough", "queries"), VERDICTS.values(), ids=VERDICTS.keys())
def test_the_verdict_is_by_coverage(question: str, passages: tuple[str, ...], enough: bool, queries: list[str]) -> None:
    verdict = json.loads(thought(question, {"wanted": "verdict", "most": 4}, *passages))
    assert (verdict["enough"], verdict["queries"]) == (enough, queries)
    assert verdict["why"]


def test_the_answer_quotes_the_fitting_sentences_with_their_numbers_and_says_so() -> None:
    passages = ("It is loud. The heat pump costs 7 euro.", "Nothing of the sort.", "The warranty is five years.")
    answer = thought(TWO, {"wanted": "answer"}, *passages)
    assert "- “The heat pump costs 7 euro.” [1]" in answer
    assert "- “The warranty is five years.” [3]" in answer
    assert cited_numbers(answer) == {1, 3}
    assert "no language model has read them" in answer


def test_a_chinese_answer_quotes_in_chinese() -> None:
    answer = thought("热泵的价格是多少？", {"wanted": "answer"}, "天气很好。热泵的价格是七元。安装需要三天。")
    assert answer.startswith("- “热泵的价格是七元。” [1]")
    assert "没有经过语言模型" in answer


def test_what_a_passage_says_is_quoted_letter_by_letter() -> None:
    answer = thought("heat pump", {"wanted": "answer"}, "The *heat* pump [7] costs <b>7</b> `euro` and __more__.")
    assert r"\*heat\* pump \[7\] costs \<b\>7\</b\> \`euro\`" in answer
    assert cited_numbers(answer) == {1}


def test_passages_without_a_word_of_the_question_are_not_quoted() -> None:
    assert "“" not in thought("heat pump", {"wanted": "answer"}, "Nothing of the sort.")


JOBS: list[dict[str, Any]] = [
    {},
    {"wanted": "queries"},
    {"wanted": "queries", "most": "many"},
    {"wanted": "verdict", "most": -1},
    {"wanted": "dance"},
]


@pytest.mark.parametrize("job", JOBS, ids=str)
def test_an_odd_job_is_no_crash(job: dict[str, Any]) -> None:
    assert thought("heat pump", {"asked": [], **job}, "The heat pump.")


def search_tool(scope: str) -> ToolSpec:
    return ToolSpec(
        "deep_search", f"Search in depth: {scope}.", {"type": "object", "properties": {"query": {"type": "string"}}}
    )


CSV = json.dumps({"name": "sales.csv", "kind": "csv", "read": "pd.read_csv('sales.csv')", "columns": [{"name": "region", "kind": "text", "examples": ["north"]}, {"name": "amount", "kind": "number", "examples": ["7"]}]})  # fmt: skip # noqa: E501
CALLED = {
    "named": ("search my notes for turbines", "", "the web", 'deep_search{"query": "turbines"}'),
    "folders and nothing else": ("Who owns the wind turbine?", "", "the person's folders notes", "deep_search"),
    "named beside a table": ("search my notes for turbines", CSV, "the web", 'deep_search{"query": "turbines"}'),
    "a table's question beside folders": ("total amount by region", CSV, "the person's folders notes", "code_interpreter"),
    "a sum beside folders": ("what is the sum of 1 to 10", "", "the person's folders notes", "code_interpreter"),
    "not named, and no folders": ("Who owns the wind turbine?", "", "the web", ""),
    "a greeting beside folders": ("hello", "", "the person's folders notes", ""),
}


@pytest.mark.parametrize(("question", "inputs", "scope", "called"), CALLED.values(), ids=CALLED.keys())
def test_the_analyst_searches_where_the_question_asks_for_it(question: str, inputs: str, scope: str, called: str) -> None:
    told = section("question", question) + "\n" + section("inputs", inputs)
    tools = (ToolSpec("code_interpreter", "Python.", {"type": "object"}), search_tool(scope))
    _, calls = reply(ChatMessage("user", told), tools=tools)
    assert calls.startswith(called)
    assert bool(calls) is bool(called)
