import asyncio
import json
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import comm
import msgspec
import pytest

from genie_nb import events as ev
from genie_nb.backend.channel import EventChannel
from genie_nb.widgets.run_view import GONE, GONE_S, HELD_S, IN_FLIGHT, RunView
from tests.fakes import BOUND_S
from tests.widgets.page_model import PageModel
from tests.widgets.sample_runs import FILES, numbered, sample_run, started, words

WAIT_S = BOUND_S


class FakeComm(comm.base_comm.BaseComm):
    """A page at the other end: keeps what it is sent, and may answer at once or lose frames."""

    def __init__(self, **arguments: Any) -> None:
        self.sent: list[dict[str, Any]] = []
        self.bytes = 0
        self.arrived = threading.Condition()
        self.answers = True
        self.lost: Callable[[int], bool] = lambda _: False
        self.page, self.n = PageModel(), 0
        super().__init__(**arguments)

    def publish_msg(self, msg_type: str, data: Any = None, buffers: Any = None, **_: Any) -> None:
        if msg_type != "comm_msg" or data.get("method") != "custom":
            return
        content = data["content"] | ({"buffers": buffers} if buffers else {})
        self.bytes += len(json.dumps(data))
        with self.arrived:
            self.sent.append(content)
            self._behave(content)
            self.arrived.notify_all()

    def _behave(self, content: dict[str, Any]) -> None:
        if not self.answers or (content["type"] == "frame" and self.lost(content["n"])):
            return
        if content["type"] == "snapshot":
            self.page, self.n = PageModel(), content["n"]
            self.page.apply(content["p"])
        elif content["type"] == "frame" and content["n"] == self.n + 1:
            self.n += 1
            self.page.apply(content.get("p", []))
        elif content["type"] in ("frame", "at") and content["n"] > self.n:
            self.say({"type": "gap", "n": self.n})
            return
        if content["type"] in ("frame", "snapshot", "at"):
            self.say({"type": "ack", "n": self.n})

    def say(self, content: object) -> None:
        self._msg_callback({"content": {"data": {"method": "custom", "content": content}}, "buffers": []})  # type: ignore[misc]

    def wait_for(self, ready: Callable[[], bool]) -> None:
        with self.arrived:
            assert self.arrived.wait_for(ready, timeout=WAIT_S)

    def of_type(self, kind: str) -> list[dict[str, Any]]:
        return [content for content in self.sent if content["type"] == kind]


@pytest.fixture
def open_comms() -> Iterator[None]:
    """`comm.create_comm` is the documented place where a front end puts its own comm."""
    before = comm.create_comm
    comm.create_comm = FakeComm
    yield
    comm.create_comm = before


@pytest.fixture
def stage(open_comms: None) -> Iterator["Stage"]:
    stage = Stage()
    yield stage
    stage.close()


class Stage:
    """A view and the loop that it follows on."""

    def __init__(self) -> None:
        self.loop = asyncio.new_event_loop()
        self.thread = threading.Thread(target=self.loop.run_forever)
        self.thread.start()
        self.cancelled = threading.Event()
        self.decided: list[tuple[str, str, str, str]] = []
        self.view = RunView(on_cancel=self.cancelled.set, decide=self.decide, read_file=self.read, loop=self.loop)
        self.comm: FakeComm = self.view.comm

    async def decide(self, call_id: str, verdict: str, *, reason: str = "", arguments: str = "") -> None:
        self.decided.append((call_id, verdict, reason, arguments))

    def read(self, name: str, most_bytes: int) -> bytes:
        assert threading.current_thread() is not self.thread
        if name not in FILES:
            raise FileNotFoundError(name)
        return FILES[name][:most_bytes]

    def follow(self, events: AsyncIterator[ev.RunEvent]) -> None:
        asyncio.run_coroutine_threadsafe(self.view.follow(events), self.loop).result(WAIT_S)

    def close(self) -> None:
        self.view.close()
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join(WAIT_S)
        self.loop.run_until_complete(self.loop.shutdown_default_executor())
        self.loop.close()


