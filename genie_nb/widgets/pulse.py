"""The pulse: how long a run has gone on, and what it is waiting for. Pure; the clock is passed in.

Ages are counted from the times in the events and the time since the last one came, so that neither a recording nor another
machine's clock can make them wrong.

Above: `run_view`. Below: `events`, `transcript`.
"""

from typing import Any

from genie_nb import events as ev
from genie_nb.controls import show_line
from genie_nb.transcript import Transcript

__all__ = ("Pulse",)

LEAST_WAIT_S = 1.0
"""Seconds; who counts down less says "in 0 s" and is gone."""


class Pulse:
    """What the line on top of a run has to know of time."""

    def __init__(self) -> None:
        self._last_at = 0.0
        self._came = 0.0
        self._tools: dict[str, tuple[str, float]] = {}
        self._asked: dict[str, tuple[str, float]] = {}

    def beat(self, event: ev.RunEvent, now: float) -> None:
        """Take an event that came at `now`, in seconds of a steady clock."""
        self._last_at, self._came = event.at, now
        match event:
            case ev.ToolStarted():
                self._tools[event.call_id] = (event.tool, event.at)
            case ev.ApprovalRequested():
                self._asked[event.call_id] = self._tools.pop(event.call_id, (event.tool, event.at))
            case ev.ApprovalGiven():
                self._tools[event.call_id] = (self._asked.pop(event.call_id, ("", 0.0))[0], event.at)
            case ev.ToolFinished():
                self._tools.pop(event.call_id, None)

    def kind(self, transcript: Transcript) -> tuple[object, ...]:
        """What is waited for; while this stays equal, a page can go on counting by itself."""
        return (transcript.status, transcript.waiting, tuple(self._tools), tuple(self._asked))

    def state(self, transcript: Transcript, now: float) -> dict[str, Any]:
        """Ages in seconds at `now`: of the run, of its silence, of its running tool, and what is left of a wait."""
        silent = max(now - self._came, 0.0) if self._came else 0.0
        moment = self._last_at + silent
        state: dict[str, Any] = {"status": transcript.status, "silent": round(silent, 2)}
        if transcript.ended:
            state["elapsed"] = round(transcript.ended_at - transcript.started_at, 2)
        elif transcript.status == "running":
            state["elapsed"] = round(moment - transcript.started_at, 2)
        if transcript.waiting and transcript.waiting.seconds >= LEAST_WAIT_S:
            left = transcript.waiting.seconds - (moment - transcript.waiting.at)
            state["waiting"] = {"why": transcript.waiting.reason, "left": round(left, 2)}
        elif self._asked and not transcript.ended:
            state["asked"] = True
        elif self._tools and not transcript.ended:
            tool, started = next(reversed(self._tools.values()))
            state["tool"] = {"name": show_line(tool), "age": round(moment - started, 2)}
        return state
