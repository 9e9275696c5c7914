"""JDGenie's page dialect: each row of its table, and what the page makes of whole runs."""

import json
from typing import Any

import pytest
from hypothesis import given

from genie_nb import events as ev
from genie_nb.backend.log.entry import Entry
from genie_nb.backend.wire import genie_agent
from genie_nb.backend.wire.genie_agent import PLAN_SOLVE, REACT, Responses
from genie_nb.backend.wire.genie_calls import FileUrls
from genie_nb.backend.wire.genie_web import CARRIED, WebCoat, WebPackets
from genie_nb.parts import DocumentPart, FileRef, Plan, PlanStep
from tests.event_strategies import deltas_of_run
from tests.widgets.sample_runs import ANSWER, CODE, call, numbered, sample_run, started, words

DOCUMENTS = ("html", "markdown", "ppt", "data_analysis")


def urls(run_id: str, file: FileRef) -> FileUrls:
    return FileUrls(f"/preview/{run_id}/{file.name}", f"/download/{run_id}/{file.name}")


def read(sent: bytes) -> list[dict]:
    events = sent.split(b"\n\n")
    assert events.pop() == b""
    assert all(event.startswith(b"data:{") and not {10, 13} & set(event) for event in events)
    return [json.loads(event.removeprefix(b"data:")) for event in events]


def packets_of(events: list[ev.RunEvent], agent_type: int = REACT) -> list[dict]:
    coat = WebCoat("genies:r", agent_type, urls)
    return read(coat.write([Entry(event) for event in numbered(events)]))


def shown(packet: dict) -> dict:
    return packet["resultMap"]["eventData"]


class Page:
    """What JDGenie's page makes of packets: a port of the merge rules of its `utils/chat.ts`."""

    def __init__(self, *, deep_think: bool) -> None:
        self.deep_think = deep_think
        self.plan: dict | None = None
        self.thought = ""
        self.groups: list[list[dict]] = []
        self.locked = True

    def read(self, packets: list[dict]) -> "Page":
        for packet in packets:
            if packet["packageType"] != "heartbeat" and (event := (packet["resultMap"] or {}).get("eventData")):
                self._merge(event)
                self.locked = self.locked and not packet["finished"]
        return self

    def _merge(self, event: dict) -> None:
        message = event["resultMap"]
        match event["messageType"]:
            case "plan_thought":
                text = message["planThought"]
                self.thought = text if message["isFinal"] else self.thought + text
            case "plan":
                assert "taskId" not in event
                self.plan = message
            case "task":
                self._merge_task(event, message)

    def _merge_task(self, event: dict, message: dict) -> None:
        assert isinstance(message["messageTime"], str)
        assert event["messageId"] == message["messageId"]
        kind = message["messageType"]
        if kind == "plan":
            self.plan = message["plan"]
            assert len(self.plan["steps"]) == len(self.plan["stepStatus"])
        if kind == "task_summary":
            list(message["resultMap"]["fileList"])
        if kind == "file":
            assert all(item["fileName"] for item in message["resultMap"]["fileInfo"])
        group = next((group for group in self.groups if group[0]["taskId"] == event["taskId"]), None)
        if group is None:
            assert not self.groups or self.deep_think, "a second group of a react run ends the page"
            self.groups.append(group := [])
        old = next((item for item in group if item["messageId"] == event["messageId"]), None)
        new = json.loads(json.dumps(message)) | {"taskId": event["taskId"]}
        if old is None or kind not in ("tool_thought", "deep_search", *DOCUMENTS):
            group.append(new)
            if kind in DOCUMENTS:
                new["resultMap"]["codeOutput"] = new["resultMap"].get("data", "")
        elif kind == "tool_thought":
            text = message["toolThought"]
            old["toolThought"] = text if message["isFinal"] else old["toolThought"] + text
        else:
            self._merge_inner(kind, old["resultMap"], new["resultMap"])

    def _merge_inner(self, kind: str, old: dict, new: dict) -> None:
        if kind == "deep_search":
            old |= {"isFinal": new["isFinal"], "messageType": new["messageType"]}
            old["searchResult"] |= {name: found for name, found in new["searchResult"].items() if found}
            old["answer"] = old.get("answer", "") + new.get("answer", "")
        elif new["isFinal"]:
            old |= new | {"codeOutput": new["data"]}
        else:
            old["codeOutput"] += new["data"]

    @property
    def visible(self) -> list[list[dict]]:
        if self.deep_think:
            return [group for group in self.groups if group[0]["messageType"] == "task"]
        return self.groups[:1]

    def of(self, kind: str) -> list[dict]:
        return [item for group in self.visible for item in group if item["messageType"] == kind]

    @property
    def conclusion(self) -> str:
        [result] = [item for group in self.groups for item in group if item["messageType"] == "result"]
        return result["resultMap"].get("taskSummary") or result["result"]

    def answers(self) -> list[str]:
        return [m["resultMap"]["answer"] for m in self.of("deep_search") if m["resultMap"]["messageType"] == "report"]