async def each(events: list[ev.RunEvent]) -> AsyncIterator[ev.RunEvent]:
    for event in events:
        yield event
        await asyncio.sleep(0)


def test_a_page_that_keeps_up_ends_with_the_whole_run(stage: Stage) -> None:
    stage.follow(each(sample_run()))
    stage.comm.wait_for(lambda: stage.comm.n == len(stage.comm.of_type("frame")))
    assert "The rise comes from" in stage.comm.page.text()
    assert stage.comm.page.tree() == snapshot_tree(stage.view)


def test_pictures_are_sent_before_the_frame_that_opens_them(stage: Stage) -> None:
    *begin, end = sample_run()

    async def run() -> AsyncIterator[ev.RunEvent]:
        for event in begin:
            yield event
        await asyncio.to_thread(stage.comm.wait_for, lambda: "growth.png" in stage.comm.page.text())
        yield end

    stage.follow(run())
    (preview,) = stage.comm.of_type("preview")
    assert "data:image/png;base64," in preview["html"]
    assert stage.comm.sent.index(preview) < stage.comm.sent.index(stage.comm.of_type("frame")[-1])


def snapshot_tree(view: RunView) -> tuple[Any, ...]:
    page = PageModel()
    page.apply(view.get_state("snapshot")["snapshot"]["p"])
    return page.tree()


@pytest.mark.parametrize(
    "lost", [lambda n: n % 3 == 2, lambda n: n == 1, lambda _: True], ids=["every third", "the first", "all of them"]
)
def test_lost_frames_are_repaired(stage: Stage, lost: Callable[[int], bool]) -> None:
    stage.comm.lost = lost
    stage.follow(each(numbered([started(), *words("m", "word " * 2_000, "answer"), ev.RunFinished(output="")])))
    last = stage.comm.of_type("frame")[-1]["n"]
    stage.comm.wait_for(lambda: stage.comm.n == last)
    assert stage.comm.page.tree() == snapshot_tree(stage.view)


def test_a_page_that_is_gone_gets_few_frames_and_the_last_one(stage: Stage) -> None:
    stage.comm.answers = False
    stage.follow(each(numbered([started(), *words("m", "word " * 20_000, "answer"), ev.RunFinished(output="")])))
    assert len(stage.comm.of_type("frame")) <= IN_FLIGHT + 10
    assert stage.comm.of_type("frame")[-1]["live"]["status"] == "finished"


def test_a_frame_is_held_back_longer_the_more_are_unacknowledged(stage: Stage) -> None:
    view, waits = stage.view, []
    for sent in range(IN_FLIGHT + GONE + 2):
        view._sent, view._sent_at = sent, 0.0
        waits.append(view._held_s())
    assert waits[:IN_FLIGHT] == [0.0] * IN_FLIGHT
    assert waits == sorted(waits)
    assert waits[IN_FLIGHT + 20] == HELD_S
    assert waits[-1] == GONE_S


def test_the_cost_of_a_stream_is_linear_in_its_words(open_comms: None) -> None:
    def cost(tokens: int) -> int:
        stage = Stage()
        try:
            deltas = [ev.TextDelta(message_id="m", text="four" if n % 9 else "\n\n") for n in range(tokens)]
            begin = ev.TextStarted(message_id="m", channel="answer", assignee="x")
            end = ev.TextFinished(message_id="m", channel="answer", text="".join(d.text for d in deltas))
            stage.follow(each(numbered([started(), begin, *deltas, end, ev.RunFinished(output=end.text)])))
            return stage.comm.bytes
        finally:
            stage.close()

    assert cost(20_000) / cost(2_000) <= 11


