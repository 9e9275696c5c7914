"""Which encoding a text file has, from its first bytes: Unicode, the Chinese and Japanese ones, Western European.

Below: nothing.
"""

import codecs
from collections.abc import Callable, Iterator

__all__ = ("decode_head", "encoding_of", "shown_encoding")

_BOMS = {
    codecs.BOM_UTF32_LE: "utf-32",  # before UTF-16, whose mark it begins with
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF8: "utf-8-sig",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}
_EVERYDAY = 0.6
"""The share of everyday characters among those that are no ASCII, above which a text is taken for Chinese or Japanese."""
_SHOWN = {
    "utf-8": "UTF-8", "utf-8-sig": "UTF-8 with BOM", "utf-16": "UTF-16", "utf-32": "UTF-32", "gb18030": "GB18030",
    "big5": "Big5", "cp932": "Shift-JIS", "cp1252": "Windows-1252", "latin-1": "Latin-1",
}  # fmt: skip


def encoding_of(head: bytes) -> str | None:
    """Python's name for the encoding of a text that begins so; None for bytes that are no text."""
    for bom, name in _BOMS.items():
        if head.startswith(bom):
            return name
    if b"\0" in head:
        return None
    if _decodes(head, "utf-8"):
        return "utf-8"
    shares = {name: _share(head, everyday) for name, everyday in _EAST.items() if _decodes(head, name)}
    likeliest = max(shares, key=shares.__getitem__, default="")
    if shares.get(likeliest, 0.0) >= _EVERYDAY:
        return likeliest
    if not _mostly_printable(head):
        return None
    return "cp1252" if _decodes(head, "cp1252") else "latin-1"


def shown_encoding(encoding: str, head: bytes) -> str:
    """The encoding as people call it."""
    return "GBK" if encoding == "gb18030" and _decodes(head, "gbk") else _SHOWN.get(encoding, encoding)


def decode_head(head: bytes, encoding: str, *, whole: bool) -> str:
    """The text of the first bytes; unless they are the whole file, the last line is dropped, as it may be cut."""
    text = codecs.getincrementaldecoder(encoding)(errors="replace").decode(head, final=whole)
    return text if whole or "\n" not in text else text[: text.rindex("\n") + 1]


def _decodes(head: bytes, encoding: str) -> bool:
    try:
        codecs.getincrementaldecoder(encoding)(errors="strict").decode(head)  # a character cut at the end is no error
    except UnicodeDecodeError:
        return False
    return True


# Of a character of two bytes: whether it is an everyday one. None leaves it out of the count: punctuation and the like.
_Everyday = Callable[[int, int], bool | None]


def _everyday_gb(lead: int, trail: int) -> bool | None:
    """GB 2312 has its 3,755 everyday characters in the rows 0xB0 to 0xD7, by their sound."""
    return None if 0xA1 <= lead <= 0xA9 and trail >= 0xA1 else 0xB0 <= lead <= 0xD7 and trail >= 0xA1


def _everyday_big5(lead: int, _trail: int) -> bool | None:
    """Big5 has its 5,401 everyday characters from 0xA440 to 0xC67E, by their strokes."""
    return None if 0xA1 <= lead <= 0xA3 else 0xA4 <= lead <= 0xC6


def _everyday_japanese(lead: int, trail: int) -> bool | None:
    """Shift-JIS has hiragana and katakana in the rows 0x82 and 0x83, everyday kanji in 0x88 to 0x97."""
    return None if lead == 0x81 else (lead == 0x82 and trail >= 0x9F) or lead == 0x83 or 0x88 <= lead <= 0x97


_EAST: dict[str, _Everyday] = {"gb18030": _everyday_gb, "big5": _everyday_big5, "cp932": _everyday_japanese}


def _share(head: bytes, everyday: _Everyday) -> float:
    """The share of everyday characters in a text, half-width katakana of one byte counted as such of no everyday."""
    single = everyday is _everyday_japanese
    found = [everyday(lead, trail) for lead, trail in _characters(head, katakana=single)]
    counted = [each for each in found if each is not None]
    return sum(counted) / len(counted) if counted else 0.0


def _characters(head: bytes, *, katakana: bool) -> Iterator[tuple[int, int]]:
    bytes_left = iter(head)
    for byte in bytes_left:
        if katakana and 0xA1 <= byte <= 0xDF:
            yield byte, 0
        elif byte >= 0x80:
            yield byte, next(bytes_left, 0)


def _mostly_printable(head: bytes) -> bool:
    control = sum(byte < 0x20 and byte not in b"\t\n\r\f" for byte in head)
    return control <= 0.01 * len(head)
