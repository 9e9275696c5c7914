import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from genie_nb.widgets.blocks import CHEAP_CHARACTERS, TextFlow
from genie_nb.widgets.render import markdown_blocks

PIECES = [
    *("word ", "**bold", "** ", "`code` ", "_it_ ", "\n", "\n\n", "\r\n", "\r", "# ", "## h\n", "- ", "- a\n- b\n", "1. "),
    *(
        "2. x\n",
        "   ",
        "    ",
        "\t",
        "> ",
        "```",
        "```\n",
        "```python\n",
        "~~~\n",
        "````\n",
        "---\n",
        "===\n",
        "-",
        "*",
        "+ ",
    ),
    *("|a|b|\n", "|-|-:|\n", "|1|2|\n", "[x]: https://a.example\n", "[x] ", "[y](http://b.example) ", "<b>", "&amp; ", "\\"),
    *("x = 1\n", "𝕏 😀 ", "中文", "![i](http://c.example/p.png) ", "\0", "| ", "a | b\n--- | ---\n", "  \n", "```\n\n"),
]
MARKDOWN = st.lists(st.sampled_from(PIECES), max_size=40).map("".join)


def shown(flow: TextFlow, blocks: dict[int, str], changed: object) -> None:
    for block in changed:  # type: ignore[attr-defined]
        blocks[block.index] = block.html


def streamed(text: str, cuts: list[int]) -> list[str]:
    flow, blocks, at = TextFlow(), {}, 0
    for cut in sorted({min(cut, len(text)) for cut in cuts}):
        flow.feed(text[at:cut])
        shown(flow, blocks, flow.changed())
        at = cut
    flow.feed(text[at:])
    shown(flow, blocks, flow.finish(text))
    return [blocks[number] for number in range(flow.count)]


@settings(max_examples=400, deadline=None)
@given(MARKDOWN, st.lists(st.integers(0, 300), max_size=30))
@example("```\n\n````\n```", [4, 13])  # a line that is not whole yet follows the code block's end
def test_a_text_streamed_with_any_cuts_ends_as_the_whole_rendered_at_once(text: str, cuts: list[int]) -> None:
    assert streamed(text, cuts) == markdown_blocks(text)


@settings(max_examples=100, deadline=None)
@example("```a | b\n--- | ---\n```\n\n")
@given(MARKDOWN)
def test_a_text_streamed_character_by_character_ends_as_the_whole(text: str) -> None:
    assert streamed(text, list(range(len(text)))) == markdown_blocks(text)


@settings(max_examples=100, deadline=None)
@given(MARKDOWN, MARKDOWN)
def test_the_finished_text_overrules_what_was_streamed(streamed_text: str, final: str) -> None:
    flow, blocks = TextFlow(), {}
    flow.feed(streamed_text)
    shown(flow, blocks, flow.changed())
    shown(flow, blocks, flow.finish(final))
    assert [blocks[number] for number in range(flow.count)] == markdown_blocks(final)


def test_a_closed_block_is_told_once() -> None:
    flow = TextFlow()
    flow.feed("first\n\nsecond")
    assert [(block.index, block.open) for block in flow.changed()] == [(0, False), (1, True)]
    flow.feed(" goes on")
    assert [(block.index, block.html) for block in flow.changed()] == [(1, "<p>second goes on</p>\n")]


def test_an_open_code_block_grows_plain_and_is_coloured_when_it_closes() -> None:
    flow = TextFlow()
    flow.feed("```python\nx = 1\ny =")
    (block,) = flow.changed()
    assert (block.code, block.html) == ("x = 1\ny =", "")
    flow.feed(" 2\n```\n")
    closed = next(iter(flow.changed()))
    assert closed.code is None
    assert '<span class="n">y</span>' in closed.html


@pytest.mark.parametrize("line", ["-", "==", "1.", "``", "# "], ids=["bullet", "underline", "number", "fence", "heading"])
def test_a_line_that_may_yet_become_anything_waits(line: str) -> None:
    flow = TextFlow()
    flow.feed(f"words\n{line}")
    assert [block.html for block in flow.changed()] == ["<p>words</p>\n"]


def test_the_words_past_a_long_open_block_are_plain_until_it_is_worth_rendering() -> None:
    flow, paragraph = TextFlow(), "word " * (CHEAP_CHARACTERS // 4)
    flow.feed(paragraph)
    (first,) = flow.changed()
    flow.feed("**more**")
    (second,) = flow.changed()
    assert second.html == first.html
    assert second.tail == "**more**"
    flow.feed("word " * CHEAP_CHARACTERS)
    (third,) = flow.changed()
    assert "<strong>more</strong>" in third.html
    assert third.tail == ""


def test_a_long_open_block_costs_a_few_times_its_length() -> None:
    flow, rendered = TextFlow(), 0
    last = ""
    for _ in range(4_000):
        flow.feed("word ")
        (block,) = flow.changed()
        rendered += len(block.html) if block.html != last and len(block.html) > CHEAP_CHARACTERS + 20 else 0
        last = block.html
    assert rendered < 5 * 4_000 * 5
