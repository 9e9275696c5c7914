"""The ask box: it starts nothing itself, takes files in pieces, shows a view a question, and leaves records behind."""

import asyncio
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import comm
import comm.base_comm
import pytest

from genie_nb import events as ev
from genie_nb.backend.inbox import FileSummary, Inbox
from genie_nb.errors import RequestError
from genie_nb.transcript import Transcript
from genie_nb.widgets import composer
from genie_nb.widgets.ask_box import AskBox
from genie_nb.widgets.ask_labels import ASK_LABELS
from genie_nb.widgets.composer import Composer, Offer
from genie_nb.widgets.run_view import RunView
from tests.fakes import BOUND_S
from tests.widgets.sample_runs import folded, numbered, started

WAIT_S = BOUND_S
CSV = "地区,销售额\n华北,120\n".encode()


class PageComm(comm.base_comm.BaseComm):
    """A page at the other end: keeps what it is told; sends a file piece by piece as a page does."""

    def __init__(self, **arguments: Any) -> None:
        self.sent: list[dict[str, Any]] = []
        self.state: dict[str, Any] = {}
        self.arrived = threading.Condition()
        super().__init__(**arguments)

    def publish_msg(self, msg_type: str, data: Any = None, **_: Any) -> None:
        with self.arrived:
            if msg_type == "comm_open" or (msg_type == "comm_msg" and data.get("method") == "update"):
                self.state |= data["state"].get("state") or {}
            elif msg_type == "comm_msg" and data.get("method") == "custom":
                self.sent.append(data["content"])
            self.arrived.notify_all()

    def say(self, content: object, *buffers: bytes) -> None:
        message = {"content": {"data": {"method": "custom", "content": content}}, "buffers": list(buffers)}
        self._msg_callback(message)  # type: ignore[misc]

    def bring(self, name: str, content: bytes, key: str = "1", piece: int = 5) -> None:
        self.say({"type": "file", "id": key, "name": name, "size": len(content)})
        while (at := next((told["at"] for told in reversed(self.sent) if told.get("id") == key), None)) is not None:
            if at >= len(content):
                break
            self.say({"type": "piece", "id": key, "at": at}, content[at : at + piece])
        self.wait_for(lambda: all(file["whole"] for file in self.state["files"]))

    def wait_for(self, ready: Callable[[], bool]) -> None:
        with self.arrived:
            assert self.arrived.wait_for(ready, timeout=WAIT_S)


class FakeRun:
    """A run that ends when it is told to."""

    def __init__(self, query: str) -> None:
        self.query, self.cancelled = query, 0
        self.log = numbered([started(query), ev.RunFinished(output=f"{query} 42.")])
        self.transcript: Transcript = folded(self.log[:1])
        self._calls: list[Callable[[], object]] = []

    async def events(self) -> AsyncIterator[ev.RunEvent]:
        for event in self.log:
            yield event

    def silent_s(self) -> float:
        return 0.0

    def cancel(self, reason: str = "") -> None:
        self.cancelled += 1
        self.end()

    async def decide(self, call_id: str, verdict: str, *, reason: str = "", arguments: str = "") -> None:
        raise RequestError("No call waits.")

    def read_file(self, name: str, most_bytes: int | None = None) -> bytes:
        raise RequestError("The run has no file.")

    def copy_file(self, name: str, target: Path, most_bytes: int) -> None:
        raise RequestError("The run has no file.")

    def on_end(self, call: Callable[[], object]) -> None:
        self._calls.append(call)

    def end(self) -> None:
        self.transcript = folded(self.log)
        calls, self._calls = self._calls, []
        for call in calls:
            call()


