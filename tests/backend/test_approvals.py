"""Approvals: which calls wait for a person, what may be answered, and what becomes of the call."""

import asyncio
import json
from collections.abc import AsyncGenerator, Callable
from pathlib import Path
from typing import Any

import pytest

from genie_nb.backend.approvals import Approvals, Question
from genie_nb.backend.conversation import Conversation
from genie_nb.backend.models.base import Chunk, Finish, Text, ToolCallFragment
from genie_nb.backend.runs import Run
from genie_nb.backend.settings import ApprovalRule, Settings
from genie_nb.backend.tools.functions import tool
from genie_nb.errors import CallDenied, Deadline, RequestError, SettingsError
from genie_nb.events import ApprovalGiven, ApprovalRequested, ToolFinished
from genie_nb.transcript import ToolCall
from tests.fakes import BOUND_S, ChunkModel, TurnedClock, events_of, make_context, of_kind, run

CODE = {"code": "import os\nos.remove('a.csv')"}
RULES: dict[str, tuple[list[Any], bool, str]] = {
    "no rule, no mark": ([], False, "allow"),
    "the tool is marked": ([], True, "ask"),
    "a tool's name is a rule to ask": (["code_interpreter"], False, "ask"),
    "another tool's name is none": (["deep_search"], False, "allow"),
    "any letters": ([{"tool": "code_*"}], False, "ask"),
    "what the arguments are like": ([{"tool": "code_interpreter", "arguments": "*os.remove*"}], False, "ask"),
    "arguments unlike these": ([{"arguments": "*shutil*"}], False, "allow"),
    "the first rule that fits counts": ([{"arguments": "*remove*", "then": "refuse"}, "code_interpreter"], False, "refuse"),
    "a rule overrules the mark": ([{"tool": "*", "then": "allow"}], True, "allow"),
}


@pytest.mark.parametrize(("rules", "asks", "then"), RULES.values(), ids=RULES.keys())
def test_a_rule_or_a_mark_says_what_becomes_of_a_call(rules: list[Any], asks: bool, then: str) -> None:
    settings = Settings.load(approval=rules)

    assert Approvals(settings.approval).rule_for(Question("c1", "code_interpreter", CODE, asks)) == then


HEAD = "print(df.head())"
PASSES = {"tool": "code_interpreter", "arguments": {"code": "print(df.head())*"}, "then": "allow"}
CALLS: dict[str, tuple[object, dict[str, Any], str]] = {
    "the argument is like this": (PASSES["arguments"], {"code": HEAD + "  # first rows"}, "allow"),
    "a line break at its end": (PASSES["arguments"], {"code": HEAD + "\n"}, "allow"),
    "an argument that is not named": (PASSES["arguments"], {"code": HEAD, "more": "import os"}, "ask"),
    "a further line": (PASSES["arguments"], {"code": HEAD + "\nimport os"}, "ask"),
    "a further line of another kind": (PASSES["arguments"], {"code": HEAD + "\rimport os"}, "ask"),
    "a line before": (PASSES["arguments"], {"code": "import os\n" + HEAD}, "ask"),
    "another argument": (PASSES["arguments"], {"text": HEAD}, "ask"),
    "no argument": (PASSES["arguments"], {}, "ask"),
    "no text": (PASSES["arguments"], {"code": [HEAD]}, "ask"),
    "several lines that are meant": ({"code": "a = 1\n*"}, {"code": "a = 1\nprint(a)"}, "allow"),
    "brackets are no class of letters": ({"code": "df[0]"}, {"code": "df0"}, "ask"),
    "brackets are brackets": ({"code": "df[0]"}, {"code": "df[0]"}, "allow"),
    "one pattern for the only argument": ("print(df.head())*", {"code": HEAD}, "allow"),
    "one pattern and a further line": ("print(df.head())*", {"code": HEAD + "\nimport os"}, "ask"),
    "one pattern and two arguments": ("*df*", {"code": HEAD, "more": HEAD}, "ask"),
    "anything": ("*", {"code": "import os\nos", "more": 1}, "allow"),
}


@pytest.mark.parametrize(("arguments", "call", "then"), CALLS.values(), ids=CALLS)
def test_a_rule_that_allows_matches_every_argument_whole(arguments: object, call: dict[str, Any], then: str) -> None:
    rules = Settings.load(approval=[PASSES | {"arguments": arguments}, "code_interpreter"]).approval

    assert Approvals(rules).rule_for(Question("c1", "code_interpreter", call)) == then


