"""Search engines of the web over a real server that speaks each provider's documented format; a key is told to nobody."""

import json
import socket
from typing import Any

import pytest

from genie_nb.backend.search import web
from genie_nb.backend.search.base import Document
from genie_nb.backend.search.engines import create_engines
from genie_nb.backend.search.web import ANSWER_BYTES, PROVIDERS, WebEngine
from genie_nb.backend.settings import SearchSettings, Settings
from genie_nb.errors import SettingsError, ToolFailed
from tests.backend.search.http_server import Answer, Asked, WebServer
from tests.fakes import run

KEY = "sk-canary-1234"
FOUND = [Document("Heat pumps", "https://example.org/pumps", "They heat."), Document("中文", "http://a.cn/", "热泵")]
ONE, TWO = ("Heat pumps", "https://example.org/pumps", "They heat."), ("中文", "http://a.cn/", "热泵")


def rows(*names: str) -> list[dict[str, str]]:
    return [dict(zip(names, row, strict=True)) for row in (ONE, TWO)]


BODIES: dict[str, dict[str, Any]] = {
    "tavily": {"query": "q", "results": rows("title", "url", "content"), "response_time": 1.2},
    "serper": {"searchParameters": {"q": "q"}, "organic": rows("title", "link", "snippet")},
    "brave": {"type": "search", "web": {"type": "search", "results": rows("title", "url", "description")}},
    "bing": {"_type": "SearchResponse", "webPages": {"value": rows("name", "url", "snippet")}},
    "searxng": {"query": "q", "results": rows("title", "url", "content")},
}
ASKED: dict[str, tuple[str, dict[str, Any], tuple[str, str]]] = {
    "tavily": ("POST", {"query": "热泵", "max_results": 2}, ("authorization", f"Bearer {KEY}")),
    "serper": ("POST", {"q": "热泵", "num": 2}, ("x-api-key", KEY)),
    "brave": ("GET", {"q": ["热泵"], "count": ["2"]}, ("x-subscription-token", KEY)),
    "bing": ("GET", {"q": ["热泵"], "count": ["2"]}, ("ocp-apim-subscription-key", KEY)),
    "searxng": ("GET", {"q": ["热泵"], "format": ["json"]}, ("authorization", f"Bearer {KEY}")),
}
every_provider = pytest.mark.parametrize("name", PROVIDERS)


def answered(body: Any, status: int = 200) -> Answer:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    return Answer(content, status, {"content-type": "application/json"})


def ask(name: str, server: WebServer, *, key: str = KEY) -> list[Document]:
    return run(WebEngine(name, key=key, url=server.url).search("热泵", 2))


@every_provider
def test_a_provider_is_asked_and_read_as_it_documents(name: str) -> None:
    with WebServer(lambda asked: answered(BODIES[name])) as server:
        assert ask(name, server) == FOUND
    (asked,) = server.asked
    method, sent, (header, value) = ASKED[name]
    assert asked.method == method
    assert (json.loads(asked.body) if method == "POST" else asked.query) == sent
    assert asked.headers[header] == value
    assert asked.path == ("/search" if name == "searxng" else "/")


ANSWERS: dict[str, tuple[Answer, str]] = {
    "wrong key": (answered({"error": KEY}, 401), r"refused the key: set search\.brave_key \(status 401\)"),
    "forbidden": (answered({}, 403), "refused the key"),
    "quota": (answered({}, 429), "takes no more queries for now"),
    "their fault": (answered(KEY.encode(), 500), "answered with status 500"),
    "moved": (Answer(b"", 302, {"location": "http://127.0.0.1:1/"}), "answered with status 302"),
    "no JSON": (answered(b"<html>sk-canary-1234"), "something that is not its JSON"),
    "another JSON": (answered([1]), "something that is not its JSON"),
    "a number for the list": (answered({"web": {"results": 7}}), "something that is not its JSON"),
    "deep JSON": (answered(b"[" * 100_000), "something that is not its JSON"),
    "half a text": (answered(b'{"web": {"results": [{"url": "http'), "something that is not its JSON"),
    "endless": (answered(b" " * (ANSWER_BYTES + 1)), "is larger than 4 MiB"),
}