class Room:
    """A box with a page, and what it was asked to start."""

    def __init__(self, folder: Path, offer: Offer | None = None) -> None:
        self.loop = asyncio.new_event_loop()
        self.thread = threading.Thread(target=self.loop.run_forever)
        self.thread.start()
        self.asked: list[tuple[str, str, str | None, list[Path]]] = []
        self.refusal: RequestError | None = None
        self.closed = 0
        self.inbox = Inbox.within(folder)
        self.box = AskBox(
            self.start,
            box=self.inbox,
            loop=self.loop,
            summary_of=lambda path: FileSummary(f"about {path.name}", {"en": [f"What is in {path.name}?"]}),
            offer=offer,
            on_close=self.count_close,
        )
        self.page: PageComm = self.box._composer.comm

    def start(self, query: str, *, agent: str, mode: str | None, files: list[Path]) -> FakeRun:
        if self.refusal:
            raise self.refusal
        self.asked.append((query, agent, mode, files))
        return FakeRun(query)

    def count_close(self) -> None:
        self.closed += 1

    def ask(self, query: str = "How many?", agent: str = "react", mode: str = "", page: str = "p") -> None:
        self.page.say({"type": "ask", "query": query, "agent": agent, "mode": mode, "page": page})

    @property
    def views(self) -> tuple[Any, ...]:
        return tuple(self.box._conversation.children)

    def close(self) -> None:
        self.box.close()
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join(WAIT_S)
        self.loop.run_until_complete(self.loop.shutdown_default_executor())
        self.loop.close()


@pytest.fixture
def open_comms() -> Iterator[None]:
    """`comm.create_comm` is the documented place where a front end puts its own comm."""
    before = comm.create_comm
    comm.create_comm = PageComm
    yield
    comm.create_comm = before


@pytest.fixture
def room(open_comms: None, tmp_path: Path) -> Iterator[Room]:
    room = Room(tmp_path)
    yield room
    room.close()


def test_a_question_is_started_by_whoever_was_given_and_seen_above_the_box(room: Room) -> None:
    room.ask("How many rows?")

    assert room.asked == [("How many rows?", "react", None, [])]
    assert [isinstance(view, RunView) for view in room.views] == [True]
    assert room.page.sent[-1] == {"type": "asked", "page": "p"}
    assert room.page.state["running"]
    room.page.wait_for(lambda: room.box.runs[0].transcript.query == "How many rows?")


def test_answers_follow_one_another_in_the_order_of_their_questions(room: Room) -> None:
    for query in ("one", "two", "three"):
        room.ask(query)
        room.box.runs[-1].end()  # type: ignore[attr-defined]

    assert [run.query for run in room.box.runs] == ["one", "two", "three"]
    assert len(room.views) == 3
    assert not room.page.state["running"]


def test_while_a_run_goes_on_no_other_question_is_taken_from_a_page(room: Room) -> None:
    room.ask("one")
    room.ask("two")

    assert len(room.asked) == 1


def test_the_language_of_the_box_is_that_of_the_first_question(room: Room) -> None:
    assert room.page.state["lang"] == ""
    room.ask("各地区的销售额合计是多少？")
    assert room.page.state["lang"] == "zh"


def test_stop_stops_what_is_worked_on_and_the_box_is_free_again(room: Room) -> None:
    room.ask()
    room.page.say({"type": "stop"})

    assert room.box.runs[0].cancelled == 1  # type: ignore[attr-defined]
    assert not room.page.state["running"]


def test_why_a_question_was_not_taken_is_told_to_its_page(room: Room) -> None:
    room.refusal = RequestError("There is no such agent.")
    room.ask(page="mine")

    assert room.page.sent[-1] == {"type": "refused", "page": "mine", "why": "There is no such agent."}
    assert room.views == ()
    assert not room.page.state["running"]


def test_a_file_comes_in_pieces_and_goes_with_the_question(room: Room) -> None:
    room.page.bring("../销售.csv", CSV)

    (told,) = room.page.state["files"]
    questions = told.pop("questions")
    assert questions["zh"][1] == "各地区的销售额总和是多少？"
    assert told == {
        "id": "1",
        "name": "销售.csv",
        "size": len(CSV),
        "about": "CSV, 1 row × 2 columns, UTF-8",
        "why": "",
        "whole": True,
    }
    room.ask()
    (path,) = room.asked[0][3]
    assert path.read_bytes() == CSV
    assert path.is_relative_to(room.inbox.folder)
    assert room.page.state["files"] == []


