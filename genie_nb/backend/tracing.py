"""Tracing: a run's events as OpenTelemetry spans, in the words of its conventions for generative AI.

Spans are made of events, so that a run costs nothing where no SDK is configured, and a remote run is traced like one here.
https://opentelemetry.io/docs/specs/semconv/gen-ai/

Above: `runs`. Below: `events`.
"""

import os
import sys
from collections.abc import AsyncIterator
from typing import Any

from genie_nb import events as ev

__all__ = ("SpanWriter", "trace_run", "tracing")

NAME = "genie_nb"
PROVIDER_NAME = "OTEL_PYTHON_TRACER_PROVIDER"
"""The environment variable that OpenTelemetry itself finds an SDK by."""


def tracing() -> bool:
    """Whether somebody configured an SDK that takes spans."""
    if "opentelemetry.trace" not in sys.modules and PROVIDER_NAME not in os.environ:
        return False  # who configures one has loaded it, or names it there
    try:
        from opentelemetry import trace
    except ImportError:  # the extra `otel` is not installed
        return False
    return type(trace.get_tracer_provider()).__name__ not in ("ProxyTracerProvider", "NoOpTracerProvider")


async def trace_run(events: AsyncIterator[ev.RunEvent]) -> None:
    """Write the spans of a run while it goes on."""
    writer = SpanWriter()
    async for event in events:
        writer.take(event)


class SpanWriter:
    """Turns the events of one run into spans: the run, its tasks, its model calls, its tool calls."""

    def __init__(self) -> None:
        from opentelemetry import context, trace

        self._context, self._trace = context, trace
        self._tracer = trace.get_tracer(NAME)
        self._open: dict[tuple[str, str], Any] = {}
        self._model = ""

    def take(self, event: ev.RunEvent) -> None:
        """Begin or end the spans that this event begins or ends."""
        task = event.task_id or ""
        match event:
            case ev.RunStarted():
                self._model = event.model
                names = {"gen_ai.operation.name": "invoke_agent", "gen_ai.agent.name": event.agent}
                self._begin(("run", ""), f"invoke_agent {event.agent}", event, names | {"genie.run_id": event.run_id})
            case ev.TaskStarted():
                self._begin(("task", task), f"task {event.title}"[:120], event, {"gen_ai.agent.name": event.assignee})
            case ev.StepStarted():
                self._end(("step", task), event)
                names = {"gen_ai.operation.name": "chat", "gen_ai.request.model": self._model}
                self._begin(("step", task), f"chat {self._model}", event, names | {"genie.step": event.step})
            case ev.UsageReported():
                used = {"gen_ai.usage.input_tokens": event.input_tokens, "gen_ai.usage.output_tokens": event.output_tokens}
                self._end(("step", task), event, used)
            case ev.ToolStarted():
                names = {"gen_ai.operation.name": "execute_tool", "gen_ai.tool.name": event.tool}
                called = {"gen_ai.tool.call.id": event.call_id}
                self._begin(("tool", event.call_id), f"execute_tool {event.tool}", event, names | called)
            case ev.ToolFinished():
                failed = "" if event.status == "ok" else event.status
                self._end(("tool", event.call_id), event, failed=failed)
            case ev.TaskFinished():
                self._end(("step", task), event)
                self._end(("task", task), event, failed="" if event.status == "completed" else event.status)
            case ev.RunFinished() | ev.RunFailed() | ev.RunCancelled():
                self._end_all(event)

    def _begin(self, key: tuple[str, str], name: str, event: ev.RunEvent, attributes: dict[str, Any]) -> None:
        parent = self._open.get(("task", event.task_id or "")) or self._open.get(("run", ""))
        trace = self._trace
        inside = trace.set_span_in_context(parent) if parent is not None else self._context.Context()
        kind = trace.SpanKind.CLIENT if key[0] == "step" else trace.SpanKind.INTERNAL
        self._open[key] = self._tracer.start_span(
            name, context=inside, kind=kind, attributes=attributes, start_time=_nanoseconds(event.at)
        )

    def _end(
        self, key: tuple[str, str], event: ev.RunEvent, attributes: dict[str, Any] | None = None, *, failed: str = ""
    ) -> None:
        span = self._open.pop(key, None)
        if span is None:
            return
        span.set_attributes(attributes or {})
        if failed:
            span.set_attribute("error.type", failed)
            span.set_status(self._trace.Status(self._trace.StatusCode.ERROR, failed))
        span.end(end_time=_nanoseconds(event.at))

    def _end_all(self, event: ev.RunFinished | ev.RunFailed | ev.RunCancelled) -> None:
        match event:
            case ev.RunFailed(code=code):
                failed = code
            case ev.RunCancelled():
                failed = "cancelled"
            case _:
                failed = ""
        for key in [key for key in self._open if key != ("run", "")]:
            self._end(key, event)
        self._end(("run", ""), event, failed=failed)


def _nanoseconds(seconds: float) -> int:
    return int(seconds * 1e9)
