"""A run that searches, with all that a search can show: two rounds, a failing engine, a page, hostile addresses."""

from genie_nb import events as ev
from genie_nb.parts import Hit, SearchPart
from tests.widgets.sample_runs import call, numbered, started, words

__all__ = ("ANSWER", "search_parts", "search_run")

QUESTION = "What does the heat pump cost?"
ANSWER = "It costs **12,400 euro** [1], and it was loud [2, 3]. Nobody says [9] why."
NOTE = Hit(title="notes/plan.md > Plan > Costs", source="notes/plan.md#Costs", text="The heat pump costs 12,400 euro.")
PAGE = Hit(
    title="Heat pumps <b>compared</b>", source="https://example.org/pumps?a=1&b=2", text="Loud ones and quiet ones.\n" * 3
)
EVIL = Hit(
    title="<img src=x onerror=alert(1)>", source="javascript:alert(1)", text="<script>alert(1)</script> [1](javascript:x)"
)


def search_parts() -> list[SearchPart]:
    """The stages of the search."""
    numbered_hits = tuple(
        Hit(title=hit.title, source=hit.source, text=hit.text, number=number)
        for number, hit in enumerate((NOTE, PAGE, EVIL), 1)
    )
    return [
        SearchPart(stage="queries", query=QUESTION, queries=("heat pump cost", "heat pump noise")),
        SearchPart(stage="hits", query="heat pump cost", engine="folders", hits=(NOTE,)),
        SearchPart(stage="hits", query="heat pump cost", engine="brave", note="brave refused the key (status 401)."),
        SearchPart(stage="hits", query="heat pump noise", engine="folders", hits=(PAGE, EVIL)),
        SearchPart(stage="hits", engine="pages", hits=(PAGE,), note="http://127.0.0.1/ is at a private address."),
        SearchPart(stage="verdict", note="Nothing says how loud it is."),
        SearchPart(stage="queries", round=2, query=QUESTION, queries=("decibel",)),
        SearchPart(stage="hits", round=2, query="decibel", engine="folders"),
        SearchPart(stage="verdict", round=2, enough=True, note="This will do."),
        SearchPart(stage="sources", query=QUESTION, hits=numbered_hits),
    ]  # fmt: skip


def search_run() -> list[ev.RunEvent]:
    """The whole run."""
    return numbered(
        [
            started(QUESTION),
            *call("c1", "deep_search", '{"query": "What does the heat pump cost?"}', search_parts(), None, ANSWER),
            *words("m1", ANSWER, "answer"),
            ev.RunFinished(output=ANSWER),
        ]
    )
