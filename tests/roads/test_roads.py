"""One behaviour over every road: whichever way a run's events came, the reader ends with an equal transcript."""

import asyncio
import threading
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from genie_nb.backend.models.scripted import Say, ScriptedModel
from genie_nb.backend.recording import record, replay
from genie_nb.backend.runs import Run
from genie_nb.events import RunEvent, decode_event, encode_event
from genie_nb.transcript import Transcript
from tests.fakes import BOUND_S, collect, fold, run

Road = Callable[[Run, Path], Awaitable[list[list[RunEvent]]]]
PLAN = {
    "title": "两步",
    "add": [{"id": "s1", "title": "Count", "detail": "d"}, {"id": "s2", "title": "Draw", "detail": "d"}],
}
CODE = ("code_interpreter", {"code": "print('多少')"})


def planning(messages, tools) -> Say:  # noqa: ANN001
    """A planner with two parallel steps, executors that run code, a summary: as a function, so that order is no matter."""
    last, names = messages[-1], [tool.name for tool in tools]
    if "plan" in names:
        return (
            Say("Revised.", [("plan", {"finish": True})])
            if "<results>" in last.content
            else Say("I plan.", [("plan", PLAN)])
        )
    if "code_interpreter" in names:
        return Say("找到了。") if last.role == "tool" else Say(["I ", "run ", "code."], [CODE])
    return Say(["The ", "answer ", "is 42 🎉."])


RUNS = {
    "finished": {"model": lambda: ScriptedModel(planning), "agent": "plan_solve"},
    "finished by one agent": {"model": lambda: ScriptedModel([Say(["a", "b"], [CODE]), Say(["c", "d"])])},
    "failed": {"model": lambda: ScriptedModel([Say("I look.", [CODE])])},
    "failed before it began": {"model": lambda: ScriptedModel([]), "query": " "},
}


async def live(a_run: Run, folder: Path) -> list[list[RunEvent]]:
    reading = asyncio.create_task(collect(a_run.events()))
    await asyncio.sleep(0)
    a_run.start()
    return [await reading]


async def after_the_end(a_run: Run, folder: Path) -> list[list[RunEvent]]:
    await a_run.start()
    return [await collect(a_run.events())]


async def several_late_readers(a_run: Run, folder: Path) -> list[list[RunEvent]]:
    """Each begins when the one before has seen its first event."""
    a_run.start()
    begun: list[asyncio.Task[list[RunEvent]]] = []
    for _ in range(4):
        events = a_run.events()
        first = await anext(events)
        begun.append(asyncio.create_task(_rest(first, events)))
    return list(await asyncio.gather(*begun))


async def in_two_parts(a_run: Run, folder: Path) -> list[list[RunEvent]]:
    """A reader that leaves after three events, and another that goes on where it stopped."""
    a_run.start()
    first = a_run.events()
    seen = [await anext(first) for _ in range(2)]
    return [[*seen, *await collect(a_run.events(after=seen[-1].seq))]]


async def on_another_thread(a_run: Run, folder: Path) -> list[list[RunEvent]]:
    seen: list[RunEvent] = []
    thread = threading.Thread(target=lambda: seen.extend(run(collect(a_run.events()))), daemon=True)
    thread.start()
    await a_run.start()
    await asyncio.to_thread(thread.join, BOUND_S)
    return [seen]


async def as_json(a_run: Run, folder: Path) -> list[list[RunEvent]]:
    a_run.start()
    return [[decode_event(encode_event(event)) async for event in a_run.events()]]


async def recorded_live(a_run: Run, folder: Path) -> list[list[RunEvent]]:
    await record(a_run.start().events(), folder / "run.jsonl")
    return [await collect(replay(folder / "run.jsonl"))]


async def recorded_twice(a_run: Run, folder: Path) -> list[list[RunEvent]]:
    """A recording of a replay of a recording."""
    await a_run.start()
    await record(a_run.events(), folder / "one.jsonl")
    await record(replay(folder / "one.jsonl"), folder / "two.jsonl")
    return [await collect(replay(folder / "two.jsonl"))]


ROADS = (live, after_the_end, several_late_readers, in_two_parts, on_another_thread, as_json, recorded_live, recorded_twice)


@pytest.fixture(params=ROADS, ids=lambda road: road.__name__)
def road(request: pytest.FixtureRequest) -> Road:
    return request.param


@pytest.mark.parametrize("given", RUNS.values(), ids=RUNS.keys())
def test_every_road_gives_an_equal_transcript(
    road: Road, given: dict[str, object], make_run: Callable[..., Run], tmp_path: Path
) -> None:
    a_run = make_run(**{**given, "model": given["model"]})

    async def scene() -> list[list[RunEvent]]:
        return await road(a_run, tmp_path)

    seen: list[Transcript] = [fold(events) for events in run(scene())]

    assert seen
    assert all(transcript == a_run.transcript for transcript in seen)
    assert a_run.transcript.ended


def test_the_runs_that_travel_hold_what_can_travel(make_run: Callable[..., Run]) -> None:
    a_run = make_run(ScriptedModel(planning), agent="plan_solve").start().result(BOUND_S)

    assert (a_run.status, a_run.answer) == ("finished", "The answer is 42 🎉.")
    assert [task.status for task in a_run.transcript.tasks.values()] == ["completed", "completed"]
    assert len(a_run.transcript.calls) == 2


async def _rest(first: RunEvent, events) -> list[RunEvent]:  # noqa: ANN001
    return [first, *await collect(events)]
