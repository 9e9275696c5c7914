"""Reads the body of a chat.completions answer: bytes, cut anywhere, to chunks.

It takes what servers really send: the stream of the API's reference and its many dialects, a whole completion as one JSON
document, an error inside an answer of status 200. Pure: no network, no clock.

Above: `openai`. Below: `call_fragments`, `think_tags`, `model_errors`, `wire/frames`.
"""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any, Literal, NoReturn

from genie_nb.backend.models.base import Chunk, Finish, Reasoning, Text, TokenCount
from genie_nb.backend.models.call_fragments import CallAssembler
from genie_nb.backend.models.model_errors import Endpoint, Failure, explain, failure_of, page_title
from genie_nb.backend.models.think_tags import ThinkSplitter
from genie_nb.backend.wire.frames import Frame, FrameDecoder
from genie_nb.errors import ModelError, WireError

__all__ = ("ChatStream",)

_MAX_DOCUMENT_BYTES = 8 * 2**20
# Until the first of these bytes is no blank, it may be either; a document of JSON or HTML begins with one of three signs.
_WAIT_OR_DOCUMENT = re.compile(rb"(\xef(\xbb(\xbf)?)?)?\s*([{[<]|\Z)")
_FIELD = re.compile(rb"(\xef\xbb\xbf)?(:|data|event|id|retry)")
_OUTCOMES: dict[str, Literal["length", "content_filter"]] = {
    "length": "length",
    "max_tokens": "length",
    "content_filter": "content_filter",
}


