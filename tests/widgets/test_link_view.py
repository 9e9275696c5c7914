import asyncio
import json
import re
import threading
from collections.abc import Callable, Iterator
from typing import Any

import comm
import pytest

from genie_nb import events as ev
from genie_nb.widgets.link_labels import link_labels_for
from genie_nb.widgets.link_log import MOVES, Chunk, SeenFrame
from genie_nb.widgets.link_view import DELAY_S, GONE, GONE_S, HELD_S, IN_FLIGHT, ROWS_SENT, ROWS_SHOWN, LinkView, chunk_plot
from tests.fakes import BOUND_S

WAIT_S = BOUND_S


class FakeComm(comm.base_comm.BaseComm):
    """A page at the other end: keeps what it is sent, and answers like `static/link_view.js`."""

    def __init__(self, **arguments: Any) -> None:
        self.sent: list[dict[str, Any]] = []
        self.arrived = threading.Condition()
        self.answers = True
        self.lost: Callable[[int], bool] = lambda _: False
        self.n, self.rows = 0, {}
        self.opened_with = arguments["data"]["state"]
        super().__init__(**arguments)

    def publish_msg(self, msg_type: str, data: Any = None, **_: Any) -> None:
        if msg_type != "comm_msg" or data.get("method") != "custom":
            return
        content = json.loads(json.dumps(data["content"]))
        with self.arrived:
            self.sent.append(content)
            if self.answers and not (content["type"] == "frame" and self.lost(content["n"])):
                self._behave(content)
            self.arrived.notify_all()

    def _behave(self, content: dict[str, Any]) -> None:
        if content["type"] == "snapshot":
            self.n, self.rows = content["n"], {row[0]: row for row in content["rows"]}
        elif content["type"] == "frame" and content["n"] == self.n + 1:
            self.n += 1
            self.rows |= {row[0]: row for row in content["rows"]}
        elif content["n"] > self.n:
            self.say({"type": "gap", "n": self.n})
            return
        self.say({"type": "ack", "n": self.n})

    def say(self, content: object) -> None:
        self._msg_callback({"content": {"data": {"method": "custom", "content": content}}, "buffers": []})  # type: ignore[misc]

    def wait_for(self, ready: Callable[[], bool]) -> None:
        with self.arrived:
            assert self.arrived.wait_for(ready, timeout=WAIT_S)

    def of_type(self, kind: str) -> list[dict[str, Any]]:
        return [content for content in self.sent if content["type"] == kind]


class FakeFaults:
    """A server that lets itself be broken."""

    def __init__(self) -> None:
        self.delay_s, self.stall, self.freeze_model, self.cuts = 0.0, False, False, 0
        self.told = threading.Event()

    def cut(self) -> None:
        self.cuts += 1
        self.told.set()

    def behind(self, run_id: str = "") -> int:
        return 7 if run_id == "r" else 0


class Stage:
    """A view and the loop that it lives on."""

    def __init__(self, faults: FakeFaults | None = None, query: str = "") -> None:
        self.loop = asyncio.new_event_loop()
        self.thread = threading.Thread(target=self.loop.run_forever)
        self.thread.start()
        self.now = 100.0
        self.view = LinkView(loop=self.loop, query=query, faults=faults, heartbeat_s=1.0, clock=lambda: self.now)
        self.comm: FakeComm = self.view.comm

    def take(self, *items: SeenFrame | ev.LinkEvent) -> None:
        self.call(lambda: [self.view.take(item) for item in items])

    def call(self, function: Callable[[], object]) -> None:
        async def called() -> None:
            function()

        asyncio.run_coroutine_threadsafe(called(), self.loop).result(WAIT_S)

    def close(self) -> None:
        self.call(self.view.close)
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join(WAIT_S)
        self.loop.close()


@pytest.fixture
def open_comms() -> Iterator[None]:
    """`comm.create_comm` is the documented place where a front end puts its own comm."""
    before = comm.create_comm
    comm.create_comm = FakeComm
    yield
    comm.create_comm = before


@pytest.fixture
def make_stage(open_comms: None) -> Iterator[Callable[..., Stage]]:
    stages: list[Stage] = []

    def make(faults: FakeFaults | None = None, query: str = "") -> Stage:
        stages.append(Stage(faults, query))
        return stages[-1]

    yield make
    for stage in stages:
        stage.close()


def opened() -> ev.LinkOpened:
    return ev.LinkOpened(at=100.0, url="http://127.0.0.1", attempt=1)


def frames(first: int, last: int) -> list[SeenFrame]:
    return [SeenFrame(100.0 + seq / 100, 90, "text_delta", f"r.e.{seq}", '{"text":"a"}') for seq in range(first, last + 1)]


END = ev.LinkClosed(at=104.0)


