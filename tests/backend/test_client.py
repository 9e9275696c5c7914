"""The client: what opens a stream and what does not; the states of its link."""

import asyncio
import json
from pathlib import Path

import httpx
import pytest

from genie_nb.backend.client import Client, check_opening
from genie_nb.backend.link import LINK
from genie_nb.errors import LinkError, WireError

OPENINGS = json.loads((Path(__file__).parents[1] / "data" / "whatwg_eventsource_openings.json").read_text("utf-8"))


@pytest.mark.parametrize("case", OPENINGS, ids=lambda case: f"whatwg-{case['name']}")
def test_an_answer_that_is_no_event_stream_is_refused(case: dict) -> None:
    with pytest.raises(WireError):
        check_opening(case.get("status", 200), case.get("content_type", "text/event-stream"))


@pytest.mark.parametrize(
    "content_type", ["text/event-stream", "text/event-stream;charset=utf-8", "TEXT/Event-Stream ; x=y", "text/event-stream;"]
)
def test_an_event_stream_is_taken_whatever_its_parameters(content_type: str) -> None:
    check_opening(200, content_type)


def test_every_state_of_a_link_can_be_reached_and_left() -> None:
    reached, waiting = set(), ["closed"]
    while waiting:
        state = waiting.pop()
        if state not in reached:
            reached.add(state)
            waiting += LINK[state].values()
    assert reached == set(LINK)
    assert all(LINK.values())


@pytest.mark.parametrize("url", ["", "localhost:80", "ftp://x/", "http://"])
def test_what_is_no_address_is_refused_in_words(url: str) -> None:
    with pytest.raises(LinkError, match="is no address of a server"):
        Client(url)


def test_the_token_is_taken_out_of_the_address() -> None:
    asked: list[httpx.Request] = []
    transport = httpx.MockTransport(
        lambda request: asked.append(request) or httpx.Response(200, stream=httpx.ByteStream(b"{}"))
    )
    client = Client("http://127.0.0.1:8080/genie/?token=s%2Fecret", transport=transport)
    assert client.address == "http://127.0.0.1:8080/genie"
    asyncio.run(client.look("r"))
    assert str(asked[0].url) == "http://127.0.0.1:8080/genie/v1/runs/r"
    assert asked[0].headers["authorization"] == "Bearer s/ecret"
    assert "ecret" not in repr(vars(client)["address"])
