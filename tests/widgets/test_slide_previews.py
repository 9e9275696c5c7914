"""Previews of presentations: the slides' pictures where a tool has shown them, and their titles."""

import io
import zipfile

import pytest

from genie_nb import events as ev
from genie_nb.backend.reports.deck import deck_bytes
from genie_nb.backend.reports.document import read_document
from genie_nb.parts import FileRef, ImagePart
from genie_nb.widgets.labels import labels_for
from genie_nb.widgets.previews import PRESENTATION, pictures_of, preview_html
from genie_nb.widgets.slide_outline import slide_titles
from tests.fakes import fold

DECK = deck_bytes(read_document("# 茶 & <script>\n\n## One\n\nx\n\n## Two\n\n- y"), {}, language="zh")


def file(content: bytes, name: str = "茶.pptx") -> FileRef:
    return FileRef(name=name, size=len(content), media_type=PRESENTATION, sha256="")


def zipped(**entries: str) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in entries.items():
            archive.writestr(f"ppt/slides/{name}.xml", text)
    return made.getvalue()


def test_the_titles_of_the_slides_stand_in_their_order() -> None:
    assert slide_titles(DECK) == ["茶 & <script>", "One", "Two"]


def test_a_presentation_is_previewed_by_its_titles() -> None:
    html = preview_html(file(DECK), DECK, labels_for("茶?"))
    assert '<p class="gnb-muted">3 张幻灯片</p><ol><li>茶 &amp; &lt;script&gt;</li><li>One</li><li>Two</li></ol>' in html


def test_where_the_slides_were_shown_the_preview_shows_them() -> None:
    shown = ImagePart(content=b"png", alt="茶.pptx")
    transcript = fold(
        [
            ev.ToolStarted(call_id="a", tool="report", assignee="x"),
            ev.ToolOutput(call_id="a", part=shown),
            ev.ToolStarted(call_id="b", tool="code_interpreter", assignee="x"),
            ev.ToolOutput(call_id="b", part=ImagePart(content=b"other", alt="茶.pptx")),
        ]
    )
    pictures = pictures_of(transcript, file(DECK))
    assert pictures == [shown]
    assert pictures_of(transcript, file(DECK, "other.pptx")) == []
    html = preview_html(file(DECK), DECK, labels_for("tea"), pictures)
    assert html.index("data:image/png;base64,cG5n") < html.index("<li>One</li>")


SLIDE = '<p:sp><p:ph type="title"/><a:t>{}</a:t></p:sp>'
NO_DECKS = {
    "nothing": b"",
    "text": b"no zip",
    "cut": DECK[: len(DECK) // 2],
    "another-zip": zipped(),
    "entities": zipped(slide1='<!DOCTYPE x [<!ENTITY a "aaaa">]><a:t>&a;</a:t>'),
    "bomb": zipped(slide1=SLIDE.format("x" * 5_000_000)),
    "script": zipped(slide1=SLIDE.format("&lt;script&gt;alert(1)&lt;/script&gt;")),
    "many": zipped(**{f"slide{number}": SLIDE.format("t") for number in range(300)}),
}


@pytest.mark.parametrize("content", NO_DECKS.values(), ids=NO_DECKS)
def test_what_is_no_presentation_or_a_hostile_one_does_no_harm(content: bytes) -> None:
    html = preview_html(file(content), content, labels_for("tea"))
    assert "<script" not in html
    assert len(html) < 10_000
