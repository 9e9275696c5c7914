"""Approvals: which tool calls of a run a person is asked about, and what the person said.

A call that must be allowed waits here; the question and the answer are events, so whoever follows the run, here or over a
network, before or after a reconnect, sees the same question. The first answer counts. Nobody's answer is a refusal.

Above: `context`, `tools/base`, `runs`. Below: `printer`, `settings`.
"""

import asyncio
import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any, Literal

from genie_nb.backend.printer import Printer
from genie_nb.backend.settings import ApprovalRule
from genie_nb.errors import CallDenied, RequestError
from genie_nb.events import ApprovalGiven, ApprovalRequested, Verdict
from genie_nb.parts import readable

__all__ = ("FORBIDDEN", "Approvals", "Pauses", "Question")

FORBIDDEN = "A rule of the person forbids this call of {tool}. Do without it."


@dataclass(frozen=True)
class Question:
    """A call that somebody wants to make.

    Attributes:
        asks: Whether its tool is marked to ask before each call.
        at_hand: Names of the run's files.
    """

    call_id: str
    tool: str
    arguments: dict[str, Any]
    asks: bool = False
    at_hand: tuple[str, ...] = ()

    @property
    def texts(self) -> dict[str, str]:
        """The arguments' values as texts by name, which rules are compared with."""
        return {name: value if isinstance(value, str) else _json(value) for name, value in self.arguments.items()}

    @property
    def files(self) -> tuple[str, ...]:
        """Files of the run that the arguments name."""
        texts = self.texts.values()
        return tuple(name for name in self.at_hand if any(name in text for text in texts))


@dataclass(frozen=True)
class Pauses:
    """Who is told when the first question begins to wait, and when the last one is answered."""

    stop: Callable[[], object] = lambda: None
    go: Callable[[], object] = lambda: None


class Approvals:
    """The questions of one run; lives on the backend's loop.

    Attributes:
        pauses: What stands still while a person thinks: the run's deadline.
        allowed: Tools that the person always allows.
    """

    def __init__(
        self, rules: Iterable[ApprovalRule] = (), *, timeout_s: float = 3600.0, allowed: set[str] | None = None
    ) -> None:
        self.pauses = Pauses()
        self.allowed = set() if allowed is None else allowed
        self._rules = tuple(rules)
        self._timeout_s = timeout_s
        self._waiting: dict[str, asyncio.Future[ApprovalGiven]] = {}

    def rule_for(self, question: Question) -> Literal["allow", "ask", "refuse"]:
        """What becomes of a call: the first rule that fits it says so, then its tool's own mark."""
        for rule in self._rules:
            if _matches(question.tool, rule.tool) and _fits(rule, question.texts):
                return "allow" if rule.then == "ask" and question.tool in self.allowed else rule.then
        return "ask" if question.asks and question.tool not in self.allowed else "allow"

    async def check(self, question: Question, printer: Printer) -> dict[str, Any]:
        """Let a call pass, after a person allowed it where one has to; returns the arguments that are to be used.

        Raises:
            CallDenied: A rule or a person refused it, or nobody answered in time; the message is told to the model.
        """
        match self.rule_for(question):
            case "allow":
                return question.arguments
            case "refuse":
                raise CallDenied(FORBIDDEN.format(tool=question.tool))
            case "ask":
                return _outcome(question, await self._ask(question, printer), self._timeout_s)

    async def _ask(self, question: Question, printer: Printer) -> ApprovalGiven:
        answer: asyncio.Future[ApprovalGiven] = asyncio.get_running_loop().create_future()
        if not self._waiting:
            self.pauses.stop()
        self._waiting[question.call_id] = answer
        try:
            printer.emit(
                ApprovalRequested(
                    call_id=question.call_id,
                    tool=question.tool,
                    arguments=_json(question.arguments),
                    files=question.files,
                    timeout_s=self._timeout_s,
                )
            )
            await asyncio.wait({answer}, timeout=self._timeout_s)
        finally:
            del self._waiting[question.call_id]
            if not self._waiting:
                self.pauses.go()
        given = answer.result() if answer.done() else ApprovalGiven(call_id=question.call_id, verdict="timeout", by="clock")
        if given.verdict == "always":
            self.allowed.add(question.tool)
        printer.emit(given)
        return given

    def decide(self, call_id: str, verdict: Verdict, *, by: str = "person", reason: str = "", arguments: str = "") -> None:
        """Answer a question that waits; the first answer counts.

        Args:
            call_id: Which call.
            verdict: `once`, `always` or `refused`.
            by: Who says so.
            reason: Why it is refused; told to the model.
            arguments: JSON of what is to run instead.

        Raises:
            RequestError: No call of that id waits, or the arguments are no JSON object.
        """
        waiting = self._waiting.get(call_id)
        if waiting is None or waiting.done():
            raise RequestError(
                f"No call {call_id[:80]!r} waits to be allowed: it was answered already, or its time is over."
            )
        if arguments:
            _parsed(arguments)
        waiting.set_result(
            ApprovalGiven(call_id=call_id, verdict=verdict, by=by, reason=readable(reason), arguments=readable(arguments))
        )


def _fits(rule: ApprovalRule, texts: dict[str, str]) -> bool:
    """Whether a rule fits a call with these arguments; see `ApprovalRule`."""
    patterns = rule.arguments
    if patterns == "*":
        return True
    if rule.then == "allow":
        if isinstance(patterns, str):
            patterns = dict.fromkeys(texts, patterns) if len(texts) == 1 else {}
        return patterns.keys() == texts.keys() and all(_matches_by_line(texts[name], patterns[name]) for name in texts)
    if isinstance(patterns, str):
        return any(_matches(text, patterns) for text in texts.values())
    return all(name in texts and _matches(texts[name], pattern) for name, pattern in patterns.items())


def _matches(text: str, pattern: str) -> bool:
    """Whether the whole text is like this; `[` is a bracket like any other in code."""
    return fnmatchcase(text, pattern.replace("[", "[[]"))


def _matches_by_line(text: str, pattern: str) -> bool:
    """Whether each line of the text is like the same line of the pattern."""
    lines, patterns = text.splitlines(), pattern.splitlines()
    return len(lines) == len(patterns) and all(map(_matches, lines, patterns))


def _outcome(question: Question, given: ApprovalGiven, timeout_s: float) -> dict[str, Any]:
    match given.verdict:
        case "timeout":
            raise CallDenied(f"Nobody allowed this call of {question.tool} within {timeout_s:g} s, so it was not made.")
        case "refused":
            why = f" The reason: {given.reason}" if given.reason else ""
            raise CallDenied(f"This call of {question.tool} was refused.{why}")
        case "once" | "always":
            return _parsed(given.arguments) if given.arguments else question.arguments


def _parsed(arguments: str) -> dict[str, Any]:
    try:
        parsed = json.loads(arguments)
    except (ValueError, RecursionError) as error:
        raise RequestError(f"The changed arguments are not valid JSON ({error}).") from error
    if not isinstance(parsed, dict):
        raise RequestError("The changed arguments must be one JSON object.")
    return parsed


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)
