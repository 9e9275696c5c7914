"""Which encoding a text has, from its first bytes."""

import codecs

import pytest
from hypothesis import given
from hypothesis import strategies as st

from genie_nb.text_encoding import decode_head, encoding_of

CHINESE = "地区,销售额\n华北,120\n华东,300\n"
GERMAN = "Straße;Größe\nMüllerstraße;3\n"

TEXTS = {
    "ASCII": (b"a,b\n1,2\n", "utf-8"),
    "UTF-8": (CHINESE.encode(), "utf-8"),
    "UTF-8 with a mark": (codecs.BOM_UTF8 + CHINESE.encode(), "utf-8-sig"),
    "UTF-16": (CHINESE.encode("utf-16"), "utf-16"),
    "UTF-16 big-endian": (codecs.BOM_UTF16_BE + CHINESE.encode("utf-16-be"), "utf-16"),
    "GBK": (CHINESE.encode("gbk"), "gb18030"),
    "GB 18030 with rare characters": ((CHINESE + "𠮷").encode("gb18030"), "gb18030"),
    "GBK, cut inside a character": (CHINESE.encode("gbk")[:-7], "gb18030"),
    "UTF-8, cut inside a character": ("é地".encode()[:-1], "utf-8"),
    "Western European": (GERMAN.encode("cp1252"), "cp1252"),
    "one umlaut in much English": ((b"plain words, " * 50) + "é\n".encode("cp1252"), "cp1252"),
    "bytes that Windows does not know": (b"caf\xe9 \x81\x8d\x90 ok\n", "latin-1"),
    "nothing": (b"", "utf-8"),
}


@pytest.mark.parametrize(("head", "encoding"), TEXTS.values(), ids=TEXTS.keys())
def test_a_text_is_taken_for_what_it_is(head: bytes, encoding: str) -> None:
    assert encoding_of(head) == encoding


BINARY = {
    "NUL bytes": b"a,b\n1,\x002\n",
    "UTF-16 without a mark": "ab".encode("utf-16-le"),
    "noise": bytes(range(1, 256)) * 4,
}


@pytest.mark.parametrize("head", BINARY.values(), ids=BINARY.keys())
def test_what_is_no_text_has_no_encoding(head: bytes) -> None:
    assert encoding_of(head) is None


@given(st.text(st.characters(exclude_categories=("Cs",), exclude_characters="\0\ufeff")))
def test_any_utf_8_text_is_utf_8_and_comes_back(text: str) -> None:
    head = text.encode()

    assert encoding_of(head) == "utf-8"
    assert decode_head(head, "utf-8", whole=True) == text


@given(st.integers(1, len(CHINESE.encode()) - 1))
def test_a_head_that_is_cut_anywhere_gives_whole_lines_only(cut: int) -> None:
    text = decode_head(CHINESE.encode()[:cut], "utf-8", whole=False)

    assert "\ufffd" not in text
    assert CHINESE.startswith(text)
    assert text.endswith("\n") or "\n" not in text


def test_the_mark_is_no_part_of_the_text() -> None:
    for encoding in ("utf-8-sig", "utf-16"):
        assert decode_head(CHINESE.encode(encoding), encoding, whole=True) == CHINESE