def test_the_snapshot_is_made_when_a_page_asks(stage: Stage) -> None:
    assert stage.view.get_state("snapshot")["snapshot"]["p"] == []
    stage.follow(each(sample_run()))
    assert stage.view.get_state("snapshot")["snapshot"]["n"] == stage.comm.of_type("frame")[-1]["n"]


def test_stop_reaches_the_run(stage: Stage) -> None:
    stage.comm.say({"type": "cancel"})
    assert stage.cancelled.wait(WAIT_S)


ASKED = ev.ApprovalRequested(call_id="c1", tool="code", arguments='{"code": "a = 1\\nb"}', files=("a.csv",))
DECISIONS: dict[str, tuple[dict[str, str], tuple[str, str, str, str]]] = {
    "allowed": ({"verdict": "once", "text": "a = 1\nb", "reason": ""}, ("c1", "once", "", "")),
    "always": ({"verdict": "always", "text": "a = 1\r\nb", "reason": ""}, ("c1", "always", "", "")),
    "changed": ({"verdict": "once", "text": "a = 2", "reason": ""}, ("c1", "once", "", '{"code": "a = 2"}')),
    "refused": ({"verdict": "refused", "text": "x", "reason": "no"}, ("c1", "refused", "no", "")),
}


@pytest.mark.parametrize(("said", "decided"), DECISIONS.values(), ids=DECISIONS.keys())
def test_a_decision_reaches_the_run(stage: Stage, said: dict[str, str], decided: tuple[str, ...]) -> None:
    call = ev.ToolStarted(call_id="c1", tool="code", assignee="x")
    stage.follow(each(numbered([started(), call, ASKED])))
    assert "May this run?" in stage.comm.page.text()
    assert "Waiting for you" in stage.comm.page.text()
    assert "a.csv" in stage.comm.page.text()

    stage.comm.say({"type": "decide", "call": "c1"} | said)

    asyncio.run_coroutine_threadsafe(asyncio.sleep(0), stage.loop).result(WAIT_S)
    asyncio.run_coroutine_threadsafe(asyncio.sleep(0), stage.loop).result(WAIT_S)
    assert stage.decided == [decided]


def test_changed_arguments_that_are_no_json_are_told_to_the_page(stage: Stage) -> None:
    two = msgspec.structs.replace(ASKED, arguments='{"a": 1, "b": 2}')
    stage.follow(each(numbered([started(), ev.ToolStarted(call_id="c1", tool="code", assignee="x"), two])))

    stage.comm.say({"type": "decide", "call": "c1", "verdict": "once", "text": "{", "reason": ""})

    stage.comm.wait_for(lambda: bool(stage.comm.of_type("undecided")))
    assert "not valid JSON" in stage.comm.of_type("undecided")[0]["why"]
    assert stage.decided == []


def test_a_question_goes_when_it_is_answered(stage: Stage) -> None:
    events = [started(), ev.ToolStarted(call_id="c1", tool="code", assignee="x"), ASKED]
    given = ev.ApprovalGiven(call_id="c1", verdict="once", arguments='{"code": "2"}')
    stage.follow(each(numbered([*events, given])))
    assert "May this run?" not in stage.comm.page.text()
    assert "allowed, changed by you" in stage.comm.page.text()


def test_a_preview_is_the_head_of_the_file(stage: Stage) -> None:
    stage.follow(each(sample_run()))
    stage.comm.say({"type": "preview", "name": "sales.csv", "key": "f2"})
    stage.comm.wait_for(lambda: bool(stage.comm.of_type("preview")))
    (preview,) = stage.comm.of_type("preview")
    assert preview["key"] == "f2"
    assert "<td>north</td>" in preview["html"]


def test_a_download_is_the_bytes_of_the_file(stage: Stage) -> None:
    stage.follow(each(sample_run()))
    stage.comm.say({"type": "download", "name": "growth.png", "key": "f0"})
    stage.comm.wait_for(lambda: bool(stage.comm.of_type("download")))
    (download,) = stage.comm.of_type("download")
    assert (download["name"], download["buffers"]) == ("growth.png", [FILES["growth.png"]])


