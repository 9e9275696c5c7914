"""What went wrong with a model, in one sentence for the person and one word for the code.

Servers say the same thing in many ways: by status, by code, by type, or only in words. Pure; no secret leaves this room.

Above: `chat_stream`, `openai`. Below: `errors`.
"""

import re
import socket
import ssl
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from genie_nb.errors import ContextTooLong, ModelError, RateLimited

__all__ = ("Endpoint", "Failure", "explain", "failure_of", "page_title", "road_failure")


@dataclass(frozen=True)
class Endpoint:
    """Where a model is asked: its name there, and the whole URL."""

    model: str
    url: str
    api_key: str = field(default="", repr=False)

    @property
    def host(self) -> str:
        """The host and, if given, the port; never a password."""
        return urlsplit(self.url).netloc.rpartition("@")[2]

    def quote(self, words: str) -> str:
        """A server's words as one short line without keys."""
        if self.api_key:
            words = words.replace(self.api_key, "[key]")
        words = " ".join(_KEY.sub("[key]", words).split()).rstrip(".")
        return words if len(words) <= 300 else f"{words[:299]}…"


@dataclass(frozen=True)
class Failure:
    """What a server said had gone wrong.

    Attributes:
        kind: As of `ModelError`.
        words: The server's own.
        status: Of the HTTP answer; 200 where the error stood in its body, or there was no answer.
    """

    kind: str
    words: str = ""
    status: int = 200


_KEY = re.compile(r"\b(?:sk|pk|gsk|xai|key)[-_][\w*.-]{3,}|(?<=Bearer )\S+|\bAIza[\w-]{10,}")
_KINDS_BY_STATUS = {
    401: "auth",
    402: "quota",
    403: "auth",
    404: "not_found",
    408: "timeout",
    413: "context_length",
    429: "rate_limit",
    503: "overloaded",
    504: "timeout",
    524: "timeout",
    529: "overloaded",
}
# Read in this order: a 400 or a 429 may say in its words that it is something else.
_KINDS_BY_WORDS = (
    ("quota", re.compile(r"insufficient.(quota|balance|credit|funds)|exceeded_current_quota|arrear|余额不足", re.I)),
    ("rate_limit", re.compile(r"rate_limit|too_many_requests|throttl|tokens per min|please retry in \d", re.I)),
    (
        "context_length",
        re.compile(
            r"context_length|context_window|exceed_context_size|too many (input )?tokens|reduce the length"
            r"|(context|prompt|input|token count) (length|window|size|is too)"
            r"|exceeds? .{0,40}(context|maximum number of tokens)",
            re.I,
        ),
    ),
    ("quota", re.compile(r"billing|exceeded your current quota", re.I)),
    (
        "content_filter",
        re.compile(r"content_filter|content_policy|data_inspection_failed|content management policy|responsibleai", re.I),
    ),
    ("auth", re.compile(r"invalid_api_key|authentication|permission|unauthorized|incorrect api key", re.I)),
    ("not_found", re.compile(r"model_not_found|not_found_error|model\b.{0,80}(not found|does not exist)", re.I)),
    ("overloaded", re.compile(r"overload|unavailable|at capacity|loading model", re.I)),
    ("timeout", re.compile(r"timed out|timeout|deadline_exceeded", re.I)),
)


def failure_of(body: object, *, status: int = 200) -> Failure | None:
    """The failure that an answer's body tells of, or the status alone; None if there is none.

    Args:
        body: JSON as Python values, or the text of something that is no JSON.
        status: Of the HTTP answer; below 400 the body must say itself that it is an error.
    """
    if isinstance(body, list) and body:
        body = body[0]  # Gemini wraps its error in a list
    marks, words = _error_in(body, refused=status >= 400)
    if not marks and not words and status < 400:
        return None
    return Failure(_kind(status, marks, words), words, status)


def explain(failure: Failure, endpoint: Endpoint, *, partial: str = "", wait_s: float | None = None) -> ModelError:
    """The error to raise: who failed, what they said, and what to do.

    Args:
        failure: What went wrong.
        endpoint: Where.
        partial: The text that had come before.
        wait_s: Seconds that the server asks to wait, if it does.
    """
    key_refused = failure.kind == "auth" and failure.status != 403
    template = _SENTENCES["no_key" if key_refused and not endpoint.api_key else failure.kind]
    # A refused key stands in many servers' words, so theirs are not repeated.
    words = "" if key_refused else endpoint.quote(failure.words)
    said = ": ".join(part for part in (f"HTTP {failure.status}" if failure.status >= 400 else "", words) if part)
    message = template.format(
        host=endpoint.host,
        model=endpoint.model,
        path=urlsplit(endpoint.url).path,
        said=f" ({said})" if said else "",
        wait="a while" if wait_s is None else f"{wait_s:.0f} s",
    )
    match failure.kind:
        case "rate_limit":
            return RateLimited(message, kind=failure.kind, partial=partial)
        case "context_length":
            return ContextTooLong(message, kind=failure.kind, partial=partial)
        case _:
            return ModelError(message, kind=failure.kind, partial=partial)


