"""A report's Markdown as a tree: what each block becomes, and what wrong input becomes."""

import json
import threading
from typing import Any

import pytest

from genie_nb.backend.reports.charts import Chart, figure, read_chart
from genie_nb.backend.reports.document import (
    Code,
    Document,
    Heading,
    Image,
    Item,
    Listing,
    Notes,
    Paragraph,
    Table,
    Words,
    plain_text,
    read_document,
    without_fence,
)
from genie_nb.errors import ToolFailed
from tests.backend.reports.sample_reports import SAMPLE, chart


def kinds(document: Document) -> list[str]:
    return [type(block).__name__ for block in document.blocks]


def test_every_kind_of_block_finds_its_place() -> None:
    document = read_document(SAMPLE)
    assert document.title == "茶饮报告"
    assert [section.title for section in document.sections] == ["各地区", "Trends"]
    assert kinds(document) == [
        *("Paragraph", "Paragraph", "Chart", "Table", "Notes"),
        *("Listing", "Chart", "Chart", "Heading", "Chart", "Image", "Paragraph", "Code"),
    ]
    (lead,) = document.lead
    assert isinstance(lead, Paragraph)
    assert lead.text[1] == Words("1.28 亿元", italic=True)
    assert lead.text[3] == Words("来源", link="https://example.com/a")


def test_bold_ends_after_a_chinese_full_stop() -> None:
    first = read_document(SAMPLE).sections[0].blocks[0]
    assert isinstance(first, Paragraph)
    assert first.text[1] == Words("最高。", bold=True)


def test_the_parts_of_blocks_are_kept() -> None:
    blocks = read_document(SAMPLE).sections[0].blocks + read_document(SAMPLE).sections[1].blocks
    assert Notes("先讲华东。") in blocks
    assert Image("chart.png", "a picture") in blocks
    assert Code('print("hi")', "python") in blocks
    assert Heading((Words("Points"),), 1) in blocks
    assert Paragraph((Words("quoted"),), quoted=True) in blocks
    table = next(block for block in blocks if isinstance(block, Table))
    assert (table.right, [plain_text(cell) for cell in table.rows[1]]) == ((False, True), ["华北", "3,300"])
    listing = next(block for block in blocks if isinstance(block, Listing))
    assert listing.items == (
        Item((Words("one"),)),
        Item((Words("inner"),), level=1, number=1),
        Item((Words("two"),)),
    )


LINES = {
    "one-top-heading": ("# T\n\n## a\n\n## b", "T", ["a", "b"]),
    "no-heading": ("only words", "given", []),
    "sections-of-level-3": ("# T\n\n### a\n\n### b", "T", ["a", "b"]),
    "several-top-headings": ("# T\n\n# a\n\n## sub\n\n# b", "T", ["a", "b"]),
    "words-before-the-heading": ("words\n\n## a", "given", ["a"]),
    "fenced": ("```markdown\n# T\n\n## a\n```", "T", ["a"]),
}


@pytest.mark.parametrize(("text", "title", "sections"), LINES.values(), ids=LINES)
def test_titles_and_sections(text: str, title: str, sections: list[str]) -> None:
    document = read_document(text, title="given")
    assert (document.title, [section.title for section in document.sections]) == (title, sections)


def test_lines_of_chinese_join_without_a_blank_and_others_with_one() -> None:
    (block,) = read_document("中文\n一段\nand then\nmore").lead
    assert isinstance(block, Paragraph)
    assert plain_text(block.text) == "中文一段 and then more"


@pytest.mark.parametrize("link", ["javascript:alert(1)", "data:text/html,x", "file:///etc/passwd", "//evil.example", "/a"])
def test_links_lead_to_the_web_or_nowhere(link: str) -> None:
    (block,) = read_document(f"[x]({link})").lead
    assert isinstance(block, Paragraph)
    assert not any(words.link for words in block.text)


def test_html_is_text_and_characters_that_no_file_can_hold_go() -> None:
    (block,) = read_document("<script>alert(1)</script> a\x00b\x08\ud800c").lead
    assert isinstance(block, Paragraph)
    assert plain_text(block.text) == "<script>alert(1)</script> abc"


def test_only_a_fence_around_everything_is_taken_away() -> None:
    assert without_fence("```\na\n```\nb\n```\nc\n```") == "```\na\n```\nb\n```\nc\n```"
    assert without_fence("```markdown\na\n```x\n```\n```") == "a\n```x\n```"
    assert without_fence("```html\n<p>\n```") == "<p>"


@pytest.mark.parametrize("text", ["", " \n\n", "\x00\x01", "# Only a title"], ids=["nothing", "blanks", "binary", "title"])
def test_a_text_without_words_is_refused_or_only_a_title(text: str) -> None:
    if text.startswith("#"):
        assert read_document(text) == Document("Only a title")
    else:
        with pytest.raises(ToolFailed, match="The report is empty"):
            read_document(text)


HUGE = {"characters": ("x" * 400_001, "at most 400,000"), "blocks": ("a\n\n" * 10_001, "at most 10,000 are made")}