REFUSED = {
    "empty": ("a.csv", b"", r"a.csv is empty"),
    "no name": ("..", b"x", "is no name for a file"),
    "a PDF that is none": ("a.pdf", b"words", "a.pdf is not a PDF document"),
    "a picture called .csv": ("a.csv", b"\x89PNG\r\n\x1a\n", "its content is a PNG image"),
}


@pytest.mark.parametrize(("name", "content", "told"), REFUSED.values(), ids=REFUSED.keys())
def test_a_file_that_cannot_be_used_says_why_and_goes_with_no_question(
    room: Room, name: str, content: bytes, told: str
) -> None:
    room.page.bring(name, content)

    (file,) = room.page.state["files"]
    assert told in file["why"]
    assert not [path for path in room.inbox.folder.rglob("*") if path.is_file()]
    room.ask()
    assert room.asked[0][3] == []


def test_a_file_that_is_still_coming_holds_up_the_question(room: Room) -> None:
    room.page.say({"type": "file", "id": "1", "name": "a.csv", "size": 9})
    room.page.say({"type": "piece", "id": "1", "at": 0}, b"a,b\n")
    room.ask()
    assert room.asked == []

    room.page.say({"type": "remove", "id": "1"})
    room.ask()
    assert len(room.asked) == 1
    assert not list(room.inbox.folder.rglob("*.csv"))


