"""JDGenie's /AutoAgent dialect: each row of its table, and whole runs."""

import json

import pytest
from hypothesis import given

from genie_nb import events as ev
from genie_nb.backend.log.entry import Entry
from genie_nb.backend.wire.genie_agent import CARRIED, PLAN_SOLVE, REACT, AgentCoat, Responses
from genie_nb.backend.wire.genie_calls import FileUrls
from genie_nb.parts import CodePart, DocumentPart, FileRef, Hit, ImagePart, Plan, PlanStep, SearchPart, StreamPart
from tests.event_strategies import EVENT_CLASSES, deltas_of_run
from tests.widgets.sample_runs import call, file_ref, numbered, sample_run, started, words

FIELDS = {
    *("requestId", "messageId", "isFinal", "messageType", "digitalEmployee", "messageTime", "planThought", "plan", "task"),
    *("taskSummary", "toolThought", "toolResult", "resultMap", "result", "finish", "ext"),
}
CSV = {
    "fileName": "sales.csv",
    "ossUrl": "http://here/download/run/sales.csv",
    "domainUrl": "http://here/preview/run/sales.csv",
    "downloadUrl": "http://here/download/run/sales.csv",
    "fileSize": file_ref("sales.csv").size,
}
STAGES = (
    SearchPart(stage="queries", query="q", queries=("one",)),
    SearchPart(stage="hits", query="one", engine="brave", hits=(Hit(title="Title", source="http://a", text="Words"),)),
    SearchPart(stage="verdict"),
    SearchPart(stage="queries", round=2, query="q", queries=("two",)),
    SearchPart(stage="hits", round=2, query="two", engine="brave"),
    SearchPart(stage="verdict", round=2, enough=True),
)
STEPS = (
    PlanStep(id="s1", stage="Search", title="find prices", status="completed"),
    PlanStep(id="s2", stage="Search", title="forget it", status="dropped"),
    PlanStep(id="s3", stage="Write", title="write page", status="blocked", note="no paper"),
)
PLAN = {
    "title": "Trip",
    "stages": ["Search", "Write"],
    "steps": ["find prices", "write page"],
    "stepStatus": ["completed", "blocked"],
    "notes": ["", "no paper"],
}


def urls(run_id: str, file: FileRef) -> FileUrls:
    return FileUrls(f"http://here/preview/{run_id}/{file.name}", f"http://here/download/{run_id}/{file.name}")


def responses_of(events: list[ev.RunEvent], agent_type: int = REACT) -> list[dict]:
    responses = Responses("genies:r", agent_type, urls)
    return [response for event in numbered(events) for response in responses.take(event)]


def payloads(sent: bytes, prefix: bytes = b"data:", end: bytes = b"\n\n") -> list[bytes]:
    events = sent.split(end)
    assert events.pop() == b""
    assert all(event.startswith(prefix) and b"\n" not in event and b"\r" not in event for event in events)
    return [event.removeprefix(prefix) for event in events]


def inner(**content: object) -> dict:
    return {"resultMap": {"agentType": REACT, **content}}


def search(step: str, query: list[str], docs: list, **more: object) -> dict:
    found = {"query": query, "docs": docs}
    more = {"isFinal": False, **more}
    return inner(messageType=step, query="q", searchFinish=step != "extend", searchResult=found, **more)


