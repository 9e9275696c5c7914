"""Nodes: what is on the page, as a tree of plain values, and the patches between two states of it. Pure.

A node has a key, a tag, attributes, and either text or safe HTML or children. `Page` is the mirror of what a browser shows:
`place` makes it show a node and says which patches make the browser do the same.

Patches are JSON arrays:

    ["+", key, parent, tag, attributes, before]   a new node before that sibling; null makes it the last of its parent
    ["-", key]                                    the node goes, with all below it
    [">", key, parent, before]                    the node moves, with all below it, before that sibling or to the end
    ["=", key, attributes]                        attributes change; null removes one
    ["t", key, text]                              text is appended
    ["T", key, text]                              text is replaced
    ["h", key, keep, html]                        of the HTML the first `keep` UTF-16 units stay, `html` follows

Above: `patches`, `record`, `static/run_view.js`. Below: nothing.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from html import escape
from typing import Any

__all__ = ("Node", "Page", "Patch", "to_html")

Patch = list[Any]


@dataclass(frozen=True)
class Node:
    """One element of the page.

    Attributes:
        key: Its name on the page; no two nodes share one.
        html: What passed the gate, and nothing else.
        children: None where others place what is inside.
    """

    key: str
    tag: str
    attributes: Mapping[str, str] = field(default_factory=dict)
    text: str = ""
    html: str = ""
    children: tuple["Node", ...] | None = ()


@dataclass
class _Shown:
    parent: str
    tag: str
    attributes: dict[str, str]
    text: str = ""
    html: str = ""
    children: dict[str, None] = field(default_factory=dict)


class Page:
    """The mirror of a page whose root is one empty node."""

    def __init__(self, root: Node) -> None:
        self.root = root.key
        self._shown = {root.key: _Shown("", root.tag, dict(root.attributes))}

    def __contains__(self, key: str) -> bool:
        return key in self._shown

    def place(self, parent: str, node: Node, before: str | None = None) -> Iterator[Patch]:
        """Show the node as it is now; one that is new there before that sibling, or as the last.

        Yields:
            The patches that lead there, in order; the mirror is ahead of them.
        """
        shown = self._shown.get(node.key)
        if shown is not None and (shown.tag != node.tag or _is_other(shown, node)):
            siblings = list(self._shown[shown.parent].children)
            before = before or next(iter(siblings[siblings.index(node.key) + 1 :]), None)
            yield from self.remove(node.key)
            shown = None
        if shown is None:
            shown = _Shown(parent, node.tag, dict(node.attributes))
            self._shown[node.key] = shown
            self._insert(parent, node.key, before)
            yield ["+", node.key, parent, node.tag, dict(node.attributes), before]
        if shown.parent != parent:
            self._shown[shown.parent].children.pop(node.key)
            self._insert(parent, node.key, before)
            shown.parent = parent
            yield [">", node.key, parent, before]
        if shown.attributes != node.attributes:
            yield ["=", node.key, _changed(shown.attributes, node.attributes)]
            shown.attributes = dict(node.attributes)
        yield from _fill(shown, node)
        if node.children is not None:
            kept = {child.key for child in node.children}
            for key in [key for key in shown.children if key not in kept]:
                yield from self.remove(key)
            for child, following in zip(node.children, _following(node.children, shown.children), strict=True):
                yield from self.place(node.key, child, None if child.key in shown.children else following)

    def _insert(self, parent: str, key: str, before: str | None) -> None:
        children = self._shown[parent].children
        later = list(children)[list(children).index(before) :] if before else []
        children[key] = None
        for sibling in later:
            children[sibling] = children.pop(sibling)

    def tag(self, key: str) -> str | None:
        """The tag of a node, where it is shown."""
        shown = self._shown.get(key)
        return shown.tag if shown else None

    def children(self, key: str) -> list[str]:
        """The keys of what stands in a node, in order."""
        return list(self._shown[key].children)

    def remove(self, key: str) -> Iterator[Patch]:
        """Show the node and what is below it no longer.

        Yields:
            One patch, or none where the node was not shown.
        """
        shown = self._shown.get(key)
        if shown is None:
            return
        self._shown[shown.parent].children.pop(key)
        self._forget(key)
        yield ["-", key]

    def _forget(self, key: str) -> None:
        for child in self._shown.pop(key).children:
            self._forget(child)

    def snapshot(self) -> list[Patch]:
        """The patches from nothing but the root to what is shown now."""
        return list(self._retell(self.root))

    def _retell(self, key: str) -> Iterator[Patch]:
        shown = self._shown[key]
        if shown.parent:
            yield ["+", key, shown.parent, shown.tag, dict(shown.attributes), None]
        elif shown.attributes:
            yield ["=", key, dict(shown.attributes)]
        if shown.text:
            yield ["T", key, shown.text]
        if shown.html:
            yield ["h", key, 0, shown.html]
        for child in shown.children:
            yield from self._retell(child)


def _following(nodes: Sequence[Node], shown: Mapping[str, None]) -> list[str | None]:
    """For each node the next one after it that is shown already."""
    following, found = list[str | None](), None
    for node in reversed(nodes):
        following.append(found)
        found = node.key if node.key in shown else found
    return following[::-1]


def _is_other(shown: _Shown, node: Node) -> bool:
    """Whether HTML would have to take the place of text or children, or they that of HTML."""
    return bool((shown.html and (node.text or node.children)) or (node.html and (shown.text or shown.children)))


def _fill(shown: _Shown, node: Node) -> Iterator[Patch]:
    if shown.text != node.text:
        if shown.text and node.text.startswith(shown.text):
            yield ["t", node.key, node.text[len(shown.text) :]]
        else:
            yield ["T", node.key, node.text]
        shown.text = node.text
    if shown.html != node.html:
        keep = _common(shown.html, node.html)
        yield ["h", node.key, _utf16_units(node.html[:keep]), node.html[keep:]]
        shown.html = node.html


def _changed(old: Mapping[str, str], new: Mapping[str, str]) -> dict[str, str | None]:
    gone: dict[str, str | None] = {name: None for name in old if name not in new}
    return gone | {name: value for name, value in new.items() if old.get(name) != value}


def _common(one: str, two: str) -> int:
    """How many first characters are the same."""
    low, high = 0, min(len(one), len(two))
    while low < high:
        middle = (low + high + 1) // 2
        if one[low:middle] == two[low:middle]:
            low = middle
        else:
            high = middle - 1
    return low


def _utf16_units(text: str) -> int:
    return len(text) + sum(character > "\uffff" for character in text)


def to_html(node: Node) -> str:
    """The node as HTML, for a page without a live view; `data-open` becomes `open`."""
    attributes = "".join(f' {name}="{escape(value)}"' for name, value in _static(node.attributes))
    inner = escape(node.text, quote=False) + node.html + "".join(to_html(child) for child in node.children or ())
    return f"<{node.tag}{attributes}>{inner}</{node.tag}>"


def _static(attributes: Mapping[str, str]) -> Iterable[tuple[str, str]]:
    for name, value in attributes.items():
        if name == "data-open":
            if value == "1":
                yield "open", ""
        else:
            yield name, value
