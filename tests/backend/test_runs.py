"""A run's life: from the request to exactly one terminal event, whatever happens between."""

import _thread
import asyncio
import logging
import sys
import threading
import types
from collections.abc import AsyncGenerator, Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

import pandas as pd
import pytest

from genie_nb import errors
from genie_nb.backend import runs
from genie_nb.backend.channel import Retention
from genie_nb.backend.inputs import table_of
from genie_nb.backend.interpreter.base import CellFinished
from genie_nb.backend.loop import BackendLoop
from genie_nb.backend.models.base import ChatMessage, Chunk, Text, ToolCallFragment, ToolSpec
from genie_nb.backend.models.scripted import Say, ScriptedModel
from genie_nb.backend.runs import LIFE, Run
from genie_nb.backend.tools.base import Call
from genie_nb.events import (
    RunCancelled,
    RunEvent,
    RunFailed,
    RunFinished,
    RunStarted,
    TextFinished,
    ToolFinished,
    encode_event,
    is_terminal,
)
from tests.fakes import BOUND_S, ChunkModel, FakeRunner, StuckModel, collect, fold, of_kind, run

MakeRun = Callable[..., Run]
DONE = Say("42.")


def say(*replies: Say) -> ScriptedModel:
    return ScriptedModel(replies)


def ended(a_run: Run) -> list[RunEvent]:
    """The events of a run that was started, checked for what holds of every run."""
    a_run.result(BOUND_S)
    events = run(collect(a_run.events()))
    assert [event.seq for event in events] == list(range(1, len(events) + 1))
    assert [is_terminal(event) for event in events] == [False] * (len(events) - 1) + [True]
    assert isinstance(events[0], RunStarted)
    assert fold(events) == a_run.transcript
    still_open = (a_run.transcript.open_messages(), a_run.transcript.open_calls(), a_run.transcript.open_tasks())
    assert [list(items) for items in still_open] == [[], [], []]
    return events


@dataclass
class Gate:
    """A tool that is inside its call until it is let go, and says when it got there."""

    entered: threading.Event = field(default_factory=threading.Event)
    let_go: asyncio.Event = field(default_factory=asyncio.Event)
    closed: threading.Event = field(default_factory=threading.Event)
    spec: ClassVar[ToolSpec] = ToolSpec("gate", "Waits.", {"type": "object", "properties": {}})
    timeout_s: float = 60.0

    async def call(self, call: Call) -> str:
        self.entered.set()
        await self.let_go.wait()
        return "open"

    async def close(self) -> None:
        self.closed.set()


AT_THE_GATE = Say("I look.", calls=[("gate", {})])

# The life table


WALK = {
    ("pending", "start"): "running", ("pending", "cancel"): "cancelled",
    ("running", "finish"): "finished", ("running", "fail"): "failed", ("running", "cancel"): "cancelling",
    ("cancelling", "stopped"): "cancelled", ("cancelling", "finish"): "finished",
    ("cancelling", "fail"): "cancelled", ("cancelling", "cancel"): "cancelling",
    ("finished", "cancel"): "finished", ("failed", "cancel"): "failed", ("cancelled", "cancel"): "cancelled",
}  # fmt: skip
TRIGGERS = sorted({trigger for _, trigger in WALK})


@pytest.mark.parametrize("trigger", TRIGGERS)
@pytest.mark.parametrize("state", LIFE)
def test_each_state_knows_its_triggers_and_no_other(make_run: MakeRun, state: runs.State, trigger: str) -> None:
    a_run = make_run(say())
    a_run._state = state

    if (state, trigger) in WALK:
        a_run._move(trigger)
        assert a_run.status == WALK[state, trigger]
    else:
        with pytest.raises(KeyError):
            a_run._move(trigger)


# What comes of it