@pytest.mark.parametrize(("answer", "said"), ANSWERS.values(), ids=ANSWERS.keys())
def test_a_wrong_answer_is_one_sentence_without_the_key(answer: Answer, said: str) -> None:
    with WebServer(lambda asked: answer) as server, pytest.raises(ToolFailed, match=said) as failed:
        ask("brave", server)
    assert KEY not in str(failed.value) + repr(failed.value.__cause__)


ODD = {
    "no results": {},
    "null": {"web": None},
    "results without address": {"web": {"results": [{"title": "x"}, 7, None, {"url": 3}]}},
    "dangerous addresses": {"web": {"results": [{"title": "x", "url": "javascript:alert(1)"}, {"url": "file:///etc"}]}},
}


@pytest.mark.parametrize("body", ODD.values(), ids=ODD.keys())
def test_what_is_no_page_is_passed_over(body: dict[str, Any]) -> None:
    with WebServer(lambda asked: answered(body)) as server:
        assert ask("brave", server) == []


def test_marks_in_titles_and_snippets_are_words() -> None:
    result = {
        "title": "<b>Heat</b> &amp; cold",
        "url": "https://a.org",
        "description": "<strong>x</strong><script>y</script>",
    }
    with WebServer(lambda asked: answered({"web": {"results": [result]}})) as server:
        assert ask("brave", server) == [Document("Heat & cold", "https://a.org", "x")]


def test_a_refused_connection_is_one_sentence() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        engine = WebEngine("brave", key=KEY, url=f"http://127.0.0.1:{taken.getsockname()[1]}")
        with pytest.raises(ToolFailed, match="brave cannot be reached: the connection was refused"):
            run(engine.search("q", 1))


def test_a_silent_provider_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(web, "ANSWER_S", 0.1)
    with WebServer(lambda asked: Answer(silent=True)) as server, pytest.raises(ToolFailed, match=r"within 0\.1 s"):
        ask("brave", server)


KEYS = {"a newline": f"{KEY}\nX-Other: 1", "a NUL": f"{KEY}\0", "Chinese": f"{KEY}钥匙"}


@pytest.mark.parametrize("key", KEYS.values(), ids=KEYS.keys())
def test_a_key_that_is_none_is_not_told(key: str) -> None:
    with WebServer(lambda asked: answered({})) as server, pytest.raises(ToolFailed, match="no key has") as failed:
        ask("brave", server, key=key)
    assert KEY not in str(failed.value)
    assert server.asked == []


def test_a_very_long_query_is_cut_as_providers_want_it() -> None:
    with WebServer(lambda asked: answered({})) as server:
        run(WebEngine("brave", key=KEY, url=server.url).search("泵" * 5_000, 1))
    assert len(server.asked[0].query["q"][0]) == web.QUERY_CHARACTERS


def named(**search: Any) -> list[str]:
    return [engine.name for engine in create_engines(SearchSettings(**search))]


def test_engines_are_what_the_settings_make_possible() -> None:
    assert named() == ["packages"]
    assert named(folders=["notes"]) == ["folders"]
    assert named(folders=["notes"], brave_key=KEY, searxng_url="http://s") == ["folders", "brave", "searxng"]
    assert named(engines=["tavily", "packages", "tavily"], tavily_key=KEY) == ["tavily", "packages"]


@pytest.mark.parametrize(
    ("search", "said"),
    [
        ({"engines": ["tavily"]}, r"needs the setting search\.tavily_key"),
        ({"engines": ["searxng"]}, r"needs the setting search\.searxng_url"),
        ({"engines": ["folders"]}, r"has no folders\. Set search\.folders"),
    ],
    ids=["no key", "no address", "no folders"],
)
def test_an_engine_without_what_it_needs_says_what(search: dict[str, Any], said: str) -> None:
    with pytest.raises(SettingsError, match=said):
        create_engines(SearchSettings(**search))


def test_a_key_comes_from_the_environment_and_is_never_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GENIE_SEARCH__BRAVE_KEY", KEY)
    monkeypatch.setenv("GENIE_SEARCH__FOLDERS", '["notes"]')
    settings = Settings.load()
    assert named(**settings.search.model_dump()) == ["folders", "brave"]
    assert KEY not in repr(settings) + str(settings.model_dump())
    assert KEY not in str(vars(Asked))