FORBIDDEN: dict[str, tuple[object, dict[str, Any], str]] = {
    "in any line": ({"code": "*os.remove*"}, {"code": "import os\nos.remove('a')\n"}, "refuse"),
    "beside other arguments": ({"code": "*os.remove*"}, {"code": "os.remove('a')", "more": 1}, "refuse"),
    "in another argument": ({"code": "*os.remove*"}, {"code": "1", "more": "os.remove('a')"}, "allow"),
    "in any argument": ("*os.remove*", {"code": "1", "more": ["os.remove('a')"]}, "refuse"),
    "all that are named": ({"path": "*", "mode": "w"}, {"path": "a", "mode": "r"}, "allow"),
    "without the argument": ({"path": "*"}, {}, "allow"),
}


@pytest.mark.parametrize(("arguments", "call", "then"), FORBIDDEN.values(), ids=FORBIDDEN)
def test_a_rule_that_refuses_fits_whatever_else_the_call_holds(arguments: object, call: dict[str, Any], then: str) -> None:
    rules = Settings.load(approval=[{"arguments": arguments, "then": "refuse"}]).approval

    assert Approvals(rules).rule_for(Question("c1", "code_interpreter", call)) == then


def test_a_wrong_rule_is_one_sentence() -> None:
    with pytest.raises(SettingsError, match=r"approval\.0\.then"):
        Settings.load(approval=[{"tool": "t", "then": "maybe"}])


def asked(folder: Path, decide: Callable[[Approvals], object], **options: Any) -> tuple[object, list[Any]]:
    """What a question comes to, and the events that it makes."""
    context = make_context(folder)
    context.printer.transcript.calls["c1"] = ToolCall("c1", "code_interpreter", "a")
    approvals = Approvals([ApprovalRule(tool="code_interpreter")], **options)

    async def work() -> object:
        checking = asyncio.create_task(
            approvals.check(Question("c1", "code_interpreter", CODE, at_hand=("a.csv", "b")), context.printer)
        )
        while not context.printer.transcript.calls["c1"].asked:
            await asyncio.sleep(0)
        decide(approvals)
        try:
            return await checking
        except CallDenied as denied:
            return str(denied)

    return run(work()), events_of(context)


ANSWERS: dict[str, tuple[dict[str, Any], object]] = {
    "once": ({"verdict": "once"}, CODE),
    "always": ({"verdict": "always"}, CODE),
    "changed": ({"verdict": "once", "arguments": '{"code": "1"}'}, {"code": "1"}),
    "refused": ({"verdict": "refused"}, "This call of code_interpreter was refused."),
    "refused with a reason": (
        {"verdict": "refused", "reason": "Keep 文件."},
        "This call of code_interpreter was refused. The reason: Keep 文件.",
    ),
}


@pytest.mark.parametrize(("answer", "comes_to"), ANSWERS.values(), ids=ANSWERS.keys())
def test_an_answer_decides_what_runs(tmp_path: Path, answer: dict[str, Any], comes_to: object) -> None:
    outcome, events = asked(tmp_path, lambda approvals: approvals.decide("c1", **answer))

    assert outcome == comes_to
    question, given = events
    assert isinstance(question, ApprovalRequested)
    assert json.loads(question.arguments) == CODE
    assert question.files == ("a.csv",)
    assert isinstance(given, ApprovalGiven)
    assert (given.verdict, given.reason) == (answer["verdict"], answer.get("reason", ""))


def test_nobodys_answer_is_a_refusal(tmp_path: Path) -> None:
    outcome, events = asked(tmp_path, lambda approvals: None, timeout_s=0.01)

    assert outcome == "Nobody allowed this call of code_interpreter within 0.01 s, so it was not made."
    assert [(event.verdict, event.by) for event in of_kind(events, ApprovalGiven)] == [("timeout", "clock")]


def test_always_is_for_the_tool_and_refusals_by_rule_stay(tmp_path: Path) -> None:
    approvals = Approvals([ApprovalRule(arguments="*secret*", then="refuse"), ApprovalRule(tool="t")], allowed={"t"})

    assert approvals.rule_for(Question("c1", "t", {})) == "allow"
    assert approvals.rule_for(Question("c1", "t", {"x": "a secret"})) == "refuse"
    assert approvals.rule_for(Question("c1", "u", {}, asks=True)) == "ask"


WRONG: dict[str, dict[str, Any]] = {
    "another call": {"call_id": "c9", "verdict": "once"},
    "no JSON": {"call_id": "c1", "verdict": "once", "arguments": "{"},
    "no object": {"call_id": "c1", "verdict": "once", "arguments": "[1]"},
    "too deep": {"call_id": "c1", "verdict": "once", "arguments": "[" * 100_000},
}


@pytest.mark.parametrize("wrong", WRONG.values(), ids=WRONG.keys())
def test_a_wrong_answer_is_refused_and_the_call_waits_on(tmp_path: Path, wrong: dict[str, Any]) -> None:
    def decide(approvals: Approvals) -> None:
        with pytest.raises(RequestError):
            approvals.decide(**wrong)
        approvals.decide("c1", "once")
        with pytest.raises(RequestError, match="answered already"):  # the first answer counts
            approvals.decide("c1", "refused")

    assert asked(tmp_path, decide)[0] == CODE


