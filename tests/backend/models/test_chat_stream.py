"""What servers really send, and what a reader must make of it: the cases of tests/data/model_streams and our own."""

import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from genie_nb.backend.models.base import Chunk, Finish, Reasoning, Text, TokenCount, ToolCallFragment
from genie_nb.backend.models.chat_stream import ChatStream
from genie_nb.backend.models.model_errors import Endpoint
from genie_nb.errors import ContextTooLong, ModelError

STREAMS = Path(__file__).parents[2] / "data" / "model_streams"
ENDPOINT = Endpoint("tiny", "https://models.example/v1/chat/completions")
CASES = {path.stem: json.loads(path.read_text("utf-8")) for path in sorted(STREAMS.glob("*.json"))}
ANSWERED = [name for name, case in CASES.items() if case["status"] == 200]
FEEDS = {"whole": 10**9, "bytewise": 1, "by3": 3}


@dataclass
class Reading:
    """What a whole stream came to."""

    chunks: list[Chunk] = field(default_factory=list)
    error: ModelError | None = None

    @property
    def text(self) -> str:
        return "".join(c.text for c in self.chunks if isinstance(c, Text))

    @property
    def reasoning(self) -> str:
        return "".join(c.text for c in self.chunks if isinstance(c, Reasoning))

    @property
    def fragments(self) -> list[ToolCallFragment]:
        return [c for c in self.chunks if isinstance(c, ToolCallFragment)]

    @property
    def calls(self) -> list[tuple[str, str, str]]:
        """Id, name and arguments of each call; a second id or name would be glued on and fail the test."""
        whole: dict[int, list[str]] = {}
        for f in self.fragments:
            call = whole.setdefault(f.index, ["", "", ""])
            for place, piece in enumerate((f.call_id, f.name, f.arguments)):
                call[place] += piece
        assert list(whole) == list(range(len(whole)))
        return [(c[0], c[1], c[2]) for c in whole.values()]

    @property
    def finish(self) -> Finish | None:
        finishes = [c for c in self.chunks if isinstance(c, Finish)]
        assert len(finishes) <= 1
        assert not finishes or self.chunks[-1] is finishes[0]
        return finishes[0] if finishes else None

    @property
    def usage(self) -> TokenCount | None:
        counts = [c for c in self.chunks if isinstance(c, TokenCount)]
        assert len(counts) <= 1
        return counts[0] if counts else None


def read(body: bytes, size: int = 10**9) -> Reading:
    stream, reading = ChatStream(ENDPOINT), Reading()
    try:
        for start in range(0, len(body), size):
            reading.chunks.extend(stream.feed(body[start : start + size]))
        reading.chunks.extend(stream.end())
    except ModelError as error:
        reading.error = error
    return reading


def events(*deltas: dict, finish: str | None = "stop", done: bool = True) -> bytes:
    choices = [{"index": 0, "delta": delta} for delta in deltas]
    if finish:
        choices.append({"index": 0, "delta": {}, "finish_reason": finish})
    lines = [f"data: {json.dumps({'choices': [choice]})}\n\n" for choice in choices]
    return "".join([*lines, "data: [DONE]\n\n" if done else ""]).encode()


def texts(pieces: Iterable[str]) -> bytes:
    return events(*({"content": piece} for piece in pieces))


def calls(*pieces: object) -> bytes:
    return events(*({"tool_calls": piece if isinstance(piece, list) else [piece]} for piece in pieces))


def piece(arguments: object = None, *, name: str | None = None, **keys: object) -> dict:
    return {**keys, "function": {"name": name, "arguments": arguments}}


