"""Hypothesis strategies: any event, and any whole run that keeps the promises of the stream."""

from typing import Any

from hypothesis import strategies as st

from genie_nb import events as ev
from genie_nb import parts

texts = st.text(st.characters(exclude_categories=("Cs",)), max_size=20)
numbers = st.integers(0, 2**53)
seconds = st.floats(0, 1e12, allow_nan=False)

st.register_type_strategy(str, texts)
st.register_type_strategy(int, numbers)
st.register_type_strategy(float, seconds)
st.register_type_strategy(bytes, st.binary(max_size=20))

EVENT_CLASSES = ev.RunEvent.__args__
PART_CLASSES = parts.Part.__args__


def events_of_class(kind: type[ev.RunEvent]) -> st.SearchStrategy[ev.RunEvent]:
    return st.builds(kind, **{name: st.from_type(hint) for name, hint in _hints(kind).items()})


def _hints(kind: type) -> dict[str, object]:
    import typing

    return typing.get_type_hints(kind)


@st.composite
def deltas_of_run(draw: st.DrawFn) -> list[ev.RunEvent]:
    """A run in which texts, calls and tasks interleave, with everything closed before its end."""
    printed: list[ev.RunEvent] = [ev.RunStarted(query="q", agent="react", model="m", badge="b")]
    tasks: list[str | None] = [None, *(f"t{n}" for n in range(draw(st.integers(0, 2))))]
    printed += [ev.TaskStarted(task_id=task, title="a", assignee="b") for task in tasks if task]
    open_texts, open_calls = [], []
    for number in range(draw(st.integers(1, 4))):
        task = draw(st.sampled_from(tasks))
        open_texts.append((f"m{number}", task))
        printed.append(ev.TextStarted(task_id=task, message_id=f"m{number}", channel="answer", assignee="a"))
        open_calls.append((f"c{number}", task))
        printed.append(ev.ToolStarted(task_id=task, call_id=f"c{number}", tool="t", assignee="a"))
    for _ in range(draw(st.integers(0, 20))):
        text, call = draw(st.sampled_from(open_texts)), draw(st.sampled_from(open_calls))
        printing = draw(st.sampled_from(("", "", "\r", "\x1b[31m", "\n", "\x1b[A", "\x1b")))
        place: dict[str, Any] = draw(st.sampled_from(({}, {}, {"display": "d1"}, {"display": "d2"}, {"clears": True})))
        stream = parts.StreamPart(text=draw(texts) + printing, stream=draw(st.sampled_from(("stdout", "stderr"))))
        printed.append(
            draw(
                st.sampled_from(
                    (
                        ev.TextDelta(task_id=text[1], message_id=text[0], text=stream.text),
                        ev.ToolArguments(task_id=call[1], call_id=call[0], fragment=stream.text),
                        ev.ToolOutput(task_id=call[1], call_id=call[0], part=stream, **place),
                    )
                )
            )
        )
    words: dict[str, str] = {}
    for event in printed:
        if isinstance(event, ev.TextDelta):
            words[event.message_id] = words.get(event.message_id, "") + event.text
    for message_id, task in open_texts:
        whole = words.get(message_id, "")
        printed.append(ev.TextFinished(task_id=task, message_id=message_id, channel="answer", text=whole))
    printed += [ev.ToolFinished(task_id=task, call_id=call_id, status="ok") for call_id, task in open_calls]
    printed += [ev.TaskFinished(task_id=task, status="completed") for task in tasks if task]
    return [*printed, ev.RunFinished(output="done")]
