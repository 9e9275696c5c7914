"""Passages: texts cut under their headings, code under its names; nothing is lost and nothing is long."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from genie_nb.backend.search.html_text import html_text, html_title
from genie_nb.backend.search.passages import PASSAGE_CHARACTERS, cut_code, cut_plain, cut_text

TEXTS = {
    "headings": ("# A\n\none\n\n## B\n\ntwo\n\n# C\nthree", [("A", "one"), ("B", "two"), ("C", "three")]),
    "before the first heading": ("zero\n\n# A\none", [("", "zero"), ("A", "one")]),
    "underlined": ("Title\n=====\n\none\n\nPart\n----\ntwo", [("Title", "one"), ("Part", "two")]),
    "a hash in code": ("# A\n```\n# no heading\n```", [("A", "```\n# no heading\n```")]),
    "a heading alone": ("# A\n\n## B\n", []),
    "carriage returns": ("# A\r\none\r\n", [("A", "one")]),
    "nothing": ("  \n\n", []),
    "a hash without a blank": ("#tag is no heading", [("", "#tag is no heading")]),
}


@pytest.mark.parametrize(("text", "found"), TEXTS.values(), ids=TEXTS.keys())
def test_a_text_is_cut_under_its_headings(text: str, found: list[tuple[str, str]]) -> None:
    assert [(passage.heading, passage.text) for passage in cut_text(text)] == found


def test_a_passage_knows_the_headings_above_it() -> None:
    assert [passage.path for passage in cut_text("# A\n## B\n### C\nx\n## D\ny\n# E\nz")] == ["A > B > C", "A > D", "E"]


def test_code_is_cut_under_the_names_it_defines() -> None:
    code = "import os\n\n\ndef first():\n    return 1\n\n\nclass Second:\n    x = 1\n"
    assert [passage.heading for passage in cut_code(code)] == ["", "first", "Second"]


LONG = {
    "paragraphs": "word " * 40 + "\n\n",
    "sentences": "This is one of many sentences. ",
    "Chinese sentences": "这是许多句子中的一句。",
    "no end at all": "x",
}


@pytest.mark.parametrize("piece", LONG.values(), ids=LONG.keys())
def test_a_long_text_becomes_passages_of_bounded_length_and_loses_no_word(piece: str) -> None:
    text = piece * (5_000 // len(piece))
    pieces = list(cut_plain(text))
    assert len(pieces) > 3
    assert max(map(len, pieces)) <= PASSAGE_CHARACTERS
    assert "".join("".join(pieces).split()) == "".join(text.split())


@given(st.text(max_size=3_000))
def test_any_text_is_cut_into_bounded_passages(text: str) -> None:
    assert all(0 < len(passage.text) <= PASSAGE_CHARACTERS for passage in cut_text(text))


PAGES = {
    "headings and paragraphs": ("<h1>A</h1><p>one<p>two", "# A\n\none\n\ntwo"),
    "scripts and styles": ("<style>x{}</style><p>a</p><script>alert('<p>b')</script>", "a"),
    "what is hidden": ("<p>a</p><div hidden><p>b</p></div><div>c</div>", "a\n\nc"),
    "navigation": ("<nav><a>Home</a></nav><main>a</main><footer>f</footer>", "a"),
    "a head that is not closed": ("<html><head><title>T</title><body><p>a", "a"),
    "a list": ("<ul><li>a<li>b</ul>", "- a\n- b"),
    "entities": ("<p>&lt;b&gt; &amp; &#20013;", "<b> & 中"),
    "not closed at all": ("<p>a<b>b<i>c", "abc"),
    "no tags": ("just words", "just words"),
}


@pytest.mark.parametrize(("html", "text"), PAGES.values(), ids=PAGES.keys())
def test_a_page_is_read_as_a_reader_reads_it(html: str, text: str) -> None:
    assert html_text(html) == text


def test_a_page_has_a_title() -> None:
    assert html_title("<title>A &amp;\n B</title>") == "A & B"
    assert html_title("<p>none") == ""
