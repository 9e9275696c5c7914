"""JDGenie's tool service: its framing, and each of its streams."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from genie_nb import events as ev
from genie_nb.backend.log.entry import Entry
from genie_nb.backend.stream_modes import StreamMode
from genie_nb.backend.wire.genie_calls import FileUrls
from genie_nb.backend.wire.genie_tool import (
    CODE_CARRIED,
    REPORT_CARRIED,
    SEARCH_CARRIED,
    CodeCoat,
    ReportCoat,
    SearchCoat,
    ToolCoat,
)
from genie_nb.parts import CodePart, DocumentPart, FileRef, Hit, SearchPart, StreamPart
from tests.event_strategies import EVENT_CLASSES, deltas_of_run
from tests.widgets.sample_runs import call, file_ref, numbered, sample_run, started, words

DONE = "[DONE]"
GENERAL = StreamMode()
EMPTY = {"query": [], "docs": []}
CSV = {
    "fileName": "sales.csv",
    "ossUrl": "/download/run/sales.csv",
    "domainUrl": "/preview/run/sales.csv",
    "downloadUrl": "/download/run/sales.csv",
    "fileSize": file_ref("sales.csv").size,
}
STAGES = (
    SearchPart(stage="queries", query="q", queries=("one", "two")),
    SearchPart(stage="hits", query="one", engine="brave", hits=(Hit(title="Title", source="http://a", text="Snippet"),)),
    SearchPart(stage="hits", query="two", engine="brave", note="It refused."),
    SearchPart(
        stage="hits", query="one", engine="folders", hits=(Hit(title="Plan", source="notes/plan.md", text="Passage"),)
    ),
    SearchPart(stage="hits", engine="pages", hits=(Hit(title="Title", source="http://a", text="Words"),)),
    SearchPart(stage="verdict", enough=True),
    SearchPart(stage="sources", hits=(Hit(title="Title", source="http://a", text="Words", number=1),)),
)
DOCS = [
    [
        {
            "doc_type": "web_page",
            "title": "Title",
            "link": "http://a",
            "content": "Words",
            "data": {"search_engine": "brave", "source": "http://a"},
        },
        {
            "doc_type": "file",
            "title": "Plan",
            "link": "",
            "content": "Passage",
            "data": {"search_engine": "folders", "source": "notes/plan.md"},
        },
    ],
    [],
]


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def urls(run_id: str, file: FileRef) -> FileUrls:
    return FileUrls(f"/preview/{run_id}/{file.name}", f"/download/{run_id}/{file.name}")


def code() -> CodeCoat:
    return CodeCoat("r", urls)


def report(mode: StreamMode = GENERAL, clock: Clock | None = None) -> ReportCoat:
    return ReportCoat("r", urls, mode=mode, clock=clock or Clock())


def search() -> SearchCoat:
    return SearchCoat("r", urls, query="q")


COATS = {"code": (code, CODE_CARRIED), "report": (report, REPORT_CARRIED), "search": (search, SEARCH_CARRIED)}
every_coat = pytest.mark.parametrize("new_coat", [new for new, _ in COATS.values()], ids=COATS)


def read(sent: bytes) -> list:
    events = sent.split(b"\r\n\r\n")
    assert events.pop() == b""
    assert all(event.startswith(b"data: ") and not {10, 13} & set(event) for event in events)
    lines = [event.removeprefix(b"data: ").decode() for event in events]
    return [line if line == DONE else json.loads(line) for line in lines]


def sent_of(coat: ToolCoat, events: list[ev.RunEvent]) -> list:
    return read(coat.write([Entry(event) for event in numbered(events)]))


def one_by_one(coat: ToolCoat, events: list[ev.RunEvent]) -> list:
    return read(b"".join(coat.write([Entry(event)]) for event in numbered(events)))


def told(step: str, query: list[str], docs: list, **more: object) -> dict:
    found = {"query": query, "docs": docs}
    finish = {"searchFinish": step != "extend"}
    return {"requestId": "r", "messageType": step, "query": "q", **finish, "isFinal": False, "searchResult": found, **more}


def said(answer: str, *, final: bool) -> dict:
    return {
        "requestId": "r",
        "query": "q",
        "searchResult": EMPTY,
        "messageType": "report",
        "answer": answer,
        "isFinal": final,
    }


ASK = '{"query": "q"}'
ROWS = {
    "code": (
        code,
        [
            *call("c1", "code_interpreter", "{}", [CodePart(code="print(1)"), StreamPart(text="1")]),
            *call("c2", "code_interpreter", "{}", [CodePart(code="print(2)")]),
            ev.FileCreated(file=file_ref("sales.csv")),
            *words("m", "Both ran.", "answer"),
            ev.RunFinished(output="Both ran."),
        ],
        [
            {"requestId": "r", "code": "print(1)", "fileInfo": [], "isFinal": False},
            {"requestId": "r", "code": "print(2)", "fileInfo": [], "isFinal": False},
            {"requestId": "r", "codeOutput": "Both ran.", "fileInfo": [CSV], "isFinal": True},
        ],
    ),
    "report": (
        report,
        [
            *words("m1", "I write.", "tool_thought"),
            *words("m2", "# Title", "report"),
            *words("m3", "It is written.", "answer"),
            ev.RunFinished(output="It is written.", files=(file_ref("sales.csv"),)),
        ],
        [
            {"requestId": "r", "data": "# Ti", "isFinal": False},
            {"requestId": "r", "data": "tle", "isFinal": False},
            {"requestId": "r", "data": "# Title", "fileInfo": [CSV], "isFinal": True},
        ],
    ),
    "report-shown-by-its-tool": (
        report,
        [
            *call("c", "report", "{}", [DocumentPart(text="# "), CodePart(code="no text"), DocumentPart(text="A")]),
            *words("m", "Written.", "answer"),
            ev.RunFinished(output="Written."),
        ],
        [
            {"requestId": "r", "data": "# ", "isFinal": False},
            {"requestId": "r", "data": "A", "isFinal": False},
            {"requestId": "r", "data": "# A", "fileInfo": [], "isFinal": True},
        ],
    ),
    "report-as-an-answer": (
        report,
        [*words("m", "# A", "answer"), ev.RunFinished(output="# A")],
        [
            {"requestId": "r", "data": "# A", "isFinal": False},
            {"requestId": "r", "data": "# A", "fileInfo": [], "isFinal": True},
        ],
    ),
    "search": (
        search,
        [*call("c", "deep_search", ASK, STAGES), *words("m", "It is.", "answer"), ev.RunFinished(output="It is.")],
        [
            told("extend", ["one", "two"], [[], []]),
            told("search", ["one", "two"], DOCS),
            said("It i", final=False),
            said("s.", final=False),
            said("", final=True),
        ],
    ),
    "search-whose-tool-answers": (
        search,
        [
            *call("c", "deep_search", ASK, [*STAGES, DocumentPart(text="It is.")]),
            *words("m", "It is.", "answer"),
            ev.RunFinished(output="It is."),
        ],
        [
            told("extend", ["one", "two"], [[], []]),
            told("search", ["one", "two"], DOCS),
            told("report", [], [], answer="It is."),
            said("", final=True),
        ],
    ),
    "search-without-pieces": (
        search,
        [*call("c", "deep_search", ASK, []), ev.RunFinished(output="It is.")],
        [told("extend", ["q"], [[]]), said("It is.", final=False), said("", final=True)],
    ),
}


@pytest.mark.parametrize("send", [sent_of, one_by_one], ids=["at-once", "one-by-one"])
@pytest.mark.parametrize("row", ROWS.values(), ids=[f"jdgenie-tool-{name}" for name in ROWS])
def test_a_run_is_told_as_the_service_tells_it(row: tuple, send: object) -> None:
    new_coat, events, expected = row

    assert send(new_coat(), [started(), *events]) == [*expected, DONE]


@every_coat
@pytest.mark.parametrize(
    "last",
    [ev.RunFailed(code="model", message="It broke."), ev.RunCancelled(reason="It broke.")],
    ids=["failed", "cancelled"],
)
def test_a_run_that_ends_badly_says_so_before_done(new_coat: object, last: ev.RunEvent) -> None:
    *_, final, done = sent_of(new_coat(), [started(), last])

    assert (final["error"], final["isFinal"], done) == ("It broke.", True, DONE)
    assert "It broke." in (final.get("codeOutput"), final.get("data"), final.get("answer"))


@every_coat
def test_a_server_that_closes_early_says_so_once(new_coat: object) -> None:
    coat = new_coat()
    sent_of(coat, [started()])

    final, done = read(coat.last_words("server_shutdown"))

    assert (final["isFinal"], done) == (True, DONE)
    assert "server_shutdown" in final["error"]
    assert coat.last_words(None) == b""
    assert sent_of(coat, [*words("m", "late", "report"), ev.RunFinished(output="late")]) == []


@every_coat
def test_a_heartbeat_has_a_space_and_two_bytes_a_line_end(new_coat: object) -> None:
    assert new_coat().heartbeat == b"data: heartbeat\r\n\r\n"


def test_pieces_are_joined_by_number() -> None:
    coat = report(StreamMode(mode="token", token=3))
    events = [*words("t", "unsent thought", "tool_thought"), *words("m", "abcdefghijklmnopqrst", "report")]

    assert [message["data"] for message in one_by_one(coat, events)] == ["abcdefghijkl", "mnopqrst"]


def test_pieces_leave_at_the_deadline_though_nothing_more_comes() -> None:  # T12
    clock = Clock()
    coat = report(StreamMode(mode="time", time=2), clock)
    start = ev.TextStarted(message_id="m", channel="report", assignee="a")

    assert one_by_one(coat, [start, ev.TextDelta(message_id="m", text="held")]) == []
    assert coat.due == 2.0
    assert [message["data"] for message in read(coat.flush())] == ["held"]
    assert coat.due is None


def test_nothing_held_is_sent_twice() -> None:  # T3
    coat = report(StreamMode(mode="token", token=4))

    *pieces, final, _ = one_by_one(coat, [*words("m", "abcdefghij", "report"), ev.RunFinished(output="")])

    assert ["".join(piece["data"] for piece in pieces), final["data"]] == ["abcdefghij", "abcdefghij"]


@pytest.mark.parametrize("carried", [table for _, table in COATS.values()], ids=COATS)
def test_each_table_names_every_kind_of_event(carried: dict) -> None:
    assert set(carried) == {kind.__struct_config__.tag for kind in EVENT_CLASSES}


@pytest.mark.parametrize(("new_coat", "carried"), COATS.values(), ids=COATS)
def test_what_a_table_calls_left_out_or_folded_says_nothing_itself(new_coat: object, carried: dict) -> None:
    coat = new_coat()
    talking = {
        event.__struct_config__.tag
        for event in [*sample_run()[:-1], *words("x", "# A", "report"), sample_run()[-1]]
        if coat.write([Entry(event)])
    }

    assert {kind for kind in talking if carried[kind].how != "carried"} == set()


@pytest.mark.parametrize("new_coat", [new for new, _ in COATS.values()], ids=COATS)
@given(events=deltas_of_run(), cut=st.integers(0, 40))
def test_any_run_ends_with_one_final_message_and_done(new_coat: object, events: list[ev.RunEvent], cut: int) -> None:
    coat = new_coat()
    entries = [Entry(event) for event in numbered(events)]

    *pieces, final, done = read(coat.write(entries[:cut]) + coat.write(entries[cut:]) + coat.last_words(None))

    assert done == DONE
    assert final["isFinal"] is True
    assert all(piece["isFinal"] is False for piece in pieces)