@pytest.mark.parametrize("feed", FEEDS)
@pytest.mark.parametrize("name", ANSWERED)
def test_a_documented_stream_gets_its_right_reading(name: str, feed: str) -> None:
    expected = CASES[name]["expected"]
    reading = read((STREAMS / f"{name}.sse").read_bytes(), FEEDS[feed])
    # The splitter's reading, not the raw text: what stands before an orphan tag in the reply's first delta is thinking.
    text, reasoning = ("42", "plan it") if name == "think_orphan_close" else (expected["text"], expected["reasoning"])
    assert reading.text == text + expected["refusal"]
    assert reading.reasoning == reasoning
    assert [call[1:] for call in reading.calls] == [(c["name"], c["arguments"]) for c in expected["tool_calls"]]
    for call, right in zip(reading.calls, expected["tool_calls"], strict=True):
        assert call[0] == right["id"] or (not right["id"] and call[0])
    match expected["outcome"]:
        case "error" | "truncated" as outcome:
            kind = expected["error"]["kind"] if outcome == "error" else "truncated"
            assert reading.error is not None
            assert (reading.error.kind, reading.error.partial, reading.finish) == (kind, text, None)
        case outcome:
            assert (reading.error, reading.finish) == (None, Finish(outcome))
            usage = expected["usage"]
            count = usage and TokenCount(usage["prompt_tokens"], usage["completion_tokens"])
            assert reading.usage == count


def test_every_documented_family_of_outcomes_is_among_the_cases() -> None:
    assert {case["expected"]["outcome"] for case in CASES.values()} == {
        "ok", "length", "content_filter", "error", "truncated",
    }  # fmt: skip
    assert len(ANSWERED) > 45


THINKING = {
    "in-one-delta": (["<think>\nplan it</think>\n\n42"], "\nplan it", "42"),
    "split-anywhere": (list("<think>\nplan it</think>\n\n42"), "\nplan it", "42"),
    "after-blanks": (["\n ", "<thi", "nk>a</th", "ink>", "b"], "a", "b"),
    "never-closed": (["<think>still", " at it </thi"], "still at it </thi", ""),
    "no-tag": (["a < b", " and <thin"], "", "a < b and <thin"),
    "looks-like-a-tag": (["<thing>", "x</th", "ing>"], "", "<thing>x</thing>"),
    "opening-tag-spoken-of": (["Use ", "<think>", " first."], "", "Use <think> first."),
    "both-tags-after-the-reply-began": (["<think>a</think>b", "<think>c</think>"], "a", "b<think>c</think>"),
    "orphan-in-first-delta": (["plan it</think>42"], "plan it", "42"),
    "orphan-in-later-delta": (["plan", " it", "</think>", "\n\n42"], "", "plan it\n\n42"),
    "orphan-split": (["plan it</thi", "nk>", "42"], "", "plan it\n\n42"),
    "empty-thinking": (["<think></think>", "\n", "42"], "", "42"),
    "blanks-only": (["  \n"], "", "  \n"),
}


@pytest.mark.parametrize(("pieces", "reasoning", "text"), THINKING.values(), ids=THINKING)
def test_think_tags_part_thinking_from_reply(pieces: list[str], reasoning: str, text: str) -> None:
    reading = read(texts(pieces))
    assert (reading.reasoning, reading.text) == (reasoning, text)


def test_a_held_back_beginning_of_a_tag_comes_before_the_call_that_follows_it() -> None:
    reading = read(events({"content": "a <"}, {"tool_calls": [piece("{}", name="f", id="c")]}))
    assert reading.chunks[:3] == [Text("a "), Text("<"), ToolCallFragment(0, "c", "f", "{}")]


def test_reasoning_sent_under_both_names_is_read_once() -> None:
    assert read(events({"reasoning": "hm", "reasoning_content": "hm"})).reasoning == "hm"


