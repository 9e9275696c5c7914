import re
from html import unescape

import pytest
from markdown_it import MarkdownIt

from genie_nb import events as ev
from genie_nb.errors import RequestError
from genie_nb.parts import StreamPart
from genie_nb.widgets.labels import labels_for, name_in
from genie_nb.widgets.record import EMBED_BYTES, record_html, record_markdown, record_text
from tests.widgets.hostile import PAYLOADS, hostile_run
from tests.widgets.sample_runs import ANSWER, FILES, call, file_ref, folded, numbered, plan, sample_run, started
from tests.widgets.test_render import Reader

RECORD_TAGS = {
    *(
        "a",
        "blockquote",
        "button",
        "code",
        "del",
        "details",
        "div",
        "em",
        "h1",
        "hr",
        "iframe",
        "img",
        "li",
        "ol",
        "p",
        "pre",
    ),
    *("span", "strong", "summary", "table", "tbody", "td", "th", "thead", "tr", "ul"),
}
MARKDOWN_TAGS = {"a", "blockquote", "br", "code", "em", "h1", "hr", "li", "ol", "p", "pre", "span", "strong", "ul"}


def html_of(events: list[ev.RunEvent], contents: dict[str, bytes] = FILES) -> str:
    return record_html(folded(events), read_file=lambda name, most_bytes: contents[name][:most_bytes])


def test_equal_runs_at_other_times_under_other_ids_give_equal_records() -> None:
    one = sample_run()
    two = [
        type(event)(
            **{name: getattr(event, name) for name in event.__struct_fields__}
            | {"run_id": "another", "at": event.at * 7, **({"seconds": 99.0} if isinstance(event, ev.ToolFinished) else {})}
        )
        for event in one
        if not isinstance(event, ev.UsageReported)
    ]
    for record in (html_of, lambda run: record_text(folded(run)), lambda run: record_markdown(folded(run))):
        assert record(one) == record(two)  # type: ignore[operator]


def test_the_text_says_question_answer_files_and_plan() -> None:
    text = record_text(folded(sample_run()))
    assert text.startswith(f"Question: How did sales develop, and where?\n\nAnswer:\n{ANSWER}")
    assert "\n\nFiles: growth.png, report.md, sales.csv\n\nPlan:\n  Understand\n  ✓ Look at the file\n" in text


@pytest.mark.parametrize(
    ("end", "said"),
    [
        (ev.RunFailed(code="model", message="The key was refused."), "Failed: The key was refused."),
        (ev.RunCancelled(reason="you stopped it"), "Stopped: you stopped it"),
    ],
    ids=["failed", "cancelled"],
)
def test_a_run_without_an_answer_says_why(end: ev.RunEvent, said: str) -> None:
    run = numbered([started(), plan("completed", "blocked", "dropped", "not_started"), end])
    assert said in record_text(folded(run))
    reason = said.split(": ")[1]
    assert reason in html_of(run)
    assert reason in record_markdown(folded(run))


def test_a_run_that_goes_on_says_so() -> None:
    assert record_text(folded(numbered([started()]))) == "Question: What happened?\n\nRunning"


def test_a_run_that_waits_says_how_many_are_before_it() -> None:
    assert ">Queued: 2 before it<" in html_of(numbered([ev.RunQueued(place=2)]))


def test_labels_are_in_the_language_of_the_question() -> None:
    run = sample_run(query="销售额如何变化？")
    assert record_text(folded(run)).startswith("问题: 销售额如何变化？\n\n回答:")
    assert 'lang="zh"' in html_of(run)
    assert ">过程：4 步，3 个单元格，其他调用 1 次<" in html_of(run)


def test_the_html_has_everything_and_needs_nothing() -> None:
    html = html_of(sample_run())
    for words_of_run in (
        "Sales grew by 12 %",
        "halves",
        "8,760 rows",
        "KeyError",
        "The kernel was replaced",
        "growth by region",
    ):
        assert words_of_run in html
    outside = re.sub(r"<a [^>]*>", "", html)
    assert "http" not in outside
    assert "<script" not in html
    assert "url(" not in html


def test_a_chinese_run_names_who_worked_and_what_answered_in_chinese() -> None:
    begin = ev.RunStarted(query="哪个地区增长最快？", agent="plan_solve", model="offline", badge="offline rules")
    html = html_of(
        numbered(
            [
                begin,
                ev.TextStarted(message_id="m", channel="plan_thought", assignee="planner"),
                ev.TextFinished(message_id="m", channel="plan_thought", text="先看文件。"),
                ev.TaskStarted(task_id="t", title="查看", assignee="executor"),
                ev.TaskFinished(task_id="t", status="completed"),
                ev.RunFinished(output="北方。"),
            ]
        )
    )
    body = html[html.index("</style>") :]
    for chinese, english in (("规划", "planner"), ("执行", "executor"), ("离线规则", "offline rules")):
        assert chinese in body
        assert english not in body


