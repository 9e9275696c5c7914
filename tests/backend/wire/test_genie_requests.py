"""The bodies that JDGenie's clients send."""

import json

import pytest

from genie_nb.backend.stream_modes import StreamMode
from genie_nb.backend.wire import genie_requests as requests
from genie_nb.errors import WireError

PAGE = (
    b'{"sessionId":"session-1795413992206-6834","requestId":"1795413992536-3015","query":"hello","deepThink":0,'
    b'"outputStyle":"html"}'
)
DECODERS = {
    "agent": requests.decode_agent_request,
    "web": requests.decode_query_request,
    "code": requests.decode_code_request,
    "report": requests.decode_report_request,
    "search": requests.decode_search_request,
}
WHOLE = {
    "agent": {"requestId": "r", "query": "q", "agentType": 5},
    "web": {"requestId": "r", "query": "q", "sessionId": "s"},
    "code": {"requestId": "r"},
    "report": {"requestId": "r"},
    "search": {"request_id": "r", "query": "q"},
}


def body(**fields: object) -> bytes:
    return json.dumps(fields).encode()


def test_the_pages_own_request_is_understood() -> None:
    request = requests.decode_query_request(PAGE)

    assert (request.query, request.agent, request.agent_type, request.output_style) == ("hello", "react", 5, "html")
    assert request.trace_id == "geniesession-1795413992206-6834:1795413992536-3015"


@pytest.mark.parametrize(
    ("deep_think", "agent"),
    [(None, "react"), (0, "react"), (1, "plan_solve")],
    ids=["jdgenie-web-deep-think-null", "jdgenie-web-deep-think-0", "jdgenie-web-deep-think-1"],
)
def test_deep_think_chooses_the_agent(deep_think: int | None, agent: str) -> None:
    assert requests.decode_query_request(body(**WHOLE["web"], deepThink=deep_think)).agent == agent


def test_an_agent_request_with_nulls_and_unknown_fields_is_understood() -> None:
    file = {"fileName": "a.csv", "fileSize": 9, "ossUrl": None}
    earlier = {"role": "user", "content": "Before", "uploadFile": None, "files": [file, None], "more": 1}
    fields = {**WHOLE["agent"], "agentType": 3, "basePrompt": None, "isStream": None, "messages": [earlier], "other": {}}

    request = requests.decode_agent_request(body(**fields))

    assert (request.agent, request.base_prompt, request.is_stream) == ("plan_solve", "", False)
    assert request.messages[0].content == "Before"
    assert [file.file_name for file in request.messages[0].files] == ["a.csv"]


@pytest.mark.parametrize("agent_type", [1, 2, 4, 0, -3], ids=lambda number: f"jdgenie-B3-{number}")
def test_an_agent_that_does_not_exist_is_refused(agent_type: int) -> None:
    with pytest.raises(WireError, match="no agent of type"):
        requests.decode_agent_request(body(requestId="r", query="q", agentType=agent_type))


@pytest.mark.parametrize("name", DECODERS)
def test_camel_and_snake_names_mean_the_same(name: str) -> None:
    camel = {"requestId": "r", "query": "q", "agentType": 3, "sessionId": "s", "fileNames": ["a"], "maxLoop": 2}
    snake = {"request_id": "r", "query": "q", "agent_type": 3, "session_id": "s", "file_names": ["a"], "max_loop": 2}

    assert DECODERS[name](body(**camel)) == DECODERS[name](body(**snake))


def test_what_the_java_backend_sends_is_understood() -> None:
    mode = {"mode": "token", "token": 10}
    report = requests.decode_report_request(
        body(
            requestId="genies:r", query="q", task="Write", fileNames=[], fileType="ppt", streamMode=mode, contentStream=True
        )
    )
    search = requests.decode_search_request(
        body(request_id="genies:r:abcde", query="q", agent_id="1", src_configs={"bing": {"count": 5}}, stream=True)
    )

    assert (report.file_type, report.task, report.stream_mode) == ("ppt", "Write", StreamMode(mode="token", token=10))
    assert (search.request_id, search.max_loop, search.search_engines) == ("genies:r:abcde", 1, ())


def test_what_is_left_out_has_the_services_defaults() -> None:
    code, report = requests.decode_code_request(body(requestId="r")), requests.decode_report_request(body(requestId="r"))

    assert (code.task, code.file_names, code.stream, code.stream_mode) == ("", (), True, StreamMode())
    assert (report.file_type, report.template_type) == ("html", "html")


@pytest.mark.parametrize("name", ["code", "report", "search"])
@pytest.mark.parametrize("mode", [{"mode": "all"}, {"mode": "token", "token": 0}, {"mode": "time", "time": 0}, "token"])
def test_a_stream_mode_that_cannot_be_is_refused(name: str, mode: object) -> None:
    with pytest.raises(WireError):
        DECODERS[name](body(**WHOLE[name], streamMode=mode))


@pytest.mark.parametrize(
    "broken",
    [b"", b"{", b"[]", b"null", b"\xff", b'{"requestId": 5}', b'{"requestId": null}', b"{}", b"[" * 100_000],
    ids=["empty", "cut", "list", "null", "no-utf8", "number", "null-id", "nothing", "deep"],
)
@pytest.mark.parametrize("name", DECODERS)
def test_a_body_that_is_no_request_is_refused_in_one_sentence(name: str, broken: bytes) -> None:
    with pytest.raises(WireError) as refused:
        DECODERS[name](broken)

    assert "\n" not in str(refused.value)
    assert str(refused.value).endswith(".")


def test_a_search_needs_a_loop() -> None:
    with pytest.raises(WireError, match="at least one loop"):
        requests.decode_search_request(body(**WHOLE["search"], maxLoop=0))
