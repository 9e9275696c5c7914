"""Which encoding a text file has, from its first bytes: UTF-8 and UTF-16, GBK and its larger brother, Western European.

Below: nothing.
"""

import codecs

__all__ = ("decode_head", "encoding_of")

_BOMS = {codecs.BOM_UTF8: "utf-8-sig", codecs.BOM_UTF16_LE: "utf-16", codecs.BOM_UTF16_BE: "utf-16"}
_COMMON_CHINESE = 0.6
"""The share of double-byte characters in GB 2312's everyday rows (0xB0 to 0xD7) above which a text is taken for Chinese."""


def encoding_of(head: bytes) -> str | None:
    """Python's name for the encoding of a text that begins so; None for bytes that are no text."""
    for bom, name in _BOMS.items():
        if head.startswith(bom):
            return name
    if b"\0" in head:
        return None
    if _decodes(head, "utf-8"):
        return "utf-8"
    if _decodes(head, "gb18030") and _looks_chinese(head):
        return "gb18030"
    if not _mostly_printable(head):
        return None
    return "cp1252" if _decodes(head, "cp1252") else "latin-1"


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


def _looks_chinese(head: bytes) -> bool:
    double = common = 0
    bytes_left = iter(head)
    for byte in bytes_left:
        if byte >= 0x80:
            double += 1
            common += 0xB0 <= byte <= 0xD7
            next(bytes_left, None)
    return double > 0 and common >= _COMMON_CHINESE * double


def _mostly_printable(head: bytes) -> bool:
    control = sum(byte < 0x20 and byte not in b"\t\n\r\f" for byte in head)
    return control <= 0.01 * len(head)