def test_a_stopped_run_has_no_empty_box_of_a_fault() -> None:
    begin = [started(), ev.TaskStarted(task_id="t", title="Count", assignee="executor")]
    end = [ev.TaskFinished(task_id="t", status="cancelled"), ev.RunCancelled(reason="You stopped the run.")]
    html = html_of(numbered([*begin, *end]))
    body = html[html.index("</style>") :]
    assert "gnb-fault" not in body
    assert body.count("You stopped the run.") == 1


def test_code_that_waits_to_be_allowed_is_in_colours() -> None:
    asked = {"call_id": "c", "tool": "code_interpreter", "arguments": '{"code": "import json"}'}
    begin = [started(), ev.ToolStarted(call_id="c", tool="code_interpreter", assignee="x")]
    arguments = ev.ToolArguments(call_id="c", fragment=asked["arguments"])
    html = html_of(numbered([*begin, arguments, ev.ApprovalRequested(**asked)]))
    assert '<span class="kn">import</span>' in html


def test_a_model_elsewhere_is_named_with_its_host() -> None:
    assert name_in(labels_for("为什么"), "live: api.example") == "在线：api.example"
    assert name_in(labels_for("为什么"), "我的专家") == "我的专家"
    assert name_in(labels_for("why"), "offline rules") == "offline rules"


def test_the_order_is_question_answer_files_and_the_work_folded() -> None:
    html = html_of(sample_run())
    places = [
        html.index(f'class="{look}') for look in ("gnb-query", "gnb-section gnb-answer", "gnb-section gnb-files", "gnb-how")
    ]
    assert places == sorted(places)
    assert re.findall(r'<details class="gnb-how"[^>]*>', html) == ['<details class="gnb-how" data-status="finished">']
    tasks = re.findall(r'<details class="gnb-task"[^>]*>', html)
    assert len(tasks) == 2
    assert not any(" open" in task for task in tasks)
    answer = html[places[1] : places[2]]
    assert "<details" not in answer


def test_of_a_run_that_failed_the_step_that_failed_stands_open() -> None:
    steps = range(1, 13)
    begun = [ev.TaskStarted(task_id=f"t{n}", title=f"Step {n}", assignee="executor") for n in steps]
    ended = [ev.TaskFinished(task_id=f"t{n}", status="completed", summary="ok") for n in steps]
    ended[8] = ev.TaskFinished(task_id="t9", status="failed", summary="The file has no such column.")
    html = html_of(numbered([started(), *begun, *ended, ev.RunFailed(code="model", message="Step 9 failed.")]))
    assert re.findall(r'<details class="(gnb-\w+)"[^>]* open=""', html) == ["gnb-how", "gnb-task"]
    before, failing, later = (html.index(words) for words in ("8 steps before", "Step 9</span>", "Step 10</span>"))
    assert before < failing < later
    assert html.index("Step 9 failed.") < before


def test_a_picture_is_shown_and_a_table_has_its_head() -> None:
    html = html_of(sample_run())
    assert html.count('src="data:image/png;base64,') == 2
    assert "<td>2026-01-02</td>" in html


def test_a_small_file_can_be_saved_from_the_record_and_a_large_one_is_listed() -> None:
    contents = {"small.bin": b"x", "large.bin": b"x" * EMBED_BYTES}
    files = [ev.FileCreated(file=file_ref(name, contents)) for name in contents]
    html = html_of(numbered([started(), *files, ev.RunFinished(output="Done.")]), contents)
    assert re.findall(r'download="([^"]*)"', html) == ["small.bin"]
    assert "large.bin" in html
    assert len(html) < EMBED_BYTES


@pytest.mark.parametrize("error", [RequestError("No such file."), FileNotFoundError()], ids=["ours", "the disk's"])
def test_a_file_that_is_gone_is_listed_all_the_same(error: Exception) -> None:
    def gone(_: str, most_bytes: int) -> bytes:
        raise error

    html = record_html(folded(sample_run()), read_file=gone)
    assert html.count("This file cannot be read.") == 3
    assert "sales.csv" in html


