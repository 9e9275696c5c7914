"""Spans: made of events, named by the conventions, nested as the work is."""

from collections.abc import Callable, Iterator

import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from genie_nb.backend.models.scripted import Say, ScriptedModel
from genie_nb.backend.runs import Run
from genie_nb.backend.tracing import tracing
from tests.fakes import BOUND_S

CODE = ("code_interpreter", {"code": "print(1)"})


@pytest.fixture
def spans() -> Iterator[InMemorySpanExporter]:
    exporter = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    assert not tracing()
    trace._TRACER_PROVIDER = provider  # the SDK lets a process configure it once; a test has to put it back
    yield exporter
    trace._TRACER_PROVIDER = None


def traced(run: Run) -> Run:
    run.start().result(timeout_s=BOUND_S)

    async def written() -> None:
        await run._tracing

    run._backend.submit(written()).result(BOUND_S)
    return run


def test_a_run_is_a_tree_of_spans(spans: InMemorySpanExporter, make_run: Callable[..., Run]) -> None:
    run = traced(make_run(ScriptedModel([Say("I look.", [CODE]), Say("42")])))
    assert run.status == "finished"
    written = {span.name: span for span in spans.get_finished_spans()}
    assert set(written) == {"invoke_agent react", "chat scripted", "execute_tool code_interpreter"}
    root = written["invoke_agent react"]
    assert root.parent is None
    assert root.attributes["genie.run_id"] == run.run_id
    tool = written["execute_tool code_interpreter"]
    assert tool.parent.span_id == root.context.span_id
    assert tool.attributes["gen_ai.tool.name"] == "code_interpreter"
    assert root.start_time <= tool.start_time <= tool.end_time <= root.end_time
    chats = [span for span in spans.get_finished_spans() if span.name.startswith("chat")]
    assert [span.attributes["genie.step"] for span in chats] == [1, 2]
    assert all("gen_ai.usage.output_tokens" in span.attributes for span in chats)


def test_a_failed_run_is_a_failed_span(spans: InMemorySpanExporter, make_run: Callable[..., Run]) -> None:
    traced(make_run(ScriptedModel([])))
    (root,) = [span for span in spans.get_finished_spans() if span.parent is None]
    assert root.status.status_code is trace.StatusCode.ERROR
    assert root.attributes["error.type"]


def test_without_an_sdk_nothing_is_traced(make_run: Callable[..., Run]) -> None:
    run = make_run(ScriptedModel([Say("42")])).start().result(timeout_s=BOUND_S)
    assert run._tracing is None