PLAN = ev.PlanUpdated(plan=Plan(title="Trip", steps=(PlanStep(id="s1", stage="Search", title="find"),)))
BARE = {"title": "Trip", "stages": ["Search"], "steps": ["find"], "stepStatus": ["not_started"], "notes": [""]}


def task(task_id: str = "t1") -> ev.TaskStarted:
    return ev.TaskStarted(task_id=task_id, title="Go", assignee="a")


ROWS: dict[str, tuple[list[ev.RunEvent], int, list[dict[str, Any]]]] = {
    "plan-thought": (
        [*words("m", "I go", "plan_thought")],
        PLAN_SOLVE,
        [
            {"messageType": "plan_thought", "messageId": "m", "messageOrder": 1, "taskId": None, "taskOrder": None},
            {"messageType": "plan_thought", "messageId": "m", "messageOrder": 2, "taskId": None, "taskOrder": None},
        ],
    ),
    "plan-first": ([PLAN], PLAN_SOLVE, [{"messageType": "plan", "messageOrder": 1, "taskId": None, "resultMap": BARE}]),
    "plan-later": (
        [PLAN, task(), PLAN],
        PLAN_SOLVE,
        [
            {"messageType": "plan"},
            {"taskOrder": 1},
            {"messageType": "task", "taskId": "t1", "taskOrder": 2, "messageOrder": 1},
        ],
    ),
    "task": (
        [task("t1"), task("t2")],
        PLAN_SOLVE,
        [
            {"messageType": "task", "taskId": "t1", "taskOrder": 1, "messageOrder": 1},
            {"messageType": "task", "taskId": "t2", "taskOrder": 1, "messageOrder": 1},
        ],
    ),
    "anything-else-in-its-own-task": (
        [task("t1"), task("t2"), *call("c", "weather", "{}", [], "t1"), *words("m", "Look", "tool_thought", "t1")],
        PLAN_SOLVE,
        [
            {"taskId": "t1", "taskOrder": 1},
            {"taskId": "t2", "taskOrder": 1},
            {"messageType": "task", "taskId": "t1", "taskOrder": 2, "messageOrder": 1},
            {"messageType": "task", "taskId": "t1", "taskOrder": 3, "messageOrder": 1},
            {"messageType": "task", "taskId": "t1", "taskOrder": 4, "messageOrder": 2},
        ],
    ),
    "react-run-is-one-group-without-tasks": (
        [task("t1"), *call("c", "weather", "{}", [], "t1"), ev.RunFinished(output="Done")],
        REACT,
        [
            {"messageType": "task", "taskId": "genies:r:run", "taskOrder": 1},
            {"messageType": "task", "taskId": "genies:r:run", "taskOrder": 2},
        ],
    ),
    "plan-run-heads-what-comes-before-any-task": (
        [*call("c", "weather", "{}", [])],
        PLAN_SOLVE,
        [{"taskId": "genies:r:run", "taskOrder": 1}, {"taskId": "genies:r:run", "taskOrder": 2}],
    ),
}


@pytest.mark.parametrize("row", ROWS.values(), ids=[f"jdgenie-web-{name}" for name in ROWS])
def test_event_data_is_as_the_table_says(row: tuple[list, int, list[dict]]) -> None:
    events, agent_type, expected = row

    said = [shown(packet) for packet in packets_of(events, agent_type)]

    assert len(said) == len(expected)
    for event, fields in zip(said, expected, strict=True):
        assert {name: event.get(name) for name in fields} == fields


def test_a_packet_has_every_field() -> None:
    [packet] = packets_of([started(), ev.RunFinished(output="Done")])

    event = packet.pop("resultMap")
    assert packet == {
        "status": "success", "response": "Done", "responseAll": "Done", "finished": True, "useTimes": 0, "useTokens": 0,
        "responseType": "text", "traceId": None, "reqId": "genies:r", "encrypted": False, "query": None, "messages": None,
        "packageType": "result", "errorMsg": None,
    }  # fmt: skip
    assert (event["agentType"], event["multiAgent"]) == ("5", {})
    assert event["eventData"]["resultMap"]["resultMap"] == {"agentType": 5, "taskSummary": "Done", "fileList": []}
    assert None not in event["eventData"]["resultMap"].values()


