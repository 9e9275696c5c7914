"""The vocabulary: every kind survives JSON, and what is no event is refused."""

import json
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from genie_nb import events as ev
from genie_nb.errors import WireError
from genie_nb.events import TERMINAL, decode_event, encode_event, is_terminal
from genie_nb.parts import FileRef, ImagePart, Plan, PlanStep
from tests.event_strategies import EVENT_CLASSES, events_of_class

FILE = FileRef(name="图表/chart 1.png", size=12, media_type="image/png", sha256="ab" * 32)
STEP = PlanStep(id="s2", title="Count", stage="Read", detail="Count rows", after=("s1",), status="blocked", note="why")
WHOLE: dict[str, dict[str, Any]] = {
    "log_restarted": {},
    "run_queued": {"place": 2},
    "run_started": {
        "query": "多少行？",
        "agent": "react",
        "model": "m",
        "badge": "scripted",
        "files": (FILE,),
        "tables": (FILE,),
    },
    "step_started": {"step": 3, "agent": "planner"},
    "text_started": {"message_id": "m1", "channel": "reasoning", "assignee": "planner"},
    "text_delta": {"message_id": "m1", "text": 'a "b"\n\u2028\x00🎉'},
    "text_finished": {"message_id": "m1", "channel": "answer", "text": "all"},
    "plan_updated": {"plan": Plan(title="p", steps=(STEP,))},
    "task_started": {"title": "t", "assignee": "analyst", "step_id": "s1"},
    "task_finished": {"status": "failed", "summary": "why"},
    "tool_started": {"call_id": "c1", "tool": "t", "assignee": "a"},
    "tool_arguments": {"call_id": "c1", "fragment": '{"co'},
    "approval_requested": {"call_id": "c1", "tool": "t", "arguments": "{}", "files": ("a.csv",), "timeout_s": 60.0},
    "approval_given": {"call_id": "c1", "verdict": "once", "by": "client", "reason": "why", "arguments": '{"code": "1"}'},
    "tool_output": {"call_id": "c1", "part": ImagePart(content=b"\x00\xff", alt="chart"), "display": "d1", "clears": True},
    "tool_finished": {"call_id": "c1", "status": "denied", "output": "no", "seconds": 0.25},
    "file_created": {"file": FILE, "call_id": "c1"},
    "model_waiting": {"reason": "busy", "seconds": 1.5, "attempt": 2},
    "note_added": {"text": "n", "level": "warning"},
    "usage_reported": {"input_tokens": 1, "output_tokens": 2},
    "run_finished": {"output": "o", "files": (FILE,)},
    "run_failed": {"code": "model", "message": "m"},
    "run_cancelled": {"reason": "r"},
}


def kind_of(event_class: type) -> str:
    return msgspec.inspect.type_info(event_class).tag


@pytest.mark.parametrize("event_class", EVENT_CLASSES, ids=kind_of)
def test_an_event_with_every_field_set_comes_back_equal(event_class: type[ev.RunEvent]) -> None:
    event = event_class(seq=7, run_id="r", task_id="t1", at=1.5, **WHOLE[kind_of(event_class)])

    line = encode_event(event)

    assert decode_event(line) == event
    assert decode_event(line.decode()) == event
    assert type(decode_event(line)) is event_class
    assert b"\n" not in line
    assert json.loads(line)["kind"] == kind_of(event_class)


@pytest.mark.parametrize("event_class", EVENT_CLASSES, ids=kind_of)
def test_the_table_above_sets_every_field_of_the_event(event_class: type[ev.RunEvent]) -> None:
    own = set(event_class.__struct_fields__) - {"seq", "run_id", "task_id", "at"}

    assert set(WHOLE[kind_of(event_class)]) == own


@given(st.sampled_from(EVENT_CLASSES).flatmap(events_of_class))
def test_any_event_comes_back_equal_from_json(event: ev.RunEvent) -> None:
    assert decode_event(encode_event(event)) == event


@pytest.mark.parametrize("event_class", EVENT_CLASSES, ids=kind_of)
def test_events_cannot_be_changed_and_know_no_positions(event_class: type[ev.RunEvent]) -> None:
    event = event_class(**WHOLE[kind_of(event_class)])

    with pytest.raises(AttributeError):
        event.seq = 2
    with pytest.raises(TypeError):
        event_class(1)


def test_only_the_three_ends_of_a_run_are_terminal() -> None:
    terminal = {kind for kind, fields in WHOLE.items() if is_terminal(_class_of(kind)(**fields))}

    assert terminal == {"run_finished", "run_failed", "run_cancelled"}
    assert {kind_of(event_class) for event_class in TERMINAL} == terminal


def test_a_field_of_a_later_version_is_passed_over() -> None:
    assert decode_event('{"kind":"note_added","text":"a","colour":"red"}') == ev.NoteAdded(text="a")


NO_EVENTS = {
    "an unknown kind": b'{"kind":"telepathy","text":"a"}',
    "no kind": b'{"text":"a"}',
    "a missing field": b'{"kind":"note_added"}',
    "a field of another type": b'{"kind":"note_added","text":5}',
    "a channel that is none": b'{"kind":"text_started","message_id":"m","channel":"song","assignee":"a"}',
    "an unknown part": b'{"kind":"tool_output","call_id":"c","part":{"type":"smell"}}',
    "a list": b"[]",
    "null": b"null",
    "nothing": b"",
    "half of an event": b'{"kind":"note_added","te',
    "two events": b'{"kind":"note_added","text":"a"}{"kind":"note_added","text":"a"}',
    "no UTF-8": b'{"kind":"note_added","text":"\xff"}',
    "half of a character": "\ud83d",
    "endless nesting": b'{"kind":"note_added","text":"a","x":' + b"[" * 100_000,
}


@pytest.mark.parametrize("line", NO_EVENTS.values(), ids=NO_EVENTS.keys())
def test_what_is_no_event_is_a_wire_error_that_says_so(line: bytes | str) -> None:
    with pytest.raises(WireError, match="no event"):
        decode_event(line)


@given(st.binary() | st.text())
def test_random_bytes_are_a_wire_error_and_nothing_else(line: bytes | str) -> None:
    with pytest.raises(WireError):
        decode_event(line)


def _class_of(kind: str) -> type:
    return next(event_class for event_class in EVENT_CLASSES if kind_of(event_class) == kind)