DOC = {
    "doc_type": "web_page",
    "title": "Title",
    "link": "http://a",
    "content": "Words",
    "data": {"search_engine": "brave", "source": "http://a"},
}
ROWS = {
    "plan-thought": (
        [*words("m", "I think", "plan_thought")],
        [
            ("plan_thought", {"planThought": "I th", "isFinal": False, "messageId": "m"}),
            ("plan_thought", {"planThought": "ink", "isFinal": False, "messageId": "m"}),
            ("plan_thought", {"planThought": "I think", "isFinal": True, "messageId": "m"}),
        ],
    ),
    "tool-thought": (
        [*words("m", "Look", "tool_thought")],
        [
            ("tool_thought", {"toolThought": "Look", "isFinal": False, "messageId": "m", "digitalEmployee": "planner"}),
            ("tool_thought", {"toolThought": "Look", "isFinal": True, "messageId": "m"}),
        ],
    ),
    "answer-waits-for-the-result": ([*words("m", "Answer", "answer")], []),
    "summary-waits-for-the-result": ([*words("m", "Answer", "summary")], []),
    "reasoning-is-left-out": ([*words("m", "Hm", "reasoning")], []),
    "answer-that-ends-as-a-thought": (
        [
            ev.TextStarted(message_id="m", channel="answer", assignee="a"),
            ev.TextFinished(message_id="m", channel="tool_thought", text="Look"),
        ],
        [("tool_thought", {"toolThought": "Look", "isFinal": True})],
    ),
    "thought-that-ends-as-an-answer": (
        [
            ev.TextStarted(message_id="m", channel="tool_thought", assignee="a"),
            ev.TextFinished(message_id="m", channel="answer", text="Look"),
        ],
        [("tool_thought", {"toolThought": "Look", "isFinal": True})],
    ),
    "report-text": (
        [*words("m", "# A", "report")],
        [
            ("markdown", {"isFinal": False, **inner(data="# A", isFinal=False)}),
            ("markdown", {"isFinal": True, **inner(data="# A", isFinal=True, fileInfo=[])}),
        ],
    ),
    "plan": ([ev.PlanUpdated(plan=Plan(title="Trip", steps=STEPS))], [("plan", {"plan": PLAN})]),
    "plan-without-stages": (
        [ev.PlanUpdated(plan=Plan(steps=(PlanStep(id="s1", title="find"),)))],
        [
            (
                "plan",
                {"plan": {"title": "", "stages": ["find"], "steps": ["find"], "stepStatus": ["not_started"], "notes": [""]}},
            )
        ],
    ),
    "task": (
        [ev.TaskStarted(task_id="t1", title="Go", assignee="executor")],
        [("task", {"task": "Go", "digitalEmployee": "executor", "ext": {"taskId": "t1"}})],
    ),
    "task-summary": (
        [ev.TaskFinished(task_id="t1", status="completed", summary="Gone")],
        [("task_summary", {"taskSummary": "Gone", "resultMap": {"taskSummary": "Gone", "fileList": []}})],
    ),
    "code": (
        [*call("c", "code_interpreter", "", [CodePart(code="print(1)"), StreamPart(text="1\n")], output="1\n")],
        [
            ("code", {"isFinal": False, **inner(code="print(1)", fileInfo=[], isFinal=False)}),
            ("code", {"isFinal": True, **inner(codeOutput="1\n", fileInfo=[], isFinal=True)}),
        ],
    ),
    "code-only-in-arguments": (
        [*call("c", "code_interpreter", '{"code": "1/0"}', [], output="no kernel")],
        [
            ("code", inner(code="1/0", fileInfo=[], isFinal=False)),
            ("code", inner(codeOutput="no kernel", fileInfo=[], isFinal=True)),
        ],
    ),
    "code-with-a-file": (
        [
            ev.ToolStarted(call_id="c", tool="code_interpreter", assignee="a"),
            ev.FileCreated(file=file_ref("sales.csv"), call_id="c"),
            ev.ToolFinished(call_id="c", status="cancelled"),
        ],
        [
            ("file", inner(command="写入文件", fileInfo=[CSV])),
            ("code", inner(codeOutput="The call ended with: cancelled.", fileInfo=[CSV], isFinal=True)),
        ],
    ),
    "deep-search": (
        [*call("c", "deep_search", '{"query": "q"}', [*STAGES, DocumentPart(text="Found")])],
        [
            ("deep_search", {"messageId": "c", **search("extend", ["one"], [[]])}),
            ("deep_search", {"messageId": "c", **search("search", ["one"], [[DOC]])}),
            ("deep_search", {"messageId": "c", **search("extend", ["two"], [[]])}),
            ("deep_search", {"messageId": "c", **search("search", ["two"], [[]])}),
            ("deep_search", {"messageId": "c:report", "isFinal": False, **search("report", [], [], answer="Found")}),
            ("deep_search", {"messageId": "c:report", "isFinal": True, **search("report", [], [], answer="", isFinal=True)}),
        ],
    ),
    "deep-search-that-streams-its-answer": (
        [
            ev.ToolStarted(call_id="c", tool="deep_search", assignee="a"),
            ev.ToolArguments(call_id="c", fragment='{"query": "q"}'),
            *words("m", "Found", "report"),
            ev.ToolFinished(call_id="c", status="ok", output="Found"),
        ],
        [
            ("deep_search", {"messageId": "c", **search("extend", ["q"], [[]])}),
            ("deep_search", {"messageId": "c:report", **search("report", [], [], answer="Foun")}),
            ("deep_search", {"messageId": "c:report", **search("report", [], [], answer="d")}),
            ("deep_search", {"messageId": "c:report", **search("report", [], [], answer="", isFinal=True)}),
        ],
    ),
    "deep-search-that-shows-nothing": (
        [*call("c", "deep_search", '{"query": "q"}', [ImagePart(content=b"")], output="Two pages.")],
        [
            ("deep_search", search("extend", ["q"], [[]])),
            ("deep_search", search("report", [], [], answer="Two pages.")),
            ("deep_search", search("report", [], [], answer="", isFinal=True)),
        ],
    ),
    **{
        f"report-{kind}": (
            [*call("c", "report", json.dumps({"fileType": kind}), [DocumentPart(text="# "), DocumentPart(text="A")])],
            [
                (kind, {"messageId": "c", "isFinal": False, **inner(data="# ", isFinal=False)}),
                (kind, {"messageId": "c", "isFinal": False, **inner(data="A", isFinal=False)}),
                (kind, {"messageId": "c", "isFinal": True, **inner(data="# A", isFinal=True, fileInfo=[])}),
            ],
        )
        for kind in ("html", "markdown", "ppt")
    },
    "report-written-as-a-text": (
        [
            ev.ToolStarted(call_id="c", tool="report", assignee="a"),
            *words("m", "Tale", "report"),
            ev.FileCreated(file=file_ref("sales.csv"), call_id="c"),
            ev.ToolFinished(call_id="c", status="ok", output="Written."),
        ],
        [
            ("markdown", {"messageId": "c", **inner(data="Tale", isFinal=False)}),
            ("file", inner(command="写入文件", fileInfo=[CSV])),
            ("markdown", {"messageId": "c", **inner(data="Tale", isFinal=True, fileInfo=[CSV])}),
        ],
    ),
    "tool-result": (
        [*call("c", "weather", '{"city": "Oslo"}', [StreamPart(text="cold")], output='{"code": 200}')],
        [
            (
                "tool_result",
                {"toolResult": {"toolName": "weather", "toolParam": {"city": "Oslo"}, "toolResult": '{"code": 200}'}},
            )
        ],
    ),
    "tool-result-with-broken-arguments": (
        [*call("c", "weather", '{"city', [], output="cold")],
        [("tool_result", {"toolResult": {"toolName": "weather", "toolParam": {}, "toolResult": "cold"}})],
    ),
    "file": ([ev.FileCreated(file=file_ref("sales.csv"))], [("file", inner(command="写入文件", fileInfo=[CSV]))]),
    "result": (
        [ev.RunFinished(output="Done", files=(file_ref("sales.csv"),))],
        [("result", {"finish": True, "result": "Done", **inner(taskSummary="Done", fileList=[CSV])})],
    ),
    "failed": (
        [ev.RunFailed(code="model", message="It broke.")],
        [("result", {"finish": True, "result": "It broke.", **inner(taskSummary="It broke.", fileList=[])})],
    ),
    "cancelled": ([ev.RunCancelled(reason="Stopped.")], [("result", {"finish": True, "result": "Stopped."})]),
    "failed-without-a-word": ([ev.RunFailed(code="model", message="")], [("result", {"result": "The run failed: model."})]),
}