_SENTENCES = {
    "no_key": "{host} wants an API key and was given none{said}. Set OPENAI_API_KEY, or give api_key.",
    "auth": "{host} refused the API key for {model}{said}. Check the key, and that it may use this model.",
    "quota": "The account at {host} has nothing left to spend{said}. Add credit, or use another key or model.",
    "rate_limit": "{host} takes no more requests for now{said}. Wait {wait} and ask again, or use another model.",
    "overloaded": "{host} cannot answer for now{said}. Wait {wait} and ask again.",
    "not_found": "{host} has no model {model}, or nothing at {path}{said}. "
    "Check the model's name and base_url, which often ends in /v1.",
    "context_length": "The conversation is too long for {model} at {host}{said}. Ask with less text or fewer files.",
    "content_filter": "The content filter of {host} stopped the reply{said}. Put the question in other words.",
    "invalid_request": "{host} could not use the request for {model}{said}. Check that this model takes chats and tools.",
    "timeout": "{host} gave no answer in time{said}. Ask again, or use a faster model.",
    "server": "{host} failed on its own side{said}. Ask again; if it stays so, look into the server's log.",
    "not_a_stream": "{host} answered at {path} with something that is no chat stream{said}. "
    "Check base_url: it often ends in /v1.",
    "truncated": "The reply of {host} broke off before its end{said}. Ask again.",
    "stalled": "{host} fell silent before its reply was complete{said}. Ask again, or check the server.",
    "unreachable": "{host} could not be reached{said}. Check base_url, the network, and that the server runs.",
}


def road_failure(error: BaseException) -> Failure:
    """What kept us from reaching a server, found in the causes of a network library's error."""
    for cause in _causes(error):
        match cause:
            case ConnectionRefusedError():
                return Failure("unreachable", "the connection was refused, nothing listens there")
            case socket.gaierror():
                return Failure("unreachable", "no such host name is known")
            case ssl.SSLError():
                return Failure("unreachable", f"its certificate or TLS was not accepted, {cause.reason}")
    return Failure("unreachable", str(error.__cause__ or error) or type(error).__name__)


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        if isinstance(error, BaseExceptionGroup):
            for one in error.exceptions:
                yield from _causes(one)
        error = error.__cause__ or error.__context__


def _error_in(body: object, *, refused: bool) -> tuple[str, str]:
    """An error's machine words and its human words; both empty if the body tells of none."""
    if isinstance(body, str):
        return ("", page_title(body)) if refused else ("", "")
    if not isinstance(body, Mapping):
        return "", ""
    error = body.get("error")
    if isinstance(error, Mapping) and error:
        return _marks(error), _words(error.get("message") or error)
    if error:
        return _marks(body), _words(error)
    says_error = body.get("object") == "error" or body.get("type") == "error"
    if refused or says_error or ("choices" not in body and body.get("code") and body.get("message")):
        return _marks(body) or "error", _words(body.get("message") or body.get("detail"))
    return "", ""


def _marks(error: Mapping[str, Any]) -> str:
    metadata = error.get("metadata")
    nested = metadata.get("error_type") if isinstance(metadata, Mapping) else None
    return " ".join(str(mark) for mark in (error.get("code"), error.get("type"), error.get("status"), nested) if mark)


def _words(value: object) -> str:
    return value if isinstance(value, str) else "" if value is None else str(value)


def page_title(page: str) -> str:
    """What an HTML page, or another text, says first."""
    page = page[:4_000]
    title = re.search(r"<(title|h1)[^>]*>(.*?)</\1>", page, re.I | re.S)
    return title[2] if title else re.sub(r"<[^>]*>", " ", page[:2_000])


def _kind(status: int, marks: str, words: str) -> str:
    if status < 400:
        code = re.search(r"\b[45]\d\d\b", marks)
        status = int(code[0]) if code else status
    if status in (401, 402):
        return _KINDS_BY_STATUS[status]
    for kind, pattern in _KINDS_BY_WORDS:
        if pattern.search(f"{marks} {words}"):
            return kind
    return _KINDS_BY_STATUS.get(status) or ("invalid_request" if 400 <= status < 500 else "server")