@pytest.mark.parametrize(("text", "why"), HUGE.values(), ids=HUGE)
def test_a_huge_text_is_refused_in_one_sentence(text: str, why: str) -> None:
    with pytest.raises(ToolFailed, match=why):
        read_document(text)


SLOW = {
    "emphasis": "*a " * 10_000 + "a* " * 10_000,
    "brackets": "[" * 20_000,
    "pictures": "![" * 20_000,
    "quotes": ">" * 50_000,
    "lists": "- " * 5_000 + "x",
    "deep-lists": "".join("  " * depth + "- x\n" for depth in range(300)),
    "wide-table": "|a" * 20_000 + "\n" + "|-" * 20_000 + "\n",
    "ticks": "`" * 50_000 + "a",
    "links": "[a](b " * 20_000,
}


@pytest.mark.parametrize("text", SLOW.values(), ids=SLOW)
def test_a_hostile_text_neither_hangs_nor_crashes(text: str) -> None:
    read: list[Document] = []
    thread = threading.Thread(target=lambda: read.append(read_document("# T\n\n" + text + "\n\nend")), daemon=True)
    thread.start()
    thread.join(timeout=300)
    assert read[0].title == "T"


GOOD: dict[str, dict[str, Any]] = {
    "a-list-of-series": {"x": ["a", "b"], "series": [{"name": "s", "values": [1, 2]}]},
    "an-object-of-series": {"x": ["a", "b"], "series": {"s": [1, 2]}},
    "labels-and-values": {"labels": ["a", "b"], "values": [1, 2], "title": "s"},
    "numbers-as-text": {"x": ["a", "b"], "series": {"s": ["1", "2.0%"]}},
    "an-upper-case-type": {"type": "BAR", "x": ["a", "b"], "series": {"s": [1, 2]}},
}


@pytest.mark.parametrize("spec", GOOD.values(), ids=GOOD)
def test_a_chart_may_be_written_in_several_ways(spec: dict[str, Any]) -> None:
    read = read_chart(json.dumps(spec))
    assert (read.type, read.labels, read.numbers) == ("bar", ("a", "b"), [1, 2])
    assert read.series[0].name == "s"


WRONG: dict[str, tuple[str, str]] = {
    "no-json": ("{", "not valid JSON"),
    "a-list": ("[]", "no JSON object"),
    "deep": ("[" * 100_000, "not valid JSON"),
    "huge": (" " * 200_001, "more than 200,000 characters"),
    "no-series": ("{}", "no series"),
    "no-numbers": ('{"series": {"s": [null]}}', "no numbers"),
    "another-type": ('{"type": "radar", "series": {"s": [1]}}', "none of bar, line, pie, scatter"),
    "too-few-labels": ('{"x": ["a"], "series": {"s": [1, 2]}}', "same number of entries"),
    "uneven-series": ('{"series": {"s": [1, 2], "t": [1]}}', "same number of entries"),
    "words-for-numbers": ('{"series": {"s": ["many"]}}', "'many' is no number"),
    "an-object-for-a-number": ('{"series": {"s": [{}]}}', "no numbers"),
    "infinite": ('{"series": {"s": [1e999, -1e999]}}', "no numbers"),
    "beyond-floats": ('{"series": {"s": [1' + "0" * 400 + "]}}", "is no number"),
    "many-series": (json.dumps({"series": {str(n): [1] for n in range(13)}}), "more than 12 series"),
    "many-values": (json.dumps({"series": {"s": [1] * 2_001}}), "at most 2,000 values"),
    "a-negative-pie": ('{"type": "pie", "series": {"s": [1, -1]}}', "a pie needs"),
    "an-empty-pie": ('{"type": "pie", "series": {"s": [0, 0]}}', "a pie needs"),
    "a-scatter-of-words": ('{"type": "scatter", "x": ["a"], "series": {"s": [1]}}', "is no number"),
}


@pytest.mark.parametrize(("spec", "why"), WRONG.values(), ids=WRONG)
def test_a_wrong_chart_becomes_one_sentence(spec: str, why: str) -> None:
    with pytest.raises(ToolFailed, match=why):
        read_chart(spec)
    (block,) = read_document(f"```chart\n{spec}\n```").lead
    assert isinstance(block, Paragraph)
    assert plain_text(block.text).startswith("A chart cannot be drawn: ")
    assert len(plain_text(block.text)) < 200


def test_a_pie_of_many_slices_joins_the_smallest() -> None:
    spec = chart(type="pie", x=[str(n) for n in range(20)], series={"s": list(range(1, 21))})
    (pie,) = read_document(spec).lead
    assert isinstance(pie, Chart)
    assert (len(pie.labels), pie.labels[0], pie.labels[-1]) == (8, "19", "…")
    assert sum(pie.numbers) == sum(range(1, 21))


FIGURES = [
    (1234.5, "", "1,234"),
    (12.5, "%", "12.5%"),
    (0, "", "0"),
    (-350, "万元", "-350 万元"),
    (0.001, "", "0.001"),
    (1e20, "", "1e+20"),
]


@pytest.mark.parametrize(("value", "unit", "said"), FIGURES)
def test_numbers_are_said_as_people_read_them(value: float, unit: str, said: str) -> None:
    assert figure(value, unit) == said