def test_a_very_long_output_is_cut_and_the_rest_counted() -> None:
    run = numbered([started(), *call("c", "tool", "", [StreamPart(text="x" * 60_000)]), ev.RunFinished(output="")])
    assert "… 10000 characters left out …" in html_of(run)


@pytest.mark.parametrize("payload", PAYLOADS.values(), ids=PAYLOADS)
def test_hostile_words_anywhere_run_nothing_in_the_record(payload: str) -> None:
    html = record_html(folded(hostile_run([payload])), read_file=lambda *_: payload.encode())
    body = html[html.index("</style>") + len("</style>") :]
    for tag, attributes in Reader(body).tags:
        assert tag in RECORD_TAGS
        assert not any(name.startswith("on") for name in attributes)
        assert tag != "iframe" or attributes["sandbox"] == ""
        assert str(attributes.get("src", "data:image/")).startswith("data:image/")
        link = str(attributes.get("href") or "https://")
        assert link.startswith(("http://", "https://", "mailto:", "data:application/octet-stream;base64,"))


@pytest.mark.parametrize("payload", PAYLOADS.values(), ids=PAYLOADS)
def test_hostile_words_run_and_load_nothing_in_the_markdown(payload: str) -> None:
    markdown = record_markdown(folded(hostile_run([payload])))
    # The most trusting reader there is: raw HTML on, every scheme allowed.
    trusting = MarkdownIt("commonmark", {"html": True})
    trusting.validateLink = lambda _: True  # type: ignore[method-assign]
    for tag, attributes in Reader(trusting.render(markdown)).tags:
        assert tag in MARKDOWN_TAGS
        assert str(attributes.get("href") or "https://").lower().startswith(("http://", "https://", "mailto:"))


def test_the_markdown_keeps_code_blocks_as_they_are() -> None:
    run = numbered([started(), ev.RunFinished(output="a <b>\n\n```html\n<b>bold</b> ![x](y)\n```\n")])
    markdown = record_markdown(folded(run))
    assert "```html\n<b>bold</b> ![x](y)\n```" in markdown
    assert "a &lt;b>" in markdown


def test_no_reader_of_the_html_looks_for_formulas_in_it() -> None:
    html = html_of(numbered([started(), ev.RunFinished(output="From $5 to $7.")]))
    assert '<div class="gnb gnb-record mathjax_ignore tex2jax_ignore"' in html
    assert "From $5 to $7." in html


DOLLARS = {
    "text": ("From $5 to $7.", "From <span>&#36;</span>5 to <span>&#36;</span>7."),
    "inline-code": ("`$a` and ``$b`c$``", "`$a` and ``$b`c$``"),
    "open-backtick": ("`$5\n\n`$6", "`<span>&#36;</span>5\n\n`<span>&#36;</span>6"),
    "code-block": ("```sh\necho $HOME\n```", "```sh\necho $HOME\n```"),
    "address": ("[a](https://x.example/$b) $1", "[a](https://x.example/%24b) <span>&#36;</span>1"),
}


@pytest.mark.parametrize(("said", "written"), DOLLARS.values(), ids=DOLLARS)
def test_dollars_are_money_in_the_markdown(said: str, written: str) -> None:
    markdown = record_markdown(folded(numbered([started("How much?"), ev.RunFinished(output=said)])))
    assert markdown == f"**Question:** How much?\n\n{written}\n"


@pytest.mark.parametrize("query", ["What happened?", "怎么了？"], ids=["en", "zh"])
def test_a_run_that_was_stopped_says_so_once_and_leaves_nothing_in_progress(query: str) -> None:
    why = "You stopped the run."
    begun = [started(query), plan("completed", "in_progress", "not_started", "not_started")]
    task = ev.TaskStarted(task_id="t", title="Check", assignee="executor", step_id="s2")
    end = ev.TaskFinished(task_id="t", status="cancelled", summary=why)
    run = numbered([*begun, task, end, ev.RunCancelled(reason=why)])
    text, markdown, html = record_text(folded(run)), record_markdown(folded(run)), html_of(run).split("</style>")[1]
    assert [record.count(why) for record in (text, markdown, html)] == [1, 1, 1]
    unfinished = {"What happened?": "not finished", "怎么了？": "未完成"}[query]
    for record in (text, markdown, html):
        assert f"({unfinished})" in record
        assert "in progress" not in record
        assert "进行中" not in record
    assert 'data-status="in_progress"' not in html


def test_plain_words_reach_the_page_as_they_were() -> None:
    html = html_of(numbered([started("1 < 2 & 3 > 2?"), ev.RunFinished(output="Yes.")]))
    assert "1 < 2 & 3 > 2?" in unescape(html)