@pytest.mark.parametrize(
    "content",
    [
        {"type": "preview", "name": "../../etc/passwd", "key": "x"},
        {"type": "download", "name": "unknown", "key": "x"},
        {"type": "download"},
        {"type": "ack", "n": "many"},
        {"type": "decide", "call": "c1", "verdict": "once", "text": "", "reason": ""},
        {"type": "decide", "call": 1},
        {"type": "nothing"},
        "words",
        None,
    ],
    ids=["outside", "unknown file", "no name", "no number", "unknown call", "no call", "unknown type", "no object", "null"],
)
def test_a_strange_message_is_passed_over(stage: Stage, content: object) -> None:
    stage.comm.say(content)
    stage.follow(each(sample_run()))
    assert not stage.comm.of_type("preview")
    assert not stage.comm.of_type("download")
    assert "The rise comes from" in stage.comm.page.text()


def test_an_event_from_nowhere_is_a_note_and_the_rest_is_shown(stage: Stage) -> None:
    stray = ev.TextDelta(message_id="never started", text="x")
    stage.follow(each(numbered([started(), stray, ev.RunFinished(output="Done.")])))
    text = stage.comm.page.text()
    assert "never started" in text
    assert "Done." in text


@pytest.mark.parametrize("skew_s", [0.0, -3600.0, 3600.0], ids=["this clock", "a clock behind", "a clock ahead"])
def test_a_view_that_begins_late_shows_the_clock_of_one_that_was_there(stage: Stage, skew_s: float) -> None:
    now = [1_000.0]
    channel = EventChannel("r", clock=lambda: now[0])
    begin = started("How much?")
    tool = ev.ToolStarted(call_id="c", tool="look", assignee="x")
    first, late = stage.view, RunView(on_cancel=lambda: None, decide=stage.decide, read_file=stage.read, loop=stage.loop)

    async def compare() -> list[dict[str, Any]]:
        following = [asyncio.create_task(first.follow(channel.read(), channel.silent_s))]
        for event, at in ((begin, 1_000.0), (tool, 1_020.0)):
            now[0] = at
            channel.append(msgspec.structs.replace(event, at=at + skew_s))
            await _until(lambda: first._painter.transcript.seq == len(channel))
        # Half a minute later: what the first view's own clock has not lived through in this test is put behind it.
        now[0] = 1_050.0
        first._pulse._came -= 30.0
        following.append(asyncio.create_task(late.follow(channel.read(), channel.silent_s)))
        await _until(lambda: late._painter.transcript.seq == len(channel))
        states = [view.tell_all()["live"] for view in (first, late)]
        channel.append(ev.RunFinished(output="42", at=1_051.0 + skew_s))
        await asyncio.gather(*following)
        return [*states, *(view.tell_all()["live"] for view in (first, late))]

    one, other, *ends = asyncio.run_coroutine_threadsafe(compare(), stage.loop).result(WAIT_S)
    late.close()
    assert one["elapsed"] == pytest.approx(50.0, abs=14.0)
    assert other["elapsed"] == pytest.approx(50.0, abs=14.0)
    assert other["silent"] == pytest.approx(30.0, abs=14.0)
    assert other["tool"]["age"] == pytest.approx(30.0, abs=14.0)
    assert [end["elapsed"] for end in ends] == [51.0, 51.0]


async def _until(ready: Callable[[], bool]) -> None:
    async with asyncio.timeout(WAIT_S):
        while not ready():
            await asyncio.sleep(0.01)


def test_the_view_has_no_id_in_its_name(stage: Stage) -> None:
    assert repr(stage.view) == "<genie_nb live view>"


def test_the_script_and_the_style_are_small() -> None:
    assert len((RunView._esm + RunView._css).encode()) < 36_000