def test_a_heartbeat_is_a_packet_that_the_page_skips() -> None:
    coat = WebCoat("genies:r", REACT, urls)

    [packet] = read(coat.heartbeat)

    assert (packet["packageType"], packet["status"], packet["finished"]) == ("heartbeat", "success", False)
    assert packet["resultMap"] is None
    assert (coat.due, coat.flush()) == (None, b"")


def test_the_page_shows_a_whole_plan_run() -> None:
    page = Page(deep_think=True).read(packets_of(sample_run(), PLAN_SOLVE))

    assert not page.locked
    assert page.plan is not None
    assert page.plan["stepStatus"] == ["completed"] * 4
    assert [group[0]["taskId"] for group in page.visible] == ["t1", "t2"]
    assert page.of("code")[0]["resultMap"]["code"] == CODE
    assert page.of("tool_thought")[-1]["toolThought"] == "A typing error. Once more, with a chart."
    assert page.answers() == ["Two pages read."]
    assert {m["resultMap"]["fileInfo"][0]["fileName"] for m in page.of("file")} == {"growth.png", "report.md", "sales.csv"}
    assert page.of("task_summary")[1]["taskSummary"] == "North grew most."
    assert page.conclusion == ANSWER
    assert {file["fileName"] for file in page.of("result")[0]["resultMap"]["fileList"]} == {"growth.png", "report.md"}


def test_the_page_shows_a_whole_react_run() -> None:
    report = [DocumentPart(text="<h1>"), DocumentPart(text="A</h1>")]
    events = [
        started(),
        *words("m1", "Let me look.", "tool_thought"),
        *call("c1", "weather", '{"city": "Oslo"}', [], output="cold"),
        *call("c2", "deep_search", '{"query": "q"}', [DocumentPart(text="One "), DocumentPart(text="two.")]),
        *call("c3", "report", '{"fileType": "html"}', report),
        *words("m2", "It is cold.", "answer"),
        ev.RunFinished(output="It is cold."),
    ]

    page = Page(deep_think=False).read(packets_of(events))

    assert not page.locked
    assert [m["toolThought"] for m in page.of("tool_thought")] == ["Let me look."]
    assert [m["toolResult"]["toolResult"] for m in page.of("tool_result")] == ["cold"]
    assert page.answers() == ["One two."]
    assert [m["resultMap"]["codeOutput"] for m in page.of("html")] == ["<h1>A</h1>"]
    assert page.conclusion == "It is cold."


@pytest.mark.parametrize("agent_type", [REACT, PLAN_SOLVE])
@pytest.mark.parametrize(
    "last",
    [ev.RunFailed(code="model", message="It broke."), ev.RunCancelled(reason="It broke.")],
    ids=["jdgenie-web-failed", "jdgenie-web-cancelled"],
)
def test_a_run_that_ends_badly_unlocks_the_page_and_says_why(last: ev.RunEvent, agent_type: int) -> None:
    page = Page(deep_think=agent_type == PLAN_SOLVE).read(packets_of([started(), last], agent_type))

    assert not page.locked
    assert page.conclusion == "It broke."


def test_a_server_that_closes_early_unlocks_the_page_once() -> None:
    coat = WebCoat("genies:r", REACT, urls)
    sent = coat.write([Entry(event) for event in numbered([started(), *words("m", "Hm", "tool_thought")])])

    page = Page(deep_think=False).read(read(sent) + read(coat.last_words("server_shutdown")))

    assert not page.locked
    assert "server_shutdown" in page.conclusion
    assert coat.last_words(None) == b""


def test_parallel_tasks_keep_to_their_groups() -> None:
    one, two = list(words("m1", "First task", "tool_thought", "t1")), list(words("m2", "Other task", "tool_thought", "t2"))
    mixed = [event for pair in zip(one, two, strict=True) for event in pair]

    page = Page(deep_think=True).read(packets_of([started(), task("t1"), task("t2"), *mixed], PLAN_SOLVE))

    assert [[m.get("toolThought") for m in group] for group in page.visible] == [[None, "First task"], [None, "Other task"]]