def test_a_run_that_finishes_has_an_answer_and_no_error(make_run: MakeRun) -> None:
    a_run = make_run(say(DONE), query="How many?")
    assert (a_run.status, a_run.answer, a_run.seconds, a_run.plan, a_run.files) == ("pending", "", 0.0, None, ())

    events = ended(a_run.start())

    assert events[-1] == a_run.channel.after(len(a_run.channel) - 1)[0].event
    assert (a_run.status, a_run.answer, a_run.error) == ("finished", "42.", None)
    assert (events[0].query, events[0].agent, events[0].model, events[0].badge) == (
        "How many?",
        "react",
        "scripted",
        "scripted",
    )
    assert a_run.usage.calls == 1
    assert a_run.seconds == a_run.transcript.ended_at - a_run.transcript.started_at > 0
    assert a_run.folder.is_dir()


def test_files_of_a_run_can_be_read_by_name_and_no_other(make_run: MakeRun, tmp_path: Path) -> None:
    (tmp_path / "sales.csv").write_text("a\n1\n")
    model = say(Say(calls=[("code_interpreter", {"code": "write"})]), DONE)
    runner = FakeRunner(lambda code: ((a_run.folder / "out.txt").write_text("x") and CellFinished("ok"),))
    a_run = make_run(model, runner=runner, request={"files": (tmp_path / "sales.csv",)})
    with pytest.raises(errors.RequestError, match=r"no file 'out.txt'"):
        a_run.read_file("out.txt")

    events = ended(a_run.start())

    assert [file.name for file in events[0].files] == ["sales.csv"]
    assert [file.name for file in a_run.files] == ["out.txt"]
    assert a_run.read_file("out.txt") == b"x"
    assert a_run.read_file("sales.csv") == b"a\n1\n"
    with pytest.raises(errors.RequestError, match="no file"):
        a_run.read_file("../../secret")


def test_starting_twice_is_starting_once(make_run: MakeRun) -> None:
    model = say(DONE, DONE)

    ended(make_run(model).start().start())

    assert len(model.asked) == 1


# Failures


def failing(error: BaseException) -> ScriptedModel:
    def script(messages: Sequence[ChatMessage], tools: Sequence[ToolSpec]) -> Say:
        raise error

    return ScriptedModel(script)


def no_model() -> ScriptedModel:
    raise errors.SettingsError("There is no key.")


def ours(error: errors.GenieError) -> tuple[dict[str, Any], type[errors.GenieError], str, str]:
    return {"model": failing(error)}, type(error), type(error).code, str(error)


