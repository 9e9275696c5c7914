"""The page reader: what a page says, within its limits, and never from a private address."""

import gzip
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar

import pytest

from genie_nb.backend.search.base import Page
from genie_nb.backend.search.pages import PageReader
from genie_nb.errors import ToolFailed
from tests.backend.documents import pdf
from tests.backend.search.http_server import Answer, Asked, WebServer
from tests.fakes import run

ARTICLE = "<html><head><title>Heat pumps</title></head><body><article><h1>Heat pumps</h1><p>{}</p></article></body></html>"
WORDS = "A heat pump moves warmth from the cold outside into the warm inside of a house. " * 5


@dataclass(frozen=True)
class Rules:
    """Where may be read from."""

    section: ClassVar[str] = "search"
    private_addresses: bool = True
    fetch_hosts: tuple[str, ...] = ()


def reading(answer: Answer | Callable[[Asked], Answer], *, rules: Rules | None = None, **limits: Any) -> Page:
    give = answer if callable(answer) else lambda asked: answer
    with WebServer(give) as server:
        return run(PageReader(rules or Rules(), **limits).read(server.url + "/page"))


def kind(name: str, **more: str) -> dict[str, str]:
    return {"content-type": name, **more}


READ: dict[str, tuple[Answer, str]] = {
    "a page": (Answer(ARTICLE.format(WORDS).encode()), "moves warmth"),
    "Chinese in GBK": (Answer("<p>热泵的价格很高".encode("gbk"), 200, kind("text/html; charset=gbk")), "热泵的价格"),
    "Chinese by its meta": (Answer('<meta charset="gb2312"><p>热泵的价格'.encode("gb2312"), 200, kind("text/html")), "热泵"),
    "an unknown charset": (Answer("<p>热泵".encode(), 200, kind("text/html; charset=klingon")), "热泵"),
    "plain text": (Answer(b"just <b>words", 200, kind("text/plain")), "just <b>words"),
    "a PDF": (Answer(pdf("Kilowatts"), 200, kind("application/pdf")), "Kilowatts"),
    "packed": (
        Answer(gzip.compress(ARTICLE.format(WORDS).encode()), 200, kind("text/html", **{"content-encoding": "gzip"})),
        "moves warmth",
    ),
}


@pytest.mark.parametrize(("answer", "words"), READ.values(), ids=READ.keys())
def test_a_page_is_read(answer: Answer, words: str) -> None:
    assert words in reading(answer).text


def test_a_page_has_its_title() -> None:
    assert reading(Answer(ARTICLE.format(WORDS).encode())).title == "Heat pumps"


BOMB = zlib.compress(b"\0" * 50_000_000)
UNREAD: dict[str, tuple[Answer, str]] = {
    "too large": (Answer(b"x" * 2_000_000, 200, kind("text/html")), "is larger than 1 MiB"),
    "a zip bomb": (Answer(BOMB, 200, kind("text/html", **{"content-encoding": "deflate"})), "is larger than 1 MiB"),
    "broken packing": (
        Answer(b"nothing packed", 200, kind("text/html", **{"content-encoding": "gzip"})),
        "cannot be unpacked",
    ),
    "another packing": (Answer(b"x", 200, kind("text/html", **{"content-encoding": "br"})), "is packed as 'br'"),
    "an image": (Answer(b"\x89PNG", 200, kind("image/png")), "of the kind 'image/png'"),
    "a program": (Answer(b"MZ", 200, kind("application/octet-stream")), "of the kind"),
    "binary that says it is HTML": (Answer(b"\0\1\2\3", 200, kind("text/html")), "is no text"),
    "a PDF that is none": (Answer(b"<p>no", 200, kind("application/pdf")), "is no PDF"),
    "gone": (Answer(b"", 404), "answers with status 404"),
    "their fault": (Answer(b"", 500), "answers with status 500"),
    "round in circles": (Answer(b"", 302, {"location": "/page"}), "cannot be had"),
    "to a file": (Answer(b"", 302, {"location": "file:///etc/passwd"}), "cannot be had|no address"),
}


@pytest.mark.parametrize(("answer", "said"), UNREAD.values(), ids=UNREAD.keys())
def test_what_cannot_be_read_is_one_sentence(answer: Answer, said: str) -> None:
    with pytest.raises(ToolFailed, match=said):
        reading(answer, most_bytes=2**20)


def test_a_silent_server_is_given_up() -> None:
    with pytest.raises(ToolFailed, match=r"took longer than 0\.1 s"):
        reading(Answer(silent=True), page_s=0.1)


PRIVATE = [
    "http://127.0.0.1:{port}/",
    "http://localhost:{port}/",
    "http://[::1]:{port}/",
    "http://169.254.169.254/",
    "http://0/",
]


@pytest.mark.parametrize("address", PRIVATE)
def test_no_private_address_is_asked(address: str) -> None:
    with WebServer(lambda asked: Answer(b"<p>secret")) as server:
        with pytest.raises(ToolFailed):
            run(PageReader(Rules(private_addresses=False)).read(address.format(port=server.server_port)))
        assert server.asked == []


def test_a_redirect_to_a_private_address_is_not_followed() -> None:
    with WebServer(lambda asked: Answer(b"<p>secret")) as inner:
        away = Answer(b"", 302, {"location": inner.url})
        with WebServer(lambda asked: away) as server, pytest.raises(ToolFailed, match="private address"):
            rules = Rules(private_addresses=False, fetch_hosts=("localhost",))
            run(PageReader(rules).read(f"http://localhost:{server.server_port}/"))
        assert len(server.asked) == 1
        assert inner.asked == []


ADDRESSES = [
    "",
    "x",
    "ftp://a.org",
    "file:///etc/passwd",
    "http://",
    "http://[::1",
    "http://a.org:99999/",
    "http://" + "a" * 5_000,
]


@pytest.mark.parametrize("address", ADDRESSES)
def test_an_address_that_is_none_is_one_sentence(address: str) -> None:
    with pytest.raises(ToolFailed):
        run(PageReader(Rules(private_addresses=False)).read(address))