# A whole run


@tool(asks=True)
def transfer(amount: int) -> str:
    """Send money."""
    return f"sent {amount}"


CALLS = [ToolCallFragment(0, call_id="a", name="transfer", arguments='{"amount": 5}'), Finish()]


def model() -> ChunkModel:
    return ChunkModel([CALLS, [Text("done"), Finish()]])


async def decided(asking: Run, **decision: Any) -> None:
    async for event in asking.events():
        if isinstance(event, ApprovalRequested):
            await asking.decide(event.call_id, **decision)


DECISIONS: dict[str, tuple[dict[str, Any], str, str]] = {
    "allowed": ({"verdict": "once"}, "ok", "sent 5"),
    "changed": (
        {"verdict": "once", "arguments": '{"amount": 1}'},
        "ok",
        'The person changed the arguments of this call to {"amount": 1}\n\nsent 1',
    ),
    "changed to nothing": (
        {"verdict": "once", "arguments": "{}"},
        "error",
        "The call of transfer lacks amount. Send it again with all arguments.",
    ),
    "refused": (
        {"verdict": "refused", "reason": "Too much."},
        "denied",
        "This call of transfer was refused. The reason: Too much.",
    ),
}


@pytest.mark.parametrize(("decision", "status", "output"), DECISIONS.values(), ids=DECISIONS.keys())
def test_a_run_pauses_until_a_person_decides(
    make_run: Callable[..., Run], backend: Any, decision: dict[str, Any], status: str, output: str
) -> None:
    asking = make_run(model(), transfer)
    backend.submit(decided(asking, **decision))
    asking.start().result(BOUND_S)

    call = next(iter(asking.transcript.calls.values()))
    assert (call.status, call.output) == (status, output)
    assert (asking.status, asking.answer) == ("finished", "done")
    assert asking.questions == ()


async def decided_late(asking: Run, clock: TurnedClock) -> None:
    """A person thinks for 300 s; what comes after that takes 15 s."""
    async for event in asking.events():
        if isinstance(event, ApprovalRequested):
            clock.ahead_s += 300
            await asking.decide(event.call_id, "once")
        elif isinstance(event, ApprovalGiven):
            clock.ahead_s += 15


def test_the_deadline_stands_still_while_a_person_thinks(make_run: Callable[..., Run], backend: Any) -> None:
    clock = TurnedClock(backend.loop)
    asking = make_run(model(), transfer, deadline_s=120)
    backend.submit(decided_late(asking, clock))

    assert asking.start().result(BOUND_S).answer == "done"


def test_the_deadline_goes_on_after_the_answer_and_what_was_used_before_it_counts(
    make_run: Callable[..., Run], backend: Any
) -> None:
    """The run has 60 s: 50 pass before it asks, and 15 when it goes on."""
    clock = TurnedClock(backend.loop)

    class Slow(ChunkModel):
        async def stream(self, *asked: Any) -> AsyncGenerator[Chunk, None]:
            if self.asked:
                await asyncio.Event().wait()
            clock.ahead_s += 50
            async for chunk in super().stream(*asked):
                yield chunk

    asking = make_run(Slow([CALLS]), transfer, deadline_s=60)
    backend.submit(decided_late(asking, clock))
    asking.start().result(BOUND_S)

    assert isinstance(asking.error, Deadline)
    assert next(iter(asking.transcript.calls.values())).asked  # it was not over before the question


def test_what_is_always_allowed_stays_so_for_the_conversations_next_questions(
    make_run: Callable[..., Run], backend: Any, tmp_path: Path
) -> None:
    """In another conversation the tool is asked about again."""
    talk, other = (Conversation(tmp_path / name) for name in ("talk", "other"))
    asked_about = []
    for conversation in (talk, talk, other):
        asking = make_run(model(), transfer, request={"conversation": conversation})
        backend.submit(decided(asking, verdict="always"))
        assert asking.start().result(BOUND_S).answer == "done"
        asked_about.append(len(of_kind(asking.events_so_far(), ApprovalRequested)))

    assert asked_about == [1, 0, 1]


def test_a_run_that_waits_can_be_stopped(make_run: Callable[..., Run], backend: Any) -> None:
    async def stop(asking: Run) -> None:
        async for event in asking.events():
            if isinstance(event, ApprovalRequested):
                asking.cancel("Enough.")

    asking = make_run(model(), transfer)
    backend.submit(stop(asking))
    asking.start().result(BOUND_S)

    assert asking.status == "cancelled"
    ends = of_kind([entry.event for entry in asking.channel.after(0)], ToolFinished)
    assert [end.status for end in ends] == ["cancelled"]