FAILURES = {
    "the model fails": ours(errors.ModelError("The model is gone.", kind="unreachable")),
    "too many requests": ours(errors.RateLimited("Slow down.")),
    "the conversation is too long for the model": ours(errors.ContextTooLong("Too long.")),
    "a whole class of other failures": ours(errors.RepeatedCall("Again and again.")),
    "no kernel for what is no tool": ours(errors.InterpreterFailed("No kernel.")),
    "the script is at its end": ({"model": say()}, errors.ModelError, "model", "come to its end"),
    "the reply breaks off": ({"model": ChunkModel([[Text("half")]])}, errors.ModelError, "model", "broke off"),
    "no steps are left": (
        {"model": say(*[Say(calls=[("code_interpreter", {"code": str(n)})]) for n in range(5)]), "max_steps": 2},
        errors.StepLimit, "step_limit", "limit of 2 steps before it had an answer. Ask something smaller",
    ),
    "the task has no steps left": (
        {"model": say(*[Say(calls=[("code_interpreter", {"code": str(n)})]) for n in range(5)]), "max_task_steps": 2},
        errors.StepLimit, "step_limit", "raise max_task_steps",
    ),
    "the same call again and again": (
        {"model": say(*[Say(calls=[("code_interpreter", {"code": "1"})])] * 5)},
        errors.RepeatedCall, "repeated_call", "three times",
    ),
    "the conversation is too long": (
        {"model": ScriptedModel([DONE], context_tokens=1_000), "query": "word " * 10_000},
        errors.TokenLimit, "token_limit", "the model takes 800",
    ),
    "the deadline comes": ({"model": StuckModel(), "deadline_s": 0.05}, errors.Deadline, "deadline", "deadline of 0.05 s"),
    "the question is empty": ({"model": say(), "query": " \n"}, errors.RequestError, "bad_request", "question is empty"),
    "a file is not there": (
        {"model": say(), "request": {"files": ("nowhere.csv",)}}, errors.RequestError, "bad_request", "nowhere.csv does not",
    ),
    "a table cannot be had": (
        {"model": say(), "request": {"tables": {"df": errors.RequestError("No table.")}}},
        errors.RequestError, "bad_request", "No table.",
    ),
    "there is no such agent": (
        {"model": say(), "agent": "poet"}, errors.SettingsError, "settings", "no agent 'poet'. There are: plan_solve",
    ),
    "there is no model": ({"model": no_model}, errors.SettingsError, "settings", "There is no key."),
    "our own fault": ({"model": failing(ZeroDivisionError("by zero"))}, errors.GenieError, "internal",
                      "genie_nb itself failed: ZeroDivisionError: by zero. Please report this with the log."),
    "a timeout that is not the deadline's": (
        {"model": failing(TimeoutError("socket"))}, errors.GenieError, "internal", "TimeoutError: socket",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("given", "kind", "code", "told"), FAILURES.values(), ids=FAILURES.keys())
def test_a_failure_ends_the_run_with_a_code_and_a_sentence(
    make_run: MakeRun, given: dict[str, Any], kind: type[errors.GenieError], code: str, told: str
) -> None:
    model = given["model"]
    a_run = make_run(model, **{key: value for key, value in given.items() if key != "model"})

    *_, end = ended(a_run.start())

    assert isinstance(end, RunFailed)
    assert (end.code, type(a_run.error), str(a_run.error)) == (code, kind, end.message)
    assert told in end.message
    assert "Traceback" not in end.message
    assert "\n" not in end.message
    assert (a_run.status, a_run.answer) == ("failed", "")


@pytest.mark.parametrize("given", [{"agent": "\ud800"}, {"query": "\ud800"}, {"agent": "\ud800", "query": " "}])
def test_a_text_that_no_encoding_can_carry_leaves_no_run_without_its_end(make_run: MakeRun, given: dict[str, Any]) -> None:
    model = failing(errors.ModelError("It said \ud800."))

    *_, end = ended(make_run(model, request={"retention": Retention()}, **given).start())

    assert isinstance(end, RunFailed)
    assert encode_event(end)


class SlowTables(dict[str, Any]):
    """Tables that take their time, on whatever thread asks for them."""

    def __init__(self) -> None:
        self.gate = threading.Event()

    def values(self) -> Any:
        self.gate.wait(BOUND_S)
        return super().values()


def test_the_deadline_holds_while_the_inputs_are_looked_at(make_run: MakeRun) -> None:
    tables = SlowTables()

    *_, end = ended(make_run(say(DONE), request={"tables": tables}, deadline_s=0.05).start())
    tables.gate.set()

    assert isinstance(end, RunFailed)
    assert (end.code, end.message.partition(".")[0]) == ("deadline", "The run stopped at its deadline of 0")


def test_a_fault_of_our_own_is_logged_with_its_traceback(make_run: MakeRun, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.ERROR):
        ended(make_run(failing(ZeroDivisionError("by zero"))).start())

    (record,) = caplog.records
    assert record.exc_info is not None
    assert isinstance(record.exc_info[1], ZeroDivisionError)


def test_a_failure_inside_parallel_work_is_told_by_its_cause() -> None:
    cause = errors.RateLimited("Slow down.")

    group = BaseExceptionGroup("outer", [ValueError("beside"), BaseExceptionGroup("inner", [cause])])

    assert runs._as_genie_error(BaseExceptionGroup("", [ValueError("beside"), cause])) is cause
    assert runs._as_genie_error(BaseExceptionGroup("", [BaseExceptionGroup("", [cause])])) is cause
    assert "ValueError: beside" in str(runs._as_genie_error(group))


def test_what_was_said_before_a_failure_stays_and_is_closed(make_run: MakeRun) -> None:
    begun = [Text("I thi"), ToolCallFragment(0, "a", "gate", '{"x')]
    a_run = make_run(ChunkModel([begun]))

    events = ended(a_run.start())

    assert [event.text for event in of_kind(events, TextFinished)] == ["I thi"]
    assert [event.status for event in of_kind(events, ToolFinished)] == ["cancelled"]
    assert isinstance(events[-1], RunFailed)


# Cancelling


def test_a_run_cancelled_before_its_start_never_works(make_run: MakeRun) -> None:
    model = say(DONE)
    a_run = make_run(model)

    a_run.cancel("Not today.")
    events = ended(a_run)
    a_run.start().result(BOUND_S)

    assert [type(event) for event in events] == [RunStarted, RunCancelled]
    assert (a_run.status, str(a_run.error), events[-1].reason) == ("cancelled", "Not today.", "Not today.")
    assert (model.asked, len(a_run.channel)) == ([], 2)


def test_a_run_cancelled_right_after_its_start_ends_as_cancelled(make_run: MakeRun, backend: BackendLoop) -> None:
    """Both calls are taken in one turn of the loop, so the work is cancelled before its first step."""
    a_run = make_run(say(DONE))

    async def at_once() -> None:
        a_run._begin()
        a_run._cancel("Never mind.")

    backend.submit(at_once()).result(BOUND_S)

    assert isinstance(ended(a_run)[-1], RunCancelled)
    assert a_run.status == "cancelled"


def test_a_run_is_cancelled_while_its_model_speaks(make_run: MakeRun, backend: BackendLoop) -> None:
    model = StuckModel([Text("Let me")])
    a_run = make_run(model).start()
    backend.submit(model.waiting.wait()).result(BOUND_S)

    a_run.cancel()

    events = ended(a_run)
    assert [event.text for event in of_kind(events, TextFinished)] == ["Let me"]
    assert (type(events[-1]), events[-1].reason) == (RunCancelled, "You stopped the run.")
    assert isinstance(a_run.error, errors.RunCancelled)
    assert model.left, "the model's stream was left open"


def test_a_run_is_cancelled_inside_a_tool_once_however_often_it_is_asked(make_run: MakeRun) -> None:
    gate = Gate()
    a_run = make_run(say(AT_THE_GATE), gate).start()
    assert gate.entered.wait(BOUND_S)

    for reason in ("first", "second", "third"):
        a_run.cancel(reason)
    events = ended(a_run)
    a_run.cancel("late")
    a_run._backend.submit(asyncio.sleep(0)).result(BOUND_S)

    assert events[-1].reason == "first"
    assert [(event.status, event.output) for event in of_kind(events, ToolFinished)] == [("cancelled", "first")]
    assert gate.closed.is_set()
    assert (a_run.status, len(a_run.channel)) == ("cancelled", len(events))


@pytest.mark.parametrize("model", [say(DONE), say()], ids=["finished", "failed"])
def test_cancelling_after_the_end_changes_nothing(make_run: MakeRun, model: ScriptedModel) -> None:
    a_run = make_run(model).start()
    events = ended(a_run)
    before = (a_run.status, a_run.error)

    a_run.cancel()
    a_run._backend.submit(asyncio.sleep(0)).result(BOUND_S)

    assert (a_run.status, a_run.error) == before
    assert len(a_run.channel) == len(events)


@dataclass
class Stubborn:
    """A model that answers its cancellation in a way of its own."""

    answer: Exception | None
    inside: threading.Event = field(default_factory=threading.Event)
    name: str = "stubborn"
    badge: str = "scripted"
    context_tokens: int = 100_000

    async def stream(self, messages: Sequence[ChatMessage], tools: Sequence[ToolSpec]) -> AsyncGenerator[Chunk, None]:
        self.inside.set()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            if self.answer is not None:
                raise self.answer from None
        async for chunk in say(DONE).stream(messages, tools):
            yield chunk

    async def close(self) -> None: ...


def test_a_failure_while_being_cancelled_counts_as_cancelled(make_run: MakeRun) -> None:
    model = Stubborn(OSError("the line is dead"))
    a_run = make_run(model).start()
    assert model.inside.wait(BOUND_S)

    a_run.cancel("Enough.")

    assert ended(a_run)[-1].reason == "Enough."
    assert a_run.status == "cancelled"


def test_work_that_finishes_although_it_was_cancelled_has_finished(make_run: MakeRun) -> None:
    model = Stubborn(None)
    a_run = make_run(model).start()
    assert model.inside.wait(BOUND_S)

    a_run.cancel()

    assert isinstance(ended(a_run)[-1], RunFinished)
    assert (a_run.status, a_run.answer, a_run.error) == ("finished", "42.", None)


def test_a_run_whose_process_ends_is_cancelled_and_says_so(make_run: MakeRun, backend: BackendLoop) -> None:
    gate = Gate()
    a_run = make_run(say(AT_THE_GATE), gate).start()
    assert gate.entered.wait(BOUND_S)

    backend.close()

    assert "its process ends" in ended(a_run)[-1].reason
    assert a_run.status == "cancelled"


# Waiting for the end


def test_a_run_can_be_awaited_from_another_loop_by_many_and_again(make_run: MakeRun) -> None:
    a_run = make_run(say(DONE))

    async def wait() -> Run:
        return await a_run

    async def scene() -> list[Run]:
        waiting = [asyncio.create_task(wait()) for _ in range(3)]
        await asyncio.sleep(0)
        a_run.start()
        return [*await asyncio.gather(*waiting), await a_run]

    assert run(scene()) == [a_run] * 4
    assert a_run.answer == "42."


def test_an_awaited_run_raises_nothing_when_it_fails(make_run: MakeRun) -> None:
    async def wait() -> Run:
        return await make_run(say()).start()

    assert isinstance(run(wait()).error, errors.ModelError)


def test_cancelling_the_waiting_cancels_the_run(make_run: MakeRun) -> None:
    gate = Gate()
    a_run = make_run(say(AT_THE_GATE), gate).start()
    assert gate.entered.wait(BOUND_S)

    async def scene() -> None:
        waiting = asyncio.ensure_future(a_run._wait_here())
        await asyncio.sleep(0)
        waiting.cancel()
        await asyncio.wait({waiting})
        assert waiting.cancelled()

    run(scene())

    assert ended(a_run)[-1].reason == "You interrupted the run."


def test_a_run_ends_in_silence_when_the_loop_that_awaited_it_is_gone(
    make_run: MakeRun, caplog: pytest.LogCaptureFixture
) -> None:
    gate = Gate()
    a_run = make_run(say(AT_THE_GATE, DONE), gate).start()
    assert gate.entered.wait(BOUND_S)
    loop = asyncio.new_event_loop()
    waiting = loop.create_task(a_run._wait_here())
    loop.run_until_complete(asyncio.sleep(0))
    for task in asyncio.all_tasks(loop):
        task._log_destroy_pending = False  # that they never end is the point
    loop.close()
    assert not waiting.done()

    a_run._backend.call(gate.let_go.set)

    assert isinstance(ended(a_run)[-1], RunFinished)
    assert caplog.records == []


def test_result_gives_the_run_back_at_its_end(make_run: MakeRun) -> None:
    a_run = make_run(say(DONE)).start()

    assert a_run.result() is a_run
    assert a_run.result(0.001) is a_run


def test_result_with_a_limit_gives_up_waiting_and_the_run_goes_on(make_run: MakeRun) -> None:
    gate = Gate()
    a_run = make_run(say(AT_THE_GATE, DONE), gate).start()

    with pytest.raises(TimeoutError, match=r"not ended within 0\.15 s; it goes on"):
        a_run.result(0.15)

    assert gate.entered.wait(BOUND_S)
    assert a_run.status == "running"
    a_run._backend.call(gate.let_go.set)
    assert ended(a_run)[-1].output == "42."


def test_an_interrupt_while_waiting_for_the_result_cancels_the_run(make_run: MakeRun) -> None:
    gate = Gate()
    a_run = make_run(say(AT_THE_GATE), gate).start()
    waiting = threading.Event()

    def interrupt() -> None:
        assert gate.entered.wait(BOUND_S)
        while not waiting.wait(0.01):
            continue
        _thread.interrupt_main()

    def inside(frame: types.FrameType, event: str, _: object) -> None:
        if event == "call" and frame.f_code.co_name == "_wait":  # the run's handle waits, and would cancel it
            waiting.set()

    threading.Thread(target=interrupt, daemon=True).start()
    sys.setprofile(inside)
    try:
        with pytest.raises(KeyboardInterrupt):
            a_run.result(BOUND_S)
    finally:
        sys.setprofile(None)

    assert ended(a_run)[-1].reason == "You interrupted the run."


# Beside one another, and tidying up


def test_runs_at_the_same_time_do_not_disturb_one_another(make_run: MakeRun) -> None:
    gates = [Gate() for _ in range(4)]
    several = [make_run(say(AT_THE_GATE, Say(f"answer {n}")), gate).start() for n, gate in enumerate(gates)]
    assert all(gate.entered.wait(BOUND_S) for gate in gates)  # all are inside at once

    several[1].cancel()
    assert isinstance(ended(several[1])[-1], RunCancelled)
    for at in (3, 0, 2):
        several[at]._backend.call(gates[at].let_go.set)
        ended(several[at])

    assert [a_run.answer for a_run in several] == ["answer 0", "", "answer 2", "answer 3"]
    assert len({a_run.run_id for a_run in several}) == len({a_run.folder for a_run in several}) == 4


@pytest.mark.parametrize("owned", [True, False], ids=["its own", "borrowed"])
def test_a_run_closes_its_tools_and_the_model_that_is_its_own(make_run: MakeRun, owned: bool) -> None:
    model, runner, gate = ChunkModel([]), FakeRunner(), Gate()

    ended(make_run(model, gate, runner=runner, owned=owned).start())

    assert (model.closed, runner.closed, gate.closed.is_set()) == (int(owned), 1, True)


@dataclass
class BadlyClosing(Gate):
    """A tool whose closing fails, or never ends."""

    fails: bool = True

    async def close(self) -> None:
        if self.fails:
            raise OSError("will not close")
        await asyncio.Event().wait()


@pytest.mark.parametrize("fails", [True, False], ids=["fails", "never ends"])
def test_closing_that_goes_wrong_does_not_change_how_the_run_ended(
    make_run: MakeRun, caplog: pytest.LogCaptureFixture, fails: bool
) -> None:
    a_run = make_run(say(DONE), BadlyClosing(fails=fails)).start()

    assert isinstance(ended(a_run)[-1], RunFinished)
    assert ["Closing" in record.message for record in caplog.records] == [True]


def test_closing_that_was_itself_cancelled_is_no_failure(caplog: pytest.LogCaptureFixture) -> None:
    async def cancelled() -> None:
        raise asyncio.CancelledError

    run(runs._bounded(cancelled))

    assert caplog.records == []


def test_tables_are_handed_over_as_they_were_when_they_were_handed_over(make_run: MakeRun) -> None:
    frame = pd.DataFrame({"region": ["北", "Süd"], "sales": [1.5, 2.0]})
    model = say(DONE)
    a_run = make_run(model, request={"tables": {"df": table_of("df", frame)}})
    frame.loc[0, "sales"] = 99.0

    ended(a_run.start())

    assert pd.read_feather(a_run.folder / ".inputs" / "df.arrow")["sales"].tolist() == [1.5, 2.0]
    assert '"kind": "dataframe", "read": "df"' in model.asked[0][1].content
