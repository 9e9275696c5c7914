"""Printed text: as a terminal leaves it, piece by piece as at once, and its colours."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from genie_nb.printed import append, plain, runs_of, settle

SHOWN = {
    "a bar that draws itself anew": ("\r 10%|#\r 50%|#####\r100%|##########\n", "100%|##########\n"),
    "a shorter line leaves the rest": ("abcdef\rxy", "xycdef"),
    "a line that is erased first": ("abcdef\r\x1b[Kxy", "xy"),
    "ends of lines of Windows": ("a\r\nb\r\n", "a\nb\n"),
    "a step back": ("ab\b\bcd", "cd"),
    "two bars below each other": ("\r1/2\n\r5/9\x1b[A\r2/2\n\r9/9\x1b[A\n\n", "2/2\n9/9\n"),
    "a window's title": ("\x1b]0;title\x07text", "text"),
    "the screen": ("\x1b[2J\x1b[Htext", "text"),
    "half a code": ("text\x1b[", "text"),
    "Chinese": ("\r进度 1\r进度 2", "进度 2"),
}


@pytest.mark.parametrize(("text", "shown"), SHOWN.values(), ids=SHOWN)
def test_lines_stand_as_they_were_drawn_last(text: str, shown: str) -> None:
    assert plain(settle(text)) == shown


def test_a_program_that_goes_far_away_fills_no_memory() -> None:
    assert len(settle("\x1b[1000Cx" * 20_000 + "\x1b[999999999Gy")) < 50_000
    assert settle("\x1b[1000A" * 20_000 + "x") == "x"


def test_what_needs_no_terminal_is_left_alone() -> None:
    text = "one\ntwo\tthree\n"
    assert settle(text) is text
    assert append("zero\n", text) == "zero\n" + text


PIECES = st.lists(
    st.one_of(
        st.sampled_from(
            ["\r", "\n", "\b", "\x1b[A", "\x1b[2A", "\x1b[B", "\x1b[K", "\x1b[1K", "\x1b[2K", "\x1b[3C", "\x1b[2D"]
        ),
        st.sampled_from(["\x1b[31m", "\x1b[0m", "\x1b[1;42m", "\x1b[m", "\x1b[38;5;196m", "\x1b[5G", "\x1b[39m", "\x1b[E"]),
        st.sampled_from(["\x1b", "\x1b[", "3", "1m", "A", "\x1b]0;t", "\x07"]),
        st.text(st.sampled_from("ab 度"), min_size=1, max_size=5),
    ),
    max_size=12,
)


@given(PIECES, PIECES)
def test_a_text_that_comes_in_pieces_settles_as_at_once(before: list[str], text: list[str]) -> None:
    whole = settle("".join([*before, *text]))
    settled = ""
    for piece in (*before, *text):
        settled = append(settled, piece)
    assert plain(settled) == plain(whole)
    assert list(runs_of(settled)) == list(runs_of(whole))
    assert settle(whole) == whole


COLOURS = {
    "one": ("\x1b[31mred\x1b[0m plain", [(("red",), "red"), ((), " plain")]),
    "the last counts": ("\x1b[31m\x1b[32mgreen", [(("green",), "green")]),
    "together": (
        "\x1b[1;4;94;41mall\x1b[22;39mless",
        [(("bold", "underline", "on-red", "bright-blue"), "all"), (("underline", "on-red"), "less")],
    ),
    "one of 256": ("\x1b[38;5;196mred", [(("bright-red",), "red")]),
    "one of 256 that is among the first": ("\x1b[38;5;10mgreen", [(("bright-green",), "green")]),
    "any": ("\x1b[38;2;20;30;160mblue", [(("blue",), "blue")]),
    "drawn over": ("\x1b[31mabc\r\x1b[32mx", [(("green",), "x"), (("red",), "bc")]),
    "unknown": ("\x1b[5;73mtext", [((), "text")]),
}


@pytest.mark.parametrize(("text", "runs"), COLOURS.values(), ids=COLOURS)
def test_colours_are_known_by_name(text: str, runs: list[tuple[tuple[str, ...], str]]) -> None:
    found = [(tuple(sorted(names)), words) for names, words in runs_of(settle(text))]
    assert found == [(tuple(sorted(names)), words) for names, words in runs]


def test_a_title_that_is_never_ended_swallows_no_line() -> None:
    assert plain(settle("\x1b]0;title\nfirst\nsecond")) == "\nfirst\nsecond"