class ChatStream:
    """One reply being read.

    Attributes:
        signs_of_life: How many pieces of the reply came; comments, pings and other keep-alives are none.
    """

    def __init__(self, endpoint: Endpoint) -> None:
        self.signs_of_life = 0
        self._endpoint = endpoint
        self._frames = FrameDecoder()
        self._document: bytearray | None = bytearray()
        self._head = b""
        self._splitter = ThinkSplitter()
        self._calls = CallAssembler()
        self._partial: list[str] = []
        self._usage: TokenCount | None = None
        self._finish_reason = ""
        self._finished = False

    @property
    def partial(self) -> str:
        """The reply's text so far."""
        return "".join(self._partial)

    def feed(self, piece: bytes) -> Iterator[Chunk]:
        """Read the next bytes; to be exhausted before the next call.

        Yields:
            Chunks, as far as the bytes make them whole.

        Raises:
            ModelError: The bytes tell of a failure, or are no chat stream.
        """
        try:
            for frame in self._take(piece):
                yield from self._read_frame(frame)
        except WireError as error:
            self._fail("not_a_stream", str(error))

    def end(self) -> Iterator[Chunk]:
        """Read what is left when the body has ended.

        Yields:
            The last chunks, and a `Finish` if the reply is complete.

        Raises:
            ModelError: It is not complete (`truncated`), or was no chat stream.
        """
        if self._document is not None:
            yield from self._read_document(bytes(self._document))
            return
        last = self._frames.end()
        if last is not None:
            yield from self._read_frame(last)
        if self._finished:
            return
        if self._head and not _FIELD.match(self._head):
            self._fail("not_a_stream", self._head.decode("utf-8", "replace"))
        if not self._finish_reason:
            self._fail("truncated")
        yield from self._finish()

    def fail(self, kind: str, words: str = "") -> ModelError:
        """The error for a failure that only the reader's caller can see, with the partial text."""
        return explain(Failure(kind, words), self._endpoint, partial=self.partial)

    def _fail(self, kind: str, words: str = "") -> NoReturn:
        raise self.fail(kind, words)

    def _take(self, piece: bytes) -> list[Frame]:
        """The frames in these bytes, once it is clear that the body is no document."""
        if len(self._head) < 200:
            self._head = (self._head + piece).lstrip()[:200]
        if self._document is None:
            return self._frames.feed(piece)
        self._document += piece
        if not _WAIT_OR_DOCUMENT.match(self._head):
            body, self._document = bytes(self._document), None
            return self._frames.feed(body)
        if len(self._document) > _MAX_DOCUMENT_BYTES:
            self._fail("not_a_stream", f"a document of more than {_MAX_DOCUMENT_BYTES:,} bytes")
        return []

    def _read_document(self, body: bytes) -> Iterator[Chunk]:
        text = body.decode("utf-8-sig", "replace").strip()
        if not text:
            self._fail("truncated", "the body was empty")
        try:
            document = _parse(text)
        except ValueError:
            self._fail("not_a_stream", page_title(text))
        yield from self._read_event(document)
        if not self.signs_of_life:
            self._fail("not_a_stream", text[:200])
        yield from self._finish()

    def _read_frame(self, frame: Frame) -> Iterator[Chunk]:
        if self._finished:
            return
        if frame.data.strip() == "[DONE]":
            if not self.signs_of_life:
                self._fail("server", "the reply was empty")
            yield from self._finish()
            return
        try:
            event = _parse(frame.data)
        except ValueError:
            event = None  # keep-alives are often no JSON
        if frame.event == "error" and not (isinstance(event, Mapping) and event.get("error")):
            event = {"error": event or frame.data}
        yield from self._read_event(event)

    def _read_event(self, event: object) -> Iterator[Chunk]:
        failure = failure_of(event)
        if failure is not None:
            raise explain(failure, self._endpoint, partial=self.partial)
        if not isinstance(event, Mapping):
            return
        self._count(event.get("usage"))
        choices = event.get("choices")
        if not isinstance(choices, list) or not choices:
            return
        self.signs_of_life += 1
        for choice in choices:
            if isinstance(choice, Mapping) and not choice.get("index"):
                yield from self._read_choice(choice)

    def _read_choice(self, choice: Mapping[str, Any]) -> Iterator[Chunk]:
        self._count(choice.get("usage"))
        delta = choice.get("delta") or choice.get("message")
        if isinstance(delta, Mapping):
            for chunk in self._read_delta(delta):
                if isinstance(chunk, Text):
                    self._partial.append(chunk.text)
                yield chunk
        reason = choice.get("finish_reason")
        if reason == "error":
            self._fail("server", "it ended the reply with an error")
        if isinstance(reason, str) and reason:
            self._finish_reason = reason

    def _read_delta(self, delta: Mapping[str, Any]) -> Iterator[Chunk]:
        thought = delta.get("reasoning_content") or delta.get("reasoning")
        if isinstance(thought, str) and thought:
            yield Reasoning(thought)
        for thinking, text in _content(delta.get("content")):
            if thinking:
                yield Reasoning(text)
            else:
                yield from self._splitter.feed(text)
        refusal = delta.get("refusal")
        if isinstance(refusal, str):
            yield from self._splitter.feed(refusal)
        pieces = delta.get("tool_calls")
        pieces = list(pieces) if isinstance(pieces, list) else []
        if delta.get("function_call"):
            pieces.append({"index": 0, "function": delta["function_call"]})
        if pieces:
            yield from self._splitter.flush()
            yield from self._calls.feed(pieces)

    def _count(self, usage: object) -> None:
        if isinstance(usage, Mapping):
            sent, got = usage.get("prompt_tokens"), usage.get("completion_tokens")
            self._usage = TokenCount(sent if isinstance(sent, int) else 0, got if isinstance(got, int) else 0)

    def _finish(self) -> Iterator[Chunk]:
        self._finished = True
        yield from self._splitter.flush()
        yield from self._calls.flush()
        if self._usage is not None:
            yield self._usage
        yield Finish(_OUTCOMES.get(self._finish_reason, "ok"))


def _parse(text: str) -> object:
    try:
        value = json.loads(text)
    except RecursionError as error:
        raise ValueError("nested too deep") from error
    if "\\ud" in text.lower():
        # Half an emoji, written as an escape, cannot be sent on as UTF-8: it becomes U+FFFD.
        text = json.dumps(value, ensure_ascii=False).encode("utf-16", "surrogatepass").decode("utf-16", "replace")
        value = json.loads(text)
    return value


def _content(content: object) -> Iterator[tuple[bool, str]]:
    """The texts of a delta's content, and whether each is thinking; Mistral sends lists of typed parts."""
    if isinstance(content, str):
        yield False, content
    elif isinstance(content, list):
        for part in content:
            if isinstance(part, Mapping):
                for key in ("thinking", "text"):
                    for _, text in _content(part.get(key)):
                        yield key == "thinking", text