def test_a_page_is_told_everything_at_most_ten_times_a_second(make_stage: Callable[..., Stage]) -> None:
    stage = make_stage(FakeFaults())
    stage.call(stage.view.begin)
    stage.take(opened(), *frames(1, 40))
    stage.comm.wait_for(lambda: 41 in stage.comm.rows)
    stage.take(*frames(41, 60), END)
    stage.comm.wait_for(lambda: 62 in stage.comm.rows)

    told = stage.comm.of_type("frame")
    assert len(told) <= 4
    assert [state for frame in told for _, state in frame["moves"]] == ["opening", "open", "closed"]
    assert sorted(stage.comm.rows) == list(range(1, 63))
    assert told[-1]["counts"] == {
        "bytes": 5400,
        "events": 60,
        "heartbeats": 0,
        "reconnects": 0,
        "joined": 0,
        "pending": 7,
    }


def test_of_a_flood_only_the_last_rows_are_sent_and_all_are_counted(make_stage: Callable[..., Stage]) -> None:
    stage = make_stage()
    stage.take(opened(), *frames(1, 5_000), END)
    stage.comm.wait_for(lambda: 5_002 in stage.comm.rows)

    (frame,) = stage.comm.of_type("frame")
    assert len(frame["rows"]) == ROWS_SENT
    assert frame["counts"]["events"] == 5_000
    assert len(stage.view.get_state("snapshot")["snapshot"]["rows"]) == ROWS_SHOWN


@pytest.mark.parametrize("lost", [lambda n: n == 1, lambda n: n % 2 == 0, lambda _: True], ids=["first", "second", "all"])
def test_lost_frames_are_repaired(make_stage: Callable[..., Stage], lost: Callable[[int], bool]) -> None:
    stage = make_stage()
    stage.comm.lost = lost
    stage.take(opened(), *frames(1, 10))
    stage.comm.wait_for(lambda: len(stage.comm.of_type("frame")) == 1)
    stage.take(*frames(11, 20), END)
    stage.comm.wait_for(lambda: sorted(stage.comm.rows) == list(range(1, 23)))


def test_a_frame_is_held_back_longer_the_more_are_unacknowledged(make_stage: Callable[..., Stage]) -> None:
    view, waits = make_stage().view, []
    for sent in range(GONE + 2):
        view._sent = sent
        waits.append(view._held_s())
    assert waits == [0.0] * IN_FLIGHT + [HELD_S] * (GONE - IN_FLIGHT) + [GONE_S] * 2


def test_a_silent_page_is_reminded_of_the_last_frame_and_then_left_alone(make_stage: Callable[..., Stage]) -> None:
    stage = make_stage()
    stage.comm.answers = False
    stage.take(opened(), END)
    stage.comm.wait_for(lambda: bool(stage.comm.of_type("at")))
    assert stage.comm.of_type("at")[0]["n"] == 1
    stage.comm.say({"type": "ack", "n": 1})
    stage.call(lambda: None)
    assert stage.view._acknowledged == 1


def test_a_lost_link_is_tried_again_when_its_wait_is_over(make_stage: Callable[..., Stage]) -> None:
    stage = make_stage()
    stage.take(opened(), ev.LinkLost(at=101.0, reason="cut", retry_in_s=2.0))
    stage.comm.wait_for(lambda: bool(stage.comm.sent) and stage.comm.sent[-1]["state"] == "lost")
    assert stage.comm.sent[-1]["retry"] == 3.0
    stage.now = 103.5
    stage.comm.wait_for(lambda: stage.comm.sent[-1]["state"] == "opening")


@pytest.mark.parametrize(
    ("name", "attribute", "on", "off"),
    [("delay", "delay_s", DELAY_S, 0.0), ("stall", "stall", True, False), ("freeze", "freeze_model", True, False)],
)
def test_a_button_breaks_and_repairs(
    make_stage: Callable[..., Stage], name: str, attribute: str, on: object, off: object
) -> None:
    faults = FakeFaults()
    stage = make_stage(faults)
    for pressed, expected in ((True, on), (False, off)):
        stage.comm.say({"type": "fault", "name": name, "on": pressed})
        stage.comm.wait_for(lambda pressed=pressed: bool(stage.comm.sent) and stage.comm.sent[-1]["faults"][name] is pressed)
        assert getattr(faults, attribute) == expected


def test_the_cut_button_cuts(make_stage: Callable[..., Stage]) -> None:
    faults = FakeFaults()
    make_stage(faults).comm.say({"type": "fault", "name": "cut", "on": True})
    assert faults.told.wait(WAIT_S)
    assert faults.cuts == 1


@pytest.mark.parametrize(
    "content",
    [
        {"type": "fault", "name": "format the disk", "on": True},
        {"type": "fault", "name": "stall"},
        {"type": "fault", "name": 3, "on": "yes"},
        {"type": "ack", "n": "many"},
        {"type": "nothing"},
        "words",
        None,
    ],
    ids=["unknown fault", "neither on nor off", "wrong types", "no number", "unknown type", "no object", "null"],
)
def test_a_strange_message_is_passed_over(make_stage: Callable[..., Stage], content: object) -> None:
    faults = FakeFaults()
    stage = make_stage(faults)
    stage.comm.say(content)
    stage.take(opened(), END)
    stage.comm.wait_for(lambda: 2 in stage.comm.rows)
    assert (faults.delay_s, faults.stall, faults.freeze_model, faults.cuts) == (0.0, False, False, 0)


