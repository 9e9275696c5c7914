"""What JDGenie says of tool calls and files: the bodies of its code, deep_search, report and tool_result messages.

They are the same objects in all its dialects: the tool service makes them, the backend and the page's packets wrap them.

Above: `genie_agent`, `genie_web`, `genie_tool`. Below: `events`, `parts`.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple, assert_never

import msgspec

from genie_nb import events as ev
from genie_nb.parts import CodePart, DocumentPart, FileRef, Hit, Part, SearchPart, StreamPart

__all__ = ("FileUrl", "FileUrls", "JsonObject", "Message", "ToolCalls", "file_item", "one_line")

_LINE_ENDS = ((b"\xe2\x80\xa8", b"\\u2028"), (b"\xe2\x80\xa9", b"\\u2029"), (b"\xc2\x85", b"\\u0085"))

JsonObject = dict[str, Any]


class FileUrls(NamedTuple):
    """Where a file can be seen, and where it can be fetched."""

    preview: str
    download: str


FileUrl = Callable[[str, FileRef], FileUrls]
"""The addresses of a file of the run with this id."""


def file_item(file: FileRef, urls: FileUrls) -> JsonObject:
    """A file as JDGenie lists it; the size is in bytes, not characters (# T15)."""
    download, preview = urls.download, urls.preview
    return {
        "fileName": file.name,
        "ossUrl": download,
        "domainUrl": preview,
        "downloadUrl": download,
        "fileSize": file.size,
    }


def one_line(value: JsonObject) -> bytes:
    """The object as JSON without any character at which some client would split a line."""
    line = msgspec.json.encode(value)
    for character, escaped in _LINE_ENDS:
        line = line.replace(character, escaped)
    return line


@dataclass
class _Call:
    """A running tool call, as far as its messages need it."""

    started: ev.ToolStarted
    fragments: list[str] = field(default_factory=list)
    files: list[JsonObject] = field(default_factory=list)
    told: list[str] = field(default_factory=list)
    found: dict[str, list[JsonObject]] = field(default_factory=dict)
    announced: bool = False

    @property
    def arguments(self) -> JsonObject:
        """The arguments, or none where they are no JSON object."""
        try:
            return msgspec.json.decode("".join(self.fragments), type=dict[str, Any])
        except (msgspec.DecodeError, UnicodeError, RecursionError):
            return {}

    @property
    def query(self) -> str:
        """What is searched for."""
        return str(self.arguments.get("query", ""))

    @property
    def report_type(self) -> str:
        """What a report is: html, ppt, or else markdown."""
        asked = self.arguments.get("fileType", self.arguments.get("file_type", self.arguments.get("format")))
        return {"html": "html", "ppt": "ppt", "pptx": "ppt"}.get(str(asked), "markdown")


class Message(NamedTuple):
    """What a tool call says; `content` is what its type puts into resultMap or, for a tool_result, into toolResult."""

    type: str
    id: str
    content: JsonObject
    final: bool = True


class ToolCalls:
    """Turns the events of tool calls into messages: each call's id is its stream's, other messages have none."""

    def __init__(self) -> None:
        self._open: dict[str, _Call] = {}

    def take(self, event: ev.ToolStarted | ev.ToolArguments | ev.ToolOutput | ev.ToolFinished) -> Iterable[Message]:
        """What is to be said of this event."""
        if isinstance(event, ev.ToolStarted):
            self._open[event.call_id] = _Call(event)
            return []
        call = self._open[event.call_id]
        match event:
            case ev.ToolArguments():
                call.fragments.append(event.fragment)
                return []
            case ev.ToolOutput():
                return _SHOWN.get(call.started.tool, _nothing)(call, event.part)
            case ev.ToolFinished():
                del self._open[event.call_id]
                output = event.output or ("" if event.status == "ok" else f"The call ended with: {event.status}.")
                return _ENDED.get(call.started.tool, _tool_result)(call, output)
            case _:
                assert_never(event)

    def assignee(self, call_id: str) -> str | None:
        """Who makes this call, while it runs."""
        return self._open[call_id].started.assignee if call_id in self._open else None

    def add_file(self, call_id: str | None, item: JsonObject) -> None:
        """Remember a file for the last message of its call."""
        if call_id in self._open:
            self._open[call_id].files.append(item)

    def take_report(self, task_id: str | None, text: str, *, final: bool) -> Iterable[Message] | None:
        """What is to be said of a report's text; None while no report is made and nothing searched in this task."""
        reports = (call for call in self._open.values() if call.started.tool in ("report", "deep_search"))
        call = next((report for report in reports if report.started.task_id == task_id), None)
        if call is None:
            return None
        if final:
            call.told[:] = [text]
            return []
        return _SHOWN[call.started.tool](call, StreamPart(text=text))


def _nothing(_call: _Call, _part: Part) -> Iterable[Message]:
    return []


def _code_shown(call: _Call, part: Part) -> Iterable[Message]:
    if isinstance(part, CodePart):
        call.announced = True
        yield Message("code", "", {"code": part.code, "fileInfo": [], "isFinal": False}, final=False)


def _code_ended(call: _Call, output: str) -> Iterable[Message]:
    code = call.arguments.get("code")
    if not call.announced and isinstance(code, str):
        yield from _code_shown(call, CodePart(code=code))
    yield Message("code", "", {"codeOutput": output, "fileInfo": call.files, "isFinal": True})


def _search_shown(call: _Call, part: Part) -> Iterable[Message]:
    if isinstance(part, SearchPart):
        yield from _stage_shown(call, part)
    elif isinstance(part, StreamPart | DocumentPart) and part.text:
        if not call.announced:
            yield from _extend(call, [call.query])
        call.told.append(part.text)
        yield _answer(call, part.text, final=False)


def _stage_shown(call: _Call, part: SearchPart) -> Iterable[Message]:
    """A round is told twice, as it begins and with all that it found; docs[i] belong to query[i] (# T6)."""
    match part.stage:
        case "queries":
            yield from _found(call)
            yield from _extend(call, part.queries)
            call.found = {query: [] for query in part.queries}
        case "hits" if part.query:
            call.found.setdefault(part.query, []).extend(_doc(hit, part.engine) for hit in part.hits)
        case "hits":  # pages were read: their text takes the snippet's place (# T7)
            read = {hit.source: hit.text for hit in part.hits}
            for docs in call.found.values():
                for doc in docs:
                    doc["content"] = read.get(doc["link"], doc["content"])
        case "verdict" | "sources":
            yield from _found(call)


def _extend(call: _Call, queries: Sequence[str]) -> Iterable[Message]:
    call.announced = True
    yield _search(call, "extend", list(queries), [[] for _ in queries])


def _found(call: _Call) -> Iterable[Message]:
    """What the round found, told once."""
    if call.found:
        yield _search(call, "search", list(call.found), list(call.found.values()))
        call.found = {}


def _search_ended(call: _Call, output: str) -> Iterable[Message]:
    yield from _found(call)
    if not call.told:
        yield from _search_shown(call, DocumentPart(text=output))
    # The page appends even the final answer: it must be empty (# B18, U4).
    yield _answer(call, "", final=True)


def _search(call: _Call, step: str, queries: list[str], docs: list[list[JsonObject]]) -> Message:
    content = {
        "messageType": step,
        "query": call.query,
        "searchFinish": step == "search",
        "isFinal": False,
        "searchResult": {"query": queries, "docs": docs},
    }
    return Message("deep_search", call.started.call_id, content, final=False)


def _answer(call: _Call, answer: str, *, final: bool) -> Message:
    found: JsonObject = {"query": [], "docs": []}
    asked = {"messageType": "report", "query": call.query, "searchFinish": True, "isFinal": final, "searchResult": found}
    return Message("deep_search", f"{call.started.call_id}:report", asked | {"answer": answer}, final)


def _doc(hit: Hit, engine: str) -> JsonObject:
    """A find as JDGenie lists it; only an address of the web is a link, as the page opens it."""
    web = hit.source.startswith(("http://", "https://"))
    return {
        "doc_type": "web_page" if web else "file",
        "title": hit.title,
        "link": hit.source if web else "",
        "content": hit.text,
        "data": {"search_engine": engine, "source": hit.source},
    }


def _report_shown(call: _Call, part: Part) -> Iterable[Message]:
    if isinstance(part, StreamPart | DocumentPart) and part.text:
        call.told.append(part.text)
        yield Message(call.report_type, call.started.call_id, {"data": part.text, "isFinal": False}, final=False)


def _report_ended(call: _Call, output: str) -> Iterable[Message]:
    content = {"data": "".join(call.told) or output, "fileInfo": call.files, "isFinal": True}
    yield Message(call.report_type, call.started.call_id, content)


def _tool_result(call: _Call, output: str) -> Iterable[Message]:
    yield Message("tool_result", "", {"toolName": call.started.tool, "toolParam": call.arguments, "toolResult": output})


_SHOWN: dict[str, Callable[[_Call, Part], Iterable[Message]]] = {
    "code_interpreter": _code_shown,
    "deep_search": _search_shown,
    "report": _report_shown,
}
_ENDED: dict[str, Callable[[_Call, str], Iterable[Message]]] = {
    "code_interpreter": _code_ended,
    "deep_search": _search_ended,
    "report": _report_ended,
}