def test_no_more_files_are_taken_than_go_with_one_question(room: Room, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(composer, "MOST_FILES", 1)
    room.page.bring("a.csv", CSV, "1")
    room.page.say({"type": "file", "id": "2", "name": "b.csv", "size": 9})

    assert [file["name"] for file in room.page.state["files"]] == ["a.csv"]


STRANGE: dict[str, tuple[object, ...]] = {
    "no object": (None,),
    "words": ("ask",),
    "an unknown type": ({"type": "run"},),
    "no query": ({"type": "ask", "agent": "react", "mode": "", "page": "p"},),
    "a blank query": ({"type": "ask", "query": " \n", "agent": "react", "mode": "", "page": "p"},),
    "an agent that is not offered": ({"type": "ask", "query": "?", "agent": "other", "mode": "", "page": "p"},),
    "a mode that is not offered": ({"type": "ask", "query": "?", "agent": "react", "mode": "time", "page": "p"},),
    "a size that is none": ({"type": "file", "id": "1", "name": "a.csv", "size": "9"},),
    "a piece of nothing": ({"type": "piece", "id": "9", "at": 0}, b"x"),
    "a piece without bytes": ({"type": "piece", "id": "9", "at": 0},),
    "a removal of nothing": ({"type": "remove", "id": "9"},),
}


@pytest.mark.parametrize("said", STRANGE.values(), ids=STRANGE.keys())
def test_a_strange_message_is_passed_over(room: Room, said: tuple[Any, ...]) -> None:
    room.page.say(*said)

    assert (room.asked, room.page.state["files"]) == ([], [])


def test_a_piece_that_is_said_twice_or_is_too_long_does_no_harm(room: Room) -> None:
    room.page.say({"type": "file", "id": "1", "name": "a.csv", "size": 8})
    room.page.say({"type": "piece", "id": "1", "at": 0}, b"a,b\n")
    room.page.say({"type": "piece", "id": "1", "at": 0}, b"a,b\n")
    room.page.say({"type": "file", "id": "1", "name": "other.csv", "size": 8})
    room.page.say({"type": "piece", "id": "1", "at": 4}, b"1,2\n")
    room.page.wait_for(lambda: room.page.state["files"][0]["whole"])
    assert room.page.state["files"][0]["about"] == "CSV, 1 row × 2 columns, UTF-8"

    room.page.say({"type": "file", "id": "2", "name": "b.csv", "size": 2})
    room.page.say({"type": "piece", "id": "2", "at": 0}, b"too long")
    assert "more bytes" in room.page.state["files"][1]["why"]


def test_a_mode_is_offered_where_there_are_modes_and_given_with_the_question(open_comms: None, tmp_path: Path) -> None:
    room = Room(tmp_path, Offer(("react",), "react", ("general", "time")))
    try:
        assert room.page.state["modes"] == ["general", "time"]
        room.ask(mode="time")
        assert room.asked[0][2] == "time"
    finally:
        room.close()


def test_a_file_that_lies_here_is_given_by_its_path_and_not_copied(room: Room, tmp_path: Path) -> None:
    (tmp_path / "huge.csv").write_bytes(CSV)
    room.box.add(tmp_path / "huge.csv")

    assert room.page.state["files"][0]["about"] == "about huge.csv"
    assert room.page.state["files"][0]["questions"] == {"en": ["What is in huge.csv?"]}

    room.ask()
    assert room.asked[0][3] == [tmp_path / "huge.csv"]


def test_python_can_ask_too(room: Room) -> None:
    run = room.box.ask("How many?", files=["a.csv"])

    assert room.asked == [("How many?", "plan_solve", None, [Path("a.csv")])]
    assert room.box.runs == [run]
    assert repr(room.box) == "<AskBox: 1 question>"


def test_a_closed_box_has_stopped_its_run_removed_its_files_and_asks_no_more(room: Room) -> None:
    room.page.bring("a.csv", CSV)
    room.ask()
    (run,) = room.box.runs
    room.box.close()
    room.box.close()

    assert run.cancelled == 1  # type: ignore[attr-defined]
    assert room.closed == 1
    assert not room.inbox.folder.exists()
    with pytest.raises(RequestError, match="This box is closed"):
        room.box.ask("?")


def test_what_stays_in_its_place_are_the_records_of_its_runs(room: Room) -> None:
    assert room.box._records()["text/plain"] == "<AskBox: 0 questions>"
    for query in ("one?", "two?"):
        room.ask(query)
        room.box.runs[-1].end()  # type: ignore[attr-defined]
    records = room.box._records()

    assert records["text/plain"] == "Question: one?\n\nAnswer:\none? 42.\n\nQuestion: two?\n\nAnswer:\ntwo? 42."
    assert records["text/html"].count('"gnb gnb-record ') == 2
    assert "**Question:** two?" in records["text/markdown"]


def test_both_languages_have_every_word() -> None:
    assert ASK_LABELS["en"].keys() == ASK_LABELS["zh"].keys()


def test_the_script_and_the_style_are_small() -> None:
    assert len((Composer._esm + Composer._css[len(RunView._css) :]).encode()) < 20_000


def test_earlier_questions_can_be_called_back(room: Room) -> None:
    for number in range(60):
        if number % 2:
            room.ask(f"question {number}")
        else:
            room.box.ask(f"question {number}")
        room.box.stop()
        room.page.wait_for(lambda: not room.page.state["running"])
    assert room.page.state["asked"] == [f"question {number}" for number in range(10, 60)]


class Screen:
    """What a notebook would show under each display id."""

    def __init__(self) -> None:
        self.outputs: dict[str, dict[str, str]] = {}
        self.display_pub = self
        self.changed = threading.Condition()

    def publish(self, *, data: dict[str, str], metadata: object, transient: dict[str, str], update: bool = False) -> None:
        with self.changed:
            assert update == (transient["display_id"] in self.outputs)
            self.outputs[transient["display_id"]] = data
            self.changed.notify_all()


def test_a_saved_notebook_shows_the_conversation_below_a_box_that_lives_no_more(
    room: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    screen = Screen()
    monkeypatch.setattr("genie_nb.widgets.ask_box.get_ipython", lambda: screen)
    room.box._ipython_display_()
    widget, saved = screen.outputs
    assert "application/vnd.jupyter.widget-view+json" in screen.outputs[widget]
    assert "Run this cell to ask again. 运行此单元格即可重新提问。" in screen.outputs[saved]["text/html"]

    room.ask("one?")
    room.box.runs[-1].end()  # type: ignore[attr-defined]
    with screen.changed:
        assert screen.changed.wait_for(lambda: "42." in screen.outputs[saved]["text/html"], timeout=WAIT_S)
    assert '"gnb gnb-record ' in screen.outputs[saved]["text/html"]
    assert "application/vnd.jupyter.widget-view+json" in screen.outputs[widget]

    room.box.close()
    assert screen.outputs[saved] == {}
    assert '"gnb gnb-record ' in screen.outputs[widget]["text/html"]