def test_without_a_server_the_buttons_do_nothing(make_stage: Callable[..., Stage]) -> None:
    stage = make_stage()
    stage.comm.say({"type": "fault", "name": "cut", "on": True})
    stage.take(opened(), END)
    stage.comm.wait_for(lambda: 2 in stage.comm.rows)
    assert stage.view.get_state("snapshot")["snapshot"]["faulty"] is False
    assert stage.comm.sent[-1]["faults"] is None
    assert stage.comm.sent[-1]["counts"]["pending"] is None


def test_the_view_has_no_id_in_its_name(make_stage: Callable[..., Stage]) -> None:
    assert repr(make_stage().view) == "<genie_nb link view>"


def test_the_page_draws_every_move_that_there_is() -> None:
    drawn = set(re.findall(r'^  \["(\w+)", "(\w+)", "([\w ]+)"', LinkView._esm, re.MULTILINE))
    moves = {(state, then, trigger) for state, triggers in MOVES.items() for trigger, then in triggers.items()}
    split = {(state, then, one) for state, then, triggers in drawn for one in triggers.split()}
    assert split == moves


ENGLISH, CHINESE = link_labels_for("Why?"), link_labels_for("为什么？")


def test_both_languages_have_every_word_with_the_same_places_to_fill_in() -> None:
    assert CHINESE["lang"] == "zh"
    assert set(ENGLISH) == set(CHINESE)
    fields = {name: set(re.findall(r"{(\w+)}", label)) for name, label in ENGLISH.items()}
    assert {name: set(re.findall(r"{(\w+)}", label)) for name, label in CHINESE.items()} == fields
    assert {name for name, label in CHINESE.items() if label.isascii()} == {"lang"}


def test_the_page_says_no_word_of_its_own_and_every_word_is_said() -> None:
    script = LinkView._esm
    assert not re.search(r"""(textContent = |"aria-label": |title: |append\()["'`]""", script)
    lists = {name: re.findall(r'"(\w+)"', listed) for name, listed in re.findall(r"const (\w+) = \[(.*)\];", script)}
    said = set(re.findall(r"words\.(\w+)", script)) - {"lang"}
    said |= {f"count_{name}{end}" for name in lists["COUNTERS"] for end in ("", "_means")}
    said |= {f"fault_{name}{end}" for name in lists["FAULTS"] for end in ("", "_means")}
    said |= {f"column_{name}" for name in lists["COLUMNS"]} | {f"key_{name}" for name in lists["KEYS"]}
    said |= {*MOVES} | {f"move_{trigger}" for triggers in MOVES.values() for trigger in triggers}
    assert said == {name for name in ENGLISH if not name.startswith("log_")} - {"lang"}


def test_a_view_speaks_the_language_of_the_runs_question(make_stage: Callable[..., Stage]) -> None:
    stage = make_stage(query="连接是怎样保持的？")
    lost = ev.LinkLost(at=101.0, reason="cut", retry_in_s=2.0)
    stage.take(opened(), lost, ev.LinkOpened(at=103.0, url="", attempt=2, resumed_after="r.e.7"), END)
    stage.comm.wait_for(lambda: 4 in stage.comm.rows)
    assert stage.comm.opened_with["words"] == CHINESE
    assert [row[-1] for row in stage.comm.rows.values()] == [
        "已打开，从头开始。",
        "已断开：cut。2.0 秒后重试。",
        "再次打开，第 2 次连接：从事件 7 之后继续。",
        "已关闭：内容已全部收到，运行已结束。",
    ]
    assert make_stage(query="How does a link live?").comm.opened_with["words"] == ENGLISH


def test_the_page_sets_text_and_never_html() -> None:
    assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|DOMParser|eval\(", LinkView._esm)


def test_the_script_and_the_style_are_small() -> None:
    assert len((LinkView._esm + LinkView._css).encode()) < 30_000


def test_chunks_are_drawn_in_a_lane_for_each_mode() -> None:
    one, many = [Chunk(n / 10, 1, 90) for n in range(20)], [Chunk(0.8, 8, 400), Chunk(1.6, 12, 500)]
    plot = chunk_plot({"general": one, "<token>": many, "time": []})

    assert plot._repr_svg_().startswith("<?xml")
    assert chunk_plot({"general": one, "<token>": many, "time": []}).svg == plot.svg
    assert "<token>" not in plot.svg
    assert repr(plot) == "<chunks against time: general, <token>, time>"
    assert chunk_plot({}).svg