def test_two_hops_give_the_page_the_same_packets_as_one() -> None:
    responses, packets = Responses("genies:r", PLAN_SOLVE, urls), WebPackets("genies:r", PLAN_SOLVE)
    parsed = [json.loads(json.dumps(response)) for event in sample_run() for response in responses.take(event)]

    assert [packet for response in parsed for packet in packets.take(response)] == packets_of_sample()


def packets_of_sample() -> list[dict]:
    coat = WebCoat("genies:r", PLAN_SOLVE, urls)
    return read(coat.write([Entry(event) for event in sample_run()]))


class TestRemoteResponses:
    """What the page would choke on is mended."""

    def test_a_final_answer_is_not_shown_twice(self) -> None:
        packets = WebPackets("r", REACT)
        page = Page(deep_think=False)
        for answer, final in (("One ", False), ("two", False), ("One two.", True)):
            found = {"query": [], "docs": []}
            told = {"messageType": "report", "answer": answer, "isFinal": final, "searchResult": found}
            page.read(packets.take({"messageType": "deep_search", "messageId": "m", "resultMap": told}))

        assert page.answers() == ["One two."]

    def test_a_time_that_is_a_number_becomes_a_string(self) -> None:
        [packet] = WebPackets("r", REACT).take({"messageType": "tool_thought", "messageTime": 17, "messageId": "m"})

        assert shown(packet)["resultMap"]["messageTime"] == "17"

    def test_what_lacks_lists_and_ids_gets_them(self) -> None:
        packets = WebPackets("r", REACT)
        responses = [{"messageType": "plan"}, {"messageType": "task_summary", "resultMap": None}, {"messageType": "result"}]
        said = [shown(packet) for response in responses for packet in packets.take(response)]

        assert said[0]["resultMap"] == {"title": "", "stages": [], "steps": [], "stepStatus": [], "notes": []}
        assert said[1]["resultMap"]["resultMap"] == {"fileList": []}
        assert said[2]["resultMap"]["resultMap"] == {}
        assert len({event["messageId"] for event in said}) == 3

    def test_a_task_without_an_id_begins_a_group(self) -> None:
        packets = WebPackets("r", PLAN_SOLVE)
        kinds = ("task", "tool_thought", "task", "tool_thought")
        said = [shown(packet)["taskId"] for kind in kinds for packet in packets.take({"messageType": kind})]

        assert said[0] == said[1] != said[2] == said[3]

    def test_a_file_without_a_name_gets_one(self) -> None:
        file = {"messageType": "file", "resultMap": {"fileInfo": [{"fileName": None, "domainUrl": "u"}]}}
        [packet] = WebPackets("r", REACT).take(file)

        assert shown(packet)["resultMap"]["resultMap"]["fileInfo"] == [{"fileName": "?", "domainUrl": "u"}]

    def test_a_plan_update_before_any_task_hides_nothing(self) -> None:
        packets = WebPackets("r", PLAN_SOLVE)
        plans = [{"messageType": "plan", "messageTime": "1", "plan": BARE | {"notes": None}}] * 2
        thought = {"messageType": "tool_thought", "toolThought": "Look", "messageTime": "1"}
        page = Page(deep_think=True)
        for response in [*plans, thought]:
            page.read(packets.take(response))

        assert page.plan == BARE | {"notes": []}
        assert [m["toolThought"] for m in page.of("tool_thought")] == ["Look"]

    def test_an_empty_chip_is_not_sent(self) -> None:
        assert WebPackets("r", REACT).take({"messageType": "agent_stream", "result": "text"}) == []

    def test_a_failure_comes_once_and_last(self) -> None:
        packets = WebPackets("r", REACT)

        assert [packet["finished"] for packet in packets.failure("It broke.")] == [True]
        assert packets.finished
        assert packets.failure("Again.") == []
        assert packets.take({"messageType": "tool_thought"}) == []


def test_the_table_differs_from_the_agents_only_in_tasks() -> None:
    assert {kind for kind in CARRIED if CARRIED[kind] != genie_agent.CARRIED[kind]} == {"task_started"}


@pytest.mark.parametrize("agent_type", [REACT, PLAN_SOLVE])
@given(events=deltas_of_run())
def test_any_run_ends_with_exactly_one_finished_packet(events: list[ev.RunEvent], agent_type: int) -> None:
    sent = packets_of(events, agent_type)

    page = Page(deep_think=agent_type == PLAN_SOLVE).read(sent)
    assert [packet["finished"] for packet in sent] == [False] * (len(sent) - 1) + [True]
    assert not page.locked
    assert page.conclusion == "done"