@pytest.mark.parametrize("row", ROWS.values(), ids=[f"jdgenie-agent-{name}" for name in ROWS])
def test_an_event_is_said_as_the_table_says(row: tuple[list, list]) -> None:
    events, expected = row

    said = responses_of(events)

    assert [response["messageType"] for response in said] == [name for name, _ in expected]
    for response, (_, fields) in zip(said, expected, strict=True):
        assert {name: response[name] for name in fields} == fields


def test_every_response_has_every_field() -> None:
    for response in responses_of(sample_run(), PLAN_SOLVE):
        assert set(response) == FIELDS
        assert response["messageTime"].isdigit()
        assert response["finish"] is (response["messageType"] == "result")


def test_pieces_of_one_message_share_an_id_and_no_others_do() -> None:
    said = responses_of(sample_run(), PLAN_SOLVE)
    single = [r["messageId"] for r in said if r["messageType"] in ("code", "file", "task", "plan", "task_summary", "result")]

    assert len(single) == len(set(single))


def test_the_table_names_every_kind_of_event() -> None:
    assert set(CARRIED) == {kind.__struct_config__.tag for kind in EVENT_CLASSES}


def test_what_the_table_calls_left_out_or_folded_says_nothing_itself() -> None:
    responses = Responses("r", PLAN_SOLVE, urls)
    waiting = ev.ModelWaiting(reason="busy", seconds=1, attempt=2)
    said: dict[str, int] = {}
    for event in [ev.LogRestarted(), ev.RunQueued(place=1), waiting, ev.StepStarted(step=1, agent="a"), *sample_run()]:
        kind = event.__struct_config__.tag
        said[kind] = said.get(kind, 0) + len(responses.take(event))

    assert {kind for kind, count in said.items() if count} == {k for k in said if CARRIED[k].how == "carried"}


def test_a_frame_has_no_space_and_one_line() -> None:
    coat = AgentCoat("r", REACT, urls)

    sent = coat.write([Entry(event) for event in numbered([started(), ev.RunFinished(output="a\nb\u2028c")])])

    assert coat.heartbeat == b"data:heartbeat\n\n"
    assert coat.due is None
    assert coat.flush() == b""
    assert "\u2028" not in sent.decode()
    assert [json.loads(line)["result"] for line in payloads(sent)] == ["a\nb\u2028c"]
    assert coat.last_words(None) == b""


def test_a_server_that_closes_early_says_so_in_a_result() -> None:
    coat = AgentCoat("r", REACT, urls)
    coat.write([Entry(started())])

    [said] = payloads(coat.last_words("server_shutdown"))

    assert json.loads(said)["finish"] is True
    assert "server_shutdown" in json.loads(said)["result"]
    assert coat.last_words("server_shutdown") == b""
    assert coat.write([Entry(ev.RunFinished(output="late"))]) == b""


@given(deltas_of_run())
def test_any_run_ends_with_exactly_one_result(events: list[ev.RunEvent]) -> None:
    coat = AgentCoat("r", REACT, urls)

    sent = [json.loads(line) for line in payloads(coat.write([Entry(event) for event in numbered(events)]))]

    assert [response["finish"] for response in sent] == [False] * (len(sent) - 1) + [True]