CALLS = {
    "one-index-two-ids": (
        calls(
            piece('{"a":', name="f", index=0, id="x"), piece("1}", index=0),
            piece('{"b":', name="f", index=0, id="y"), piece("2}", index=0),
        ),
        [("x", "f", '{"a":1}'), ("y", "f", '{"b":2}')],
    ),
    "one-index-two-ids-interleaved": (
        calls(
            piece("{", name="f", index=0, id="x"), piece("[", name="g", index=0, id="y"),
            piece("}", index=0, id="x"), piece("]", index=0, id="y"),
        ),
        [("x", "f", "{}"), ("y", "g", "[]")],
    ),
    "interleaved-by-index": (
        calls(
            piece("{", name="f", index=0, id="x"), piece("[", name="g", index=1, id="y"),
            piece("}", index=0), piece("]", index=1),
        ),
        [("x", "f", "{}"), ("y", "g", "[]")],
    ),
    "ids-but-no-index": (
        calls([piece("{", name="f", id="x"), piece("[]", name="g", id="y")], piece("}", id="x")),
        [("x", "f", "{}"), ("y", "g", "[]")],
    ),
    "indexes-that-begin-at-three": (
        calls(piece("{}", name="f", index=3, id="x"), piece("[]", name="g", index=7, id="y")),
        [("x", "f", "{}"), ("y", "g", "[]")],
    ),
    "name-later-than-id": (
        calls(piece("", index=0, id="x"), piece('{"a"', index=0), piece(":1}", name="f", index=0)),
        [("x", "f", '{"a":1}')],
    ),
    "name-never": (calls(piece("{}", index=0, id="x")), [("x", "", "{}")]),
    "null-everywhere": (
        calls(None, {"index": 0, "id": "x", "function": {"name": "f", "arguments": None}}, {"index": 0, "function": None}),
        [("x", "f", "")],
    ),
    "object-arguments": (calls(piece({"城": [1]}, name="f", index=0, id="x")), [("x", "f", '{"城": [1]}')]),
}  # fmt: skip


@pytest.mark.parametrize(("body", "expected"), CALLS.values(), ids=CALLS)
def test_calls_are_told_apart(body: bytes, expected: list[tuple[str, str, str]]) -> None:
    assert read(body).calls == expected


WITHOUT_IDS = {
    "two-names-one-index": calls([piece('{"a":1}', name="f", index=0), piece('{"b":2}', name="g", index=0)]),
    "one-name-no-index": calls([piece('{"a":1}', name="f"), piece('{"b":2}', name="f")]),
    "one-name-in-two-deltas": calls(piece('{"a":1}', name="f"), piece('{"b":2}', name="f")),
    "one-id-twice": calls(piece('{"a":1}', name="f", index=0, id="x"), piece('{"b":2}', name="f", index=1, id="x")),
}


@pytest.mark.parametrize("body", WITHOUT_IDS.values(), ids=WITHOUT_IDS)
def test_calls_without_ids_of_their_own_get_them(body: bytes) -> None:
    ids, _, arguments = zip(*read(body).calls, strict=True)
    assert arguments == ('{"a":1}', '{"b":2}')
    assert len(set(ids)) == 2
    assert all(ids)


@pytest.mark.parametrize("name", ["f", None], ids=["name-repeated", "name-once"])
def test_pieces_without_id_and_index_go_on_with_their_call(name: str | None) -> None:
    reading = read(calls(piece('{"a"', name="f"), piece(":", name=name), piece("1}", name=name)))
    assert [call[1:] for call in reading.calls] == [("f", '{"a":1}')]


def test_a_call_streams_before_it_is_whole() -> None:
    fragments = read(calls(piece("{", name="f", index=0, id="x"), piece("}", index=0))).fragments
    assert fragments == [ToolCallFragment(0, "x", "f", "{"), ToolCallFragment(0, arguments="}")]


FAILURES = {
    "html": (b"<!doctype html><title>Welcome</title><p>hello", "not_a_stream", "Welcome"),
    "plain-text": (b"Loading model\n", "not_a_stream", "Loading model"),
    "other-json": (b'{"models": []}', "not_a_stream", '{"models": []}'),
    "ndjson-of-ollama": (b'{"message":{"content":"a"}}\n{"message":{}}\n', "not_a_stream", "message"),
    "nothing": (b"", "truncated", "broke off"),
    "only-comments": (b": ping\n\n: ping\n\n", "truncated", "broke off"),
    "cut-in-first-event": (b'data: {"choi', "truncated", "broke off"),
    "only-done": (b"data: [DONE]\n\n", "server", "empty"),
    "error-event": (b'event: error\ndata: {"message": "boom"}\n\n', "server", "boom"),
    "error-event-with-error": (b'event: error\ndata: {"error": {"message": "boom"}}\n\n', "server", "boom"),
    "error-event-of-words": (b"event: error\ndata: boom\n\n", "server", "boom"),
    "error-object": (b'data: {"object": "error", "message": "model x does not exist"}\n\n', "not_found", "not exist"),
    "error-in-a-list": (b'[{"error": {"code": 503, "message": "high demand"}}]', "overloaded", "high demand"),
    "finish-error": (events({}, finish="error"), "server", "error"),
    "endless-event": (b"data: " + b"x" * (17 * 2**20), "not_a_stream", "larger than"),
    "endless-document": (b"<" + b"x" * (9 * 2**20), "not_a_stream", "more than"),
}  # fmt: skip


