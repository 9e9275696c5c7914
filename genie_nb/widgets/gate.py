"""The gate: the one way by which text of models and tools becomes HTML of the page.

Everything passes `clean` last: an allow-list of tags, attributes, classes and link schemes. What cannot pass it, because it
is a document of its own, goes into a frame without scripts, requests or rights (`closed_frame`).

Above: `render`. Below: nothing.
"""

import struct
from base64 import b64encode
from html import escape

import nh3
from pygments.token import STANDARD_TYPES  # type: ignore[import-untyped]

__all__ = ("FRAME_POLICY", "clean", "closed_frame", "picture")

_TAGS = {
    *("a", "blockquote", "br", "code", "del", "em", "h1", "h2", "h3", "h4", "h5", "h6", "hr", "li", "ol", "p", "pre", "s"),
    *("span", "strong", "table", "tbody", "td", "th", "thead", "tr", "ul", "div"),
}
_ATTRIBUTES = {"a": {"href", "title"}, "ol": {"start"}, "td": {"style"}, "th": {"style", "title"}}
_CLASSES = {
    "span": {*STANDARD_TYPES.values(), "gnb-host", "gnb-control"} - {""},
    "td": {"gnb-number"},
    "th": {"gnb-number"},
    "div": {"gnb-wide"},
    "pre": {"gnb-code"},
    "p": {"gnb-muted"},
}
_PICTURES = ("image/png", "image/jpeg", "image/gif", "image/webp", "image/svg+xml")

FRAME_POLICY = (
    '<!doctype html><html inert><head><meta http-equiv="Content-Security-Policy" content="'
    "default-src 'none'; img-src data:; style-src 'unsafe-inline'; font-src data:"
    '"><meta http-equiv="x-dns-prefetch-control" content="off">'
)
"""What stands first in every framed document: nothing in it loads, and nothing can be clicked (a click is a request)."""


def clean(html: str) -> str:
    """The HTML without anything that runs, loads, imitates the page or leads elsewhere than http, https or mailto."""
    return nh3.clean(
        html,
        tags=_TAGS,
        attributes=_ATTRIBUTES,
        allowed_classes=_CLASSES,
        filter_style_properties={"text-align"},
        url_schemes={"http", "https", "mailto"},
        url_relative="deny",
        link_rel="noopener noreferrer",
        set_tag_attribute_values={"a": {"target": "_blank"}},
    )


def picture(content: bytes, media_type: str, alt: str) -> str:
    """An image with its bytes inside; scripts of an SVG do not run in an image."""
    if media_type not in _PICTURES:
        return f"<p>{escape(alt or media_type)}</p>"
    source = f"data:{media_type};base64,{b64encode(content).decode()}"
    return f'<img class="gnb-picture"{_size(content)} src="{source}" alt="{escape(alt)}">'


def _size(content: bytes) -> str:
    """The size of a PNG as attributes: with it a page keeps the place, and does not jump when the picture is decoded."""
    if content[:8] != b"\x89PNG\r\n\x1a\n" or len(content) < 24:
        return ""
    return ' width="{}" height="{}"'.format(*struct.unpack(">II", content[16:24]))


def closed_frame(document: str, fallback: str) -> str:
    """A frame around a whole HTML document: no script, no form, no request, no way out of it."""
    inner = escape(FRAME_POLICY + document)
    return f'<iframe class="gnb-frame" sandbox="" srcdoc="{inner}" title="{escape(fallback)}">{escape(fallback)}</iframe>'
