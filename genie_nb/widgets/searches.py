"""Searches: queries, hits that unfold to their passage, the verdict, and the numbered sources, as nodes. Pure.

A citation `[2]` in a text is a button that opens the passage of source 2 over the page (a popover: it takes no script, and
notebooks let no link lead into a folded part of a page). The passage's id is made of the source itself, so that two records
on one page, or two views of one run, open equal passages.

Above: `cards`, `patches`, `record`. Below: `nodes`, `gate`, `transcript`, `parts`.
"""

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from html import escape
from urllib.parse import urlsplit

from genie_nb.controls import show_line
from genie_nb.parts import Hit, Part, SearchPart, cited_numbers
from genie_nb.transcript import Transcript
from genie_nb.widgets.gate import clean
from genie_nb.widgets.nodes import Node

__all__ = ("anchors_of", "cited_sources", "search_node", "source_nodes")

Labels = Mapping[str, str]

SHOWN_CHARACTERS = 4_000
TITLE_CHARACTERS = 160


def anchors_of(parts: Iterable[Part]) -> dict[int, str]:
    """Where on the page the numbered sources of a search are: number → the element's id."""
    hits = (hit for part in parts if isinstance(part, SearchPart) and part.stage == "sources" for hit in part.hits)
    return {hit.number: _anchor(hit) for hit in hits if hit.number}


def _sources(transcript: Transcript) -> dict[int, Hit]:
    parts = (part for call in transcript.calls.values() for part in call.parts)
    hits = (hit for part in parts if isinstance(part, SearchPart) and part.stage == "sources" for hit in part.hits)
    return {hit.number: hit for hit in hits if hit.number}


def cited_sources(transcript: Transcript, text: str) -> list[Hit]:
    """The sources that a text cites, by number."""
    sources = _sources(transcript)
    return [sources[number] for number in sorted(cited_numbers(text)) if number in sources]


def source_nodes(transcript: Transcript) -> Iterator[Node]:
    """The numbered sources, each with the passage that its citations open; of an ended run only those that it cites."""
    sources = _sources(transcript)
    if transcript.ended and sources:
        said = [message.text for message in transcript.messages.values()]
        cited = cited_numbers("\n".join((*said, transcript.answer)))
        sources = {number: hit for number, hit in sources.items() if number in cited}
    for number, hit in sorted(sources.items()):
        yield _numbered(f"src{number}", hit)


def _numbered(key: str, hit: Hit) -> Node:
    anchor = _anchor(hit)
    row = {"class": "gnb-cite-row", "type": "button", "popovertarget": anchor}
    inside = (
        Node(f"{key}.t", "div", children=_named(f"{key}.t", hit, f"[{hit.number}] ")),
        *_passage(key, hit),
    )
    return Node(
        key,
        "div",
        {"class": "gnb-cited"},
        children=(
            Node(f"{key}.r", "button", row, children=_named(f"{key}.r", hit, f"[{hit.number}] ")),
            Node(f"{key}.o", "div", {"class": "gnb-popover", "id": anchor, "popover": "auto"}, children=inside),
        ),
    )


def search_node(key: str, part: SearchPart, labels: Labels) -> Node:
    """What one stage of a search looks like."""
    match part.stage:
        case "queries":
            inside = list(_queries(key, part, labels))
        case "hits":
            inside = list(_hits(key, part, labels))
        case "verdict":
            mark = Node(f"{key}.m", "span", {"class": "gnb-mark", "aria-hidden": "true"}, "✓ " if part.enough else "… ")
            words = labels["enough" if part.enough else "not_enough"]
            inside = [mark, Node(f"{key}.v", "span", text=f"{words} {part.note}".strip())]
        case _:
            title = Node(f"{key}.t", "div", {"class": "gnb-search-title"}, labels["sources"])
            inside = [title, *(_fold(f"{key}.{number}", hit) for number, hit in enumerate(part.hits))]
    return Node(key, "div", {"class": "gnb-part gnb-search", "data-stage": part.stage}, children=tuple(inside))


def _queries(key: str, part: SearchPart, labels: Labels) -> Iterator[Node]:
    yield Node(f"{key}.r", "span", {"class": "gnb-search-title"}, labels["round"].format(n=part.round))
    for number, query in enumerate(part.queries):
        yield Node(f"{key}.{number}", "span", {"class": "gnb-chip"}, query)


def _hits(key: str, part: SearchPart, labels: Labels) -> Iterator[Node]:
    name = labels["pages_read"] if part.engine == "pages" else part.query
    count = labels["hits"].format(n=len(part.hits)) if part.hits or not part.note else ""
    where = "" if part.engine == "pages" else part.engine
    yield Node(
        f"{key}.t",
        "div",
        children=(
            Node(f"{key}.q", "span", {"class": "gnb-search-title"}, name),
            Node(f"{key}.e", "span", {"class": "gnb-muted"}, "".join(f" · {said}" for said in (where, count) if said)),
        ),
    )
    for number, hit in enumerate(part.hits):
        yield _fold(f"{key}.{number}", hit)
    if part.note:
        yield Node(f"{key}.f", "div", {"class": "gnb-note gnb-warning"}, part.note)


def _fold(key: str, hit: Hit) -> Node:
    """A find, to be unfolded to its passage; an address of the web can be followed from there."""
    number = f"[{hit.number}] " if hit.number else ""
    return Node(
        key,
        "details",
        {"class": "gnb-hit", "data-open": "0"},
        children=(
            Node(f"{key}.s", "summary", children=_named(f"{key}.s", hit, number)),
            Node(f"{key}.b", "div", {"class": "gnb-hit-body"}, children=tuple(_passage(key, hit))),
        ),
    )


def _named(key: str, hit: Hit, number: str) -> tuple[Node, ...]:
    """A find's number, its title, and where it is, unless the title says that."""
    host, _ = _link(hit.source)
    title = hit.title if len(hit.title) <= TITLE_CHARACTERS else hit.title[: TITLE_CHARACTERS - 1] + "…"
    place = host or ("" if title.startswith(hit.source.partition("#")[0]) else show_line(hit.source[:TITLE_CHARACTERS]))
    return (
        Node(f"{key}.c", "span", {"class": "gnb-number-mark"}, number),
        Node(f"{key}.n", "span", {"class": "gnb-hit-title"}, title or show_line(hit.source)),
        *((Node(f"{key}.h", "span", {"class": "gnb-host"}, f" {place}"),) if place else ()),
    )


def _passage(key: str, hit: Hit) -> Iterator[Node]:
    yield Node(f"{key}.p", "div", {"class": "gnb-passage", "tabindex": "0"}, hit.text[:SHOWN_CHARACTERS])
    _, link = _link(hit.source)
    if link:
        yield Node(f"{key}.a", "div", html=link)


def _link(source: str) -> tuple[str, str]:
    """The host of an address of the web, and a link to it; both empty for anything else."""
    try:
        parts = urlsplit(source)
        host = parts.hostname if parts.scheme in ("http", "https") else ""
    except ValueError:
        host = ""
    if not host:
        return "", ""
    return host, clean(f'<a href="{escape(source)}">{escape(source[:TITLE_CHARACTERS])}</a>')


def _anchor(hit: Hit) -> str:
    return "gnb-" + hashlib.sha256(f"{hit.number}\n{hit.source}\n{hit.text}".encode()).hexdigest()[:12]
