"""Prompt texts: sections that nobody can break out of, and long texts cut in the middle."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from genie_nb.backend.models.sections import cut_middle, read_sections, section

NAMES = ("question", "inputs", "results")
hostile = st.lists(st.sampled_from([*(f"<{n}>" for n in NAMES), *(f"</{n}>" for n in NAMES), "\n", "a", "<", "\u200b"])).map(
    "".join
)


def test_a_section_is_its_text_between_its_name() -> None:
    assert section("inputs", "a\nb") == "<inputs>\na\nb\n</inputs>"


TEXTS = {
    "words": "a b",
    "lines": "a\n\nb\n",
    "nothing": "",
    "another section": "<inputs>\nx\n</inputs>",
    "markup": "<b>1 < 2</b>",
}


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS.keys())
def test_a_text_is_read_back_as_it_was(text: str) -> None:
    prompt = "\n".join((section("question", text), section("results", "r")))

    assert read_sections(prompt) == {"question": text, "results": "r"}


@given(hostile, hostile, hostile)
def test_no_text_breaks_out_of_its_section(question: str, inputs: str, results: str) -> None:
    texts = dict(zip(NAMES, (question, inputs, results), strict=True))

    read = read_sections("\n".join(section(name, text) for name, text in texts.items()))

    assert list(read) == list(NAMES)
    assert {name: text.replace("\u200b", "") for name, text in read.items()} == {
        name: text.replace("\u200b", "") for name, text in texts.items()
    }


def test_of_two_sections_with_one_name_the_later_counts() -> None:
    assert read_sections(section("a", "1") + "\n" + section("a", "2")) == {"a": "2"}


def test_a_short_text_is_left_whole_and_a_long_one_loses_its_middle() -> None:
    assert cut_middle("x" * 10, 10) == "x" * 10
    assert cut_middle("a" * 50 + "b" * 50, 20) == f"{'a' * 10}\n… 80 characters left out …\n{'b' * 10}"


@given(st.text(), st.integers(0, 30))
def test_what_is_kept_and_what_is_left_out_are_the_whole(text: str, limit: int) -> None:
    cut = cut_middle(text, limit)

    if len(text) <= limit:
        assert cut == text
    else:
        half = limit // 2
        assert cut == f"{text[:half]}\n… {len(text) - 2 * half} characters left out …\n{text[len(text) - half :]}"


TAGS = st.sampled_from(["<a>", "</a>", "<b>", "</b>", "<a", "x", "", "<a>x", " </a>"])


@given(st.lists(TAGS))
def test_a_section_ends_at_the_next_closing_tag_of_its_name_on_a_line_of_its_own(lines: list[str]) -> None:
    said = re.compile(r"^<([a-z_]+)>\n(.*?)\n</\1>$", re.DOTALL | re.MULTILINE)
    prompt = "\n".join(lines)

    assert read_sections(prompt) == {match[1]: match[2] for match in said.finditer(prompt)}


@pytest.mark.timeout(300)
@pytest.mark.parametrize("line", ["<a>", "</a>", "<a>\nx\n</a>", "<a>\n</b>"])
def test_a_prompt_is_read_once_through_whatever_it_holds(line: str) -> None:
    assert len(read_sections("\n".join([line] * 200_000))) <= 1