@pytest.mark.parametrize(("body", "kind", "words"), FAILURES.values(), ids=FAILURES)
def test_a_failure_has_its_kind_and_says_what_came_from_where(body: bytes, kind: str, words: str) -> None:
    error = read(body).error
    assert error is not None
    assert error.kind == kind
    assert words in str(error)
    assert "models.example" in str(error)


def test_a_failure_carries_the_text_that_had_come() -> None:
    reading = read(events({"content": "half "}, {"content": "a"}, finish=None, done=False))
    assert (reading.text, reading.finish) == ("half a", None)
    assert reading.error is not None
    assert (reading.error.kind, reading.error.partial) == ("truncated", "half a")


def test_a_context_that_is_too_long_is_an_error_of_its_own() -> None:
    assert isinstance(read((STREAMS / "sglang_error_200_done.sse").read_bytes()).error, ContextTooLong)


@pytest.mark.parametrize("feed", FEEDS)
@pytest.mark.parametrize("before", [b"", b"\n" * 500, b"\xef\xbb\xbf", b"\xef\xbb\xbf\r\n"], ids=repr)
def test_blanks_and_a_byte_order_mark_may_come_first(before: bytes, feed: str) -> None:
    assert read(before + texts(["yes"]), FEEDS[feed]).text == "yes"
    document = before + b'{"choices": [{"message": {"content": "yes"}}]}'
    assert read(document, FEEDS[feed]).text == "yes"


@pytest.mark.parametrize("feed", FEEDS)
def test_a_whole_completion_is_read_as_a_reply(feed: str) -> None:
    call = {"id": "x", "type": "function", "function": {"name": "f", "arguments": "{}"}}
    message = {"role": "assistant", "content": "<think>a</think>b", "tool_calls": [call]}
    usage = {"prompt_tokens": 3, "completion_tokens": 5}
    body = {"choices": [{"index": 0, "message": message, "finish_reason": "length"}], "usage": usage, "error": None}
    reading = read(json.dumps(body, indent=1).encode(), FEEDS[feed])
    assert reading.chunks == [
        Reasoning("a"), Text("b"), ToolCallFragment(0, "x", "f", "{}"), TokenCount(3, 5), Finish("length"),
    ]  # fmt: skip


def test_half_an_emoji_becomes_a_replacement_character_and_a_whole_one_stays() -> None:
    reading = read(texts(["a\ud83c", "\ud83c\udf1f"]))
    assert reading.text == "a\ufffd🌟"


@pytest.mark.parametrize("nested", ["[" * 200_000, '{"choices":' * 100_000], ids=["lists", "objects"])
def test_an_event_nested_too_deep_is_no_event(nested: str) -> None:
    assert read(f"data: {nested}\n\n".encode() + texts(["yes"])).text == "yes"
    error = read(nested.encode()).error
    assert error is not None
    assert error.kind == "not_a_stream"


def test_only_the_first_choice_is_read() -> None:
    second = b'data: {"choices": [{"index": 1, "delta": {"content": "no"}}]}\n\n'
    assert read(second + texts(["yes"])).text == "yes"


def test_usage_inside_the_choice_counts() -> None:
    event = {"choices": [{"delta": {}, "finish_reason": "stop", "usage": {"prompt_tokens": 1, "completion_tokens": 2}}]}
    assert read(f"data: {json.dumps(event)}\n\n".encode()).usage == TokenCount(1, 2)


def test_keep_alives_are_no_signs_of_life() -> None:
    stream = ChatStream(ENDPOINT)
    keep_alives = b': ping\n\nevent: ping\ndata: {"type": "ping"}\n\ndata: heartbeat\n\ndata: {"choices": []}\n\n'
    assert list(stream.feed(keep_alives)) == []
    assert stream.signs_of_life == 0
    assert list(stream.feed(events({"content": "a"}, finish=None, done=False))) == [Text("a")]
    assert stream.signs_of_life == 1
