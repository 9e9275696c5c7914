from html.parser import HTMLParser

import pytest

from genie_nb.parts import TablePart
from genie_nb.widgets.gate import FRAME_POLICY, clean, closed_frame, picture
from genie_nb.widgets.render import code_html, markdown_html, table_html
from tests.widgets.hostile import PAYLOADS

TAGS = {
    *("a", "blockquote", "br", "code", "del", "div", "em", "h1", "h2", "h3", "h4", "h5", "h6", "hr", "li", "ol", "p", "pre"),
    *("s", "span", "strong", "table", "tbody", "td", "th", "thead", "tr", "ul"),
}
ATTRIBUTES = {"class", "href", "title", "rel", "target", "style", "start"}


class Reader(HTMLParser):
    """Notes what a page would make of some HTML."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.words = ""
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.words += data


def assert_harmless(html: str) -> None:
    for tag, attributes in Reader(html).tags:
        assert tag in TAGS
        assert set(attributes) <= ATTRIBUTES
        href = attributes.get("href")
        if href is not None:
            assert href.lower().startswith(("http://", "https://", "mailto:"))
            assert attributes["rel"] == "noopener noreferrer"
            assert attributes["target"] == "_blank"
        assert (attributes.get("style") or "text-align:").startswith("text-align:")


def test_the_table_of_payloads_is_long_enough() -> None:
    assert len(PAYLOADS) >= 40


@pytest.mark.parametrize("payload", PAYLOADS.values(), ids=PAYLOADS)
def test_hostile_markdown_is_harmless(payload: str) -> None:
    assert_harmless(markdown_html(payload))


@pytest.mark.parametrize("payload", PAYLOADS.values(), ids=PAYLOADS)
def test_hostile_code_stays_code(payload: str) -> None:
    for language in ("python", "html", "", payload):
        html = code_html(payload, language)
        assert_harmless(html)
        assert Reader(html).words.rstrip("\n") == payload.replace("\0", "␀")


@pytest.mark.parametrize("payload", PAYLOADS.values(), ids=PAYLOADS)
def test_a_hostile_table_is_harmless(payload: str) -> None:
    html = table_html(TablePart(columns=(payload,), dtypes=(payload,), rows=((payload,),)), payload)
    assert_harmless(html)


@pytest.mark.parametrize("payload", PAYLOADS.values(), ids=PAYLOADS)
def test_raw_html_that_reaches_the_gate_is_harmless(payload: str) -> None:
    assert_harmless(clean(payload))


@pytest.mark.parametrize("payload", PAYLOADS.values(), ids=PAYLOADS)
def test_a_hostile_document_stays_in_its_frame(payload: str) -> None:
    ((tag, attributes),) = Reader(closed_frame(payload, payload)).tags[:1]
    assert (tag, attributes["sandbox"]) == ("iframe", "")
    assert attributes["srcdoc"] == FRAME_POLICY + payload
    assert set(attributes) == {"class", "sandbox", "srcdoc", "title"}


def test_a_remote_image_is_a_link_that_names_its_host() -> None:
    html = markdown_html("![the chart](https://img.example/a.png?q=1)")
    assert '<a href="https://img.example/a.png?q=1"' in html
    assert "the chart" in html
    assert "(img.example)" in html
    assert "<img" not in html


def test_a_relative_link_leads_nowhere_and_keeps_its_words() -> None:
    assert markdown_html("[the report](report.md)") == (
        '<p><a target="_blank" rel="noopener noreferrer">the report</a></p>\n'
    )


def test_an_svg_is_an_image_and_no_element_of_the_page() -> None:
    html = picture(b"<svg onload=alert(1)>", "image/svg+xml", 'a "chart"')
    ((tag, attributes),) = Reader(html).tags
    assert tag == "img"
    assert str(attributes["src"]).startswith("data:image/svg+xml;base64,")
    assert attributes["alt"] == 'a "chart"'


def test_bytes_that_are_no_picture_are_not_embedded() -> None:
    assert "data:" not in picture(b"<script>", "text/html", "page")


EMPHASIS = {
    "full-stop": (
        "**按 company 看，…（25.73）。**总体为 56.4。",
        "<strong>按 company 看，…（25.73）。</strong>总体为 56.4。",
    ),
    "colon": ("**总体：**56.4", "<strong>总体：</strong>56.4"),
    "ascii-percent": ("升**25%**以上", "升<strong>25%</strong>以上"),
    "ascii-bracket": ("**销售(万元)**增长", "<strong>销售(万元)</strong>增长"),
    "quotes": ("他说**“好”**的", "他说<strong>“好”</strong>的"),
    "code": ("列**`a`**的", "列<strong><code>a</code></strong>的"),
    "star": ("*强调。*后面", "<em>强调。</em>后面"),
    "strike": ("一~~二。~~三", "一<s>二。</s>三"),
    "hangul": ("**한국어(25.)**는", "<strong>한국어(25.)</strong>는"),
    "kana": ("**テスト。**です", "<strong>テスト。</strong>です"),
    "underscores-are-not-for-inside-words": ("按__重点。__总", "按__重点。__总"),
    "latin-before-letter": ("**a.**b", "**a.**b"),
    "latin-in-word": ("a**b**c 2*3*4", "a<strong>b</strong>c 2<em>3</em>4"),
    "latin-blank-inside": ("** a** and a * b*", "** a** and a * b*"),
    "snake_case": ("a_b_c _d_", "a_b_c <em>d</em>"),
    "wide-blank-inside": ("**\u3000好**", "**\u3000好**"),
}


@pytest.mark.parametrize(("markdown", "html"), EMPHASIS.values(), ids=EMPHASIS)
def test_emphasis_beside_chinese_is_read_as_it_is_meant(markdown: str, html: str) -> None:
    assert markdown_html(markdown) == f"<p>{html}</p>\n"


def test_numbers_stand_right_and_the_size_of_the_table_is_told() -> None:
    table = TablePart(columns=("name", "n"), dtypes=("str", "int64"), rows=(("a", "1"),))
    html = table_html(table, "1 of 9 rows")
    assert '<td class="gnb-number">1</td>' in html
    assert "<td>a</td>" in html
    assert "1 of 9 rows" in html


def test_known_code_has_colours_and_unknown_code_is_plain() -> None:
    assert '<span class="k">def</span>' in code_html("def f(): ...", "python")
    assert "<span" not in code_html("def f(): ...", "no such language")
