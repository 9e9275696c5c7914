"""What JDGenie's clients ask for: the request bodies of the agent, the page and the tool service.

Fields go by their camelCase names and, since the service mixes both, by their snake_case ones too. Unknown fields are
ignored, and a null is as good as no field.

Above: `server`. Below: `stream_modes`, `errors`.
"""

import re
from typing import Annotated, Any, Literal, TypeVar

import msgspec

from genie_nb.backend.stream_modes import StreamMode
from genie_nb.errors import WireError

__all__ = (
    "AgentRequest",
    "CodeRequest",
    "FileItem",
    "GptQueryReq",
    "ReportRequest",
    "RequestMessage",
    "SearchRequest",
    "decode_agent_request",
    "decode_code_request",
    "decode_query_request",
    "decode_report_request",
    "decode_search_request",
)

MOST_FILES = 100
"""How many files one request may name; each may have to be fetched."""
AgentName = Literal["plan_solve", "react"]
_AGENTS: dict[int, AgentName] = {3: "plan_solve", 5: "react"}


class _Body(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """Unknown fields are ignored."""


class FileItem(_Body, frozen=True, kw_only=True):
    """A file that a message carries."""

    file_name: str = ""
    file_desc: str = ""
    oss_url: str = ""
    domain_url: str = ""
    file_size: int = 0
    file_type: str = ""
    origin_file_name: str = ""
    origin_file_url: str = ""
    origin_oss_url: str = ""
    origin_domain_url: str = ""


class RequestMessage(_Body, frozen=True, kw_only=True):
    """An earlier message of the conversation."""

    role: str = "user"
    content: str = ""
    command_code: str = ""
    upload_file: tuple[FileItem, ...] = ()
    files: tuple[FileItem, ...] = ()


class AgentRequest(_Body, frozen=True, kw_only=True):
    """The body of `/AutoAgent`.

    Attributes:
        agent_type: 3 for plan_solve, 5 for react; there is no other.
        base_prompt: May be absent, unlike in JDGenie.
    """

    request_id: str
    query: str
    agent_type: int
    erp: str = ""
    base_prompt: str = ""
    sop_prompt: str = ""
    is_stream: bool = False
    output_style: str = ""
    messages: tuple[RequestMessage, ...] = ()

    @property
    def session_id(self) -> str:
        """The page's session, if the request id is a `GptQueryReq.trace_id`; else nothing."""
        return self.request_id.removeprefix("genie").rpartition(":")[0] if self.request_id.startswith("genie") else ""

    @property
    def agent(self) -> AgentName:
        """Our name of the agent."""
        return _AGENTS[self.agent_type]


class GptQueryReq(_Body, frozen=True, kw_only=True):
    """The body of `/web/api/v1/gpt/queryAgentStreamIncr`; `traceId` and `user` are the server's to say."""

    query: str
    session_id: str
    request_id: str
    deep_think: int = 0
    output_style: str = ""

    @property
    def agent_type(self) -> int:
        """JDGenie's number of the agent."""
        return 3 if self.deep_think else 5

    @property
    def agent(self) -> AgentName:
        """Our name of the agent."""
        return _AGENTS[self.agent_type]

    @property
    def trace_id(self) -> str:
        """The run's request id; never the name of a folder, for its colon (# T15)."""
        return f"genie{self.session_id}:{self.request_id}"


class CodeRequest(_Body, frozen=True, kw_only=True):
    """The body of `/v1/tool/code_interpreter`."""

    request_id: str
    task: str = ""
    file_names: Annotated[tuple[str, ...], msgspec.Meta(max_length=MOST_FILES)] = ()
    file_name: str = ""
    file_description: str = ""
    stream: bool = True
    stream_mode: StreamMode = StreamMode()
    origin_file_names: tuple[Any, ...] = ()


class ReportRequest(CodeRequest, frozen=True, kw_only=True):
    """The body of `/v1/tool/report`."""

    file_type: Literal["html", "markdown", "ppt"] = "html"
    template_type: str = "html"


class SearchRequest(_Body, frozen=True, kw_only=True):
    """The body of `/v1/tool/deepsearch`; `stream` is ignored, it always streams."""

    request_id: str
    query: str
    search_engines: tuple[str, ...] = ()
    max_loop: int = 1
    stream_mode: StreamMode = StreamMode()


_B = TypeVar("_B", bound=_Body)
_Moded = TypeVar("_Moded", CodeRequest, ReportRequest, SearchRequest)


def decode_agent_request(body: bytes) -> AgentRequest:
    """The request in the body of `/AutoAgent`.

    Raises:
        WireError: It is none, or it names an agent that does not exist (# B3).
    """
    request = _decode(body, AgentRequest)
    if request.agent_type not in _AGENTS:
        raise WireError(f"There is no agent of type {request.agent_type}: use 3 (plan and solve) or 5 (react).")
    return request


def decode_query_request(body: bytes) -> GptQueryReq:
    """The request of the page.

    Raises:
        WireError: It is none.
    """
    return _decode(body, GptQueryReq)


def decode_code_request(body: bytes) -> CodeRequest:
    """The request to the code interpreter.

    Raises:
        WireError: It is none.
    """
    return _with_checked_mode(_decode(body, CodeRequest))


def decode_report_request(body: bytes) -> ReportRequest:
    """The request for a report.

    Raises:
        WireError: It is none.
    """
    return _with_checked_mode(_decode(body, ReportRequest))


def decode_search_request(body: bytes) -> SearchRequest:
    """The request for a search.

    Raises:
        WireError: It is none.
    """
    request = _with_checked_mode(_decode(body, SearchRequest))
    if request.max_loop < 1:
        raise WireError("The request cannot be used: a search needs at least one loop.")
    return request


def _with_checked_mode(request: _Moded) -> _Moded:
    mode = request.stream_mode
    StreamMode.checked(mode.mode, mode.token, mode.time)
    return request


def _decode(body: bytes, kind: type[_B]) -> _B:
    try:
        fields = msgspec.json.decode(body)
        if not isinstance(fields, dict):
            raise WireError("The request cannot be used: its body is no JSON object.")
        named = {_camel(name): value for name, value in _without_nulls(fields).items()}
        return msgspec.convert(named, kind, strict=False)
    except (msgspec.DecodeError, msgspec.ValidationError, UnicodeError, RecursionError) as error:
        raise WireError(f"The request cannot be used: {error}.") from error


def _camel(name: str) -> str:
    return re.sub(r"(?<=[a-z0-9])_([a-z])", lambda found: found[1].upper(), name)


def _without_nulls(value: Any) -> Any:
    """The value with each null field left out, so that defaults stand in for them."""
    if isinstance(value, dict):
        return {name: _without_nulls(inner) for name, inner in value.items() if inner is not None}
    if isinstance(value, list):
        return [_without_nulls(inner) for inner in value if inner is not None]
    return value
