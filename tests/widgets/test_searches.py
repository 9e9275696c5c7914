"""Searches on the page: stages as nodes, citations that open their passage, and nothing hostile among them."""

import re

import pytest

from genie_nb import events as ev
from genie_nb.parts import Hit, SearchPart, cited_numbers
from genie_nb.widgets.blocks import TextFlow
from genie_nb.widgets.labels import labels_for
from genie_nb.widgets.nodes import to_html
from genie_nb.widgets.patches import Painter
from genie_nb.widgets.record import record_html, record_markdown, record_text
from genie_nb.widgets.render import markdown_blocks, markdown_html
from genie_nb.widgets.searches import anchors_of, search_node
from tests.widgets.page_model import PageModel
from tests.widgets.sample_runs import folded
from tests.widgets.searches import ANSWER, search_parts, search_run

CITED = {1: "gnb-aaa", 3: "gnb-ccc"}
TEXTS = {
    "one": ("It is so [1].", ["gnb-aaa"]),
    "several": ("It is so [1][3].", ["gnb-aaa", "gnb-ccc"]),
    "a list": ("It is so [1, 3].", ["gnb-aaa", "gnb-ccc"]),
    "Chinese": ("是这样[1、3]。", ["gnb-aaa", "gnb-ccc"]),
    "in a table": ("| a |\n|---|\n| b [3] |", ["gnb-ccc"]),
    "bold": ("**so [1]**", ["gnb-aaa"]),
    "unknown": ("It is so [2].", []),
    "one of two unknown": ("It is so [1, 2].", []),
    "code": ("`x[1]` and\n\n```\nx[1]\n```", []),
    "escaped": (r"\[1\]", []),
    "a link": ("[1](https://example.org)", []),
    "inside a link": ("[see [1] there](https://example.org)", ["gnb-aaa"]),
    "forged marks": ("\ue0001\ue001", []),
    "forged marks in a title": ('[x](https://example.org "\ue0001\ue001")', []),
}


@pytest.mark.parametrize(("text", "opened"), TEXTS.values(), ids=TEXTS.keys())
def test_numbers_in_brackets_open_their_source(text: str, opened: list[str]) -> None:
    html = "".join(markdown_blocks(text, citations=CITED))
    assert re.findall(r'<button type="button" class="gnb-cite" popovertarget="([\w-]+)">', html) == opened
    assert html.count("<button") == len(opened)
    assert not re.search(r"<a [^<]*<button", html)


@pytest.mark.parametrize(("text", "opened"), TEXTS.values(), ids=TEXTS.keys())
def test_a_text_that_streams_ends_as_the_whole_does(text: str, opened: list[str]) -> None:
    flow = TextFlow(CITED)
    for character in text:
        flow.feed(character)
        list(flow.changed())
    assert "".join(block.html for block in flow.finish(text)).count("gnb-cite") == len(opened)


def test_without_citations_brackets_are_text() -> None:
    assert markdown_html("a [1]") == "<p>a [1]</p>\n"


@pytest.mark.parametrize(
    ("text", "numbers"),
    [("a [1] b [2, 3][4]", {1, 2, 3, 4}), ("[1](x) [2]: y", set()), (r"\[3\]", set()), ("[1234]", set()), ("[a1]", set())],
    ids=["forms", "links", "escaped", "too many digits", "words"],
)
def test_what_a_text_cites(text: str, numbers: set[int]) -> None:
    assert cited_numbers(text) == numbers


def test_every_stage_says_what_it_brought() -> None:
    labels = labels_for("")
    said = [to_html(search_node("k", part, labels)) for part in search_parts()]
    assert "Round 1" in said[0]
    assert said[0].count("gnb-chip") == 2
    assert "1 found" in said[1]
    assert "The heat pump costs 12,400 euro." in said[1]
    assert "brave refused the key" in said[2]
    assert "found" not in said[2]
    assert "Pages read" in said[4]
    assert "Not enough: Nothing says how loud it is." in said[5]
    assert "0 found" in said[7]
    assert "Enough: This will do." in said[8]


def test_links_lead_to_the_web_and_nowhere_else() -> None:
    html = record_html(folded(search_run()), read_file=lambda name, most: b"")
    assert set(re.findall(r'href="([^"]*)"', html)) == {"https://example.org/pumps?a=1&amp;b=2"}
    assert 'rel="noopener noreferrer"' in html
    assert "<img" not in html
    assert "<script" not in html


HOSTILE = {
    "javascript": "javascript:alert(1)",
    "no host": "https://",
    "half an address": "http://[::1",
    "quotes": 'https://example.org/"onmouseover="alert(1)',
    "a NUL": "https://example.org/\0",
    "very long": "https://example.org/" + "a" * 10_000,
    "a relative path": "../../etc/passwd#x",
}


@pytest.mark.parametrize("source", HOSTILE.values(), ids=HOSTILE.keys())
def test_a_hostile_address_is_text_or_a_link_to_its_host(source: str) -> None:
    part = SearchPart(stage="sources", hits=(Hit(title="t", source=source, text="x", number=1),))
    html = to_html(search_node("k", part, labels_for("")))
    assert all(address.startswith("https://example.org/") for address in re.findall(r'href="([^"]*)"', html))
    assert not re.search(r"<[^>]*\sonmouseover=", html)


def live(run: list[ev.RunEvent]) -> str:
    """All attributes and words of the live view, painted after each event."""
    painter, page = Painter(), PageModel()
    for event in run:
        painter.take(event)
        page.apply(painter.paint())
    attributes = (f'{name}="{value}"' for node in page.nodes.values() for name, value in node["attributes"].items())
    return " ".join((*attributes, page.text()))


def test_the_live_view_and_the_record_have_the_same_sources() -> None:
    run = search_run()
    record = record_html(folded(run), read_file=lambda name, most: b"")
    for page in (record, live(run)):
        for anchor in anchors_of(search_parts()).values():
            assert f'id="{anchor}"' in page
            assert f'popovertarget="{anchor}"' in page


def test_only_what_is_cited_is_listed_at_the_end() -> None:
    run = search_run()
    text = record_text(folded(run))
    assert "Sources:\n[1] notes/plan.md > Plan > Costs (notes/plan.md#Costs)" in text
    assert "[9] " not in text.split("Sources:")[1]
    assert "**Sources**\n\n- [1] notes/plan.md" in record_markdown(folded(run))
    assert ANSWER in text
