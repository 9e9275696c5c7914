"""A page in a few lines: what `static/run_view.js` does with patches, as nested values that can be compared."""

from typing import Any


class PageModel:
    """Applies patches as a browser does; strings are cut in UTF-16 units, as JavaScript's are."""

    def __init__(self) -> None:
        self.nodes: dict[str, dict[str, Any]] = {"page": _node("", "div", {})}

    def apply(self, patches: list[list[Any]]) -> None:
        for kind, key, *rest in patches:
            names = {"+": "_open", "-": "_remove", ">": "_move", "=": "_set", "t": "_add", "T": "_text", "h": "_html"}
            getattr(self, names[kind])(key, *rest)

    def _open(self, key: str, parent: str, tag: str, attributes: dict[str, str], before: str | None) -> None:
        assert key not in self.nodes
        self.nodes[key] = _node(parent, tag, dict(attributes))
        siblings = self.nodes[parent]["children"]
        siblings.insert(siblings.index(before) if before else len(siblings), key)

    def _remove(self, key: str) -> None:
        self.nodes[self.nodes[key]["parent"]]["children"].remove(key)
        self._forget(key)

    def _move(self, key: str, parent: str, before: str | None) -> None:
        self.nodes[self.nodes[key]["parent"]]["children"].remove(key)
        self.nodes[key]["parent"] = parent
        siblings = self.nodes[parent]["children"]
        siblings.insert(siblings.index(before) if before else len(siblings), key)

    def _forget(self, key: str) -> None:
        for child in self.nodes.pop(key)["children"]:
            self._forget(child)

    def _set(self, key: str, attributes: dict[str, str | None]) -> None:
        merged = self.nodes[key]["attributes"] | attributes
        self.nodes[key]["attributes"] = {name: value for name, value in merged.items() if value is not None}

    def _add(self, key: str, text: str) -> None:
        self.nodes[key]["text"] += text

    def _text(self, key: str, text: str) -> None:
        self.nodes[key]["text"] = text

    def _html(self, key: str, keep: int, html: str) -> None:
        old = self.nodes[key]["html"].encode("utf-16-le")[: keep * 2].decode("utf-16-le")
        self.nodes[key]["html"] = old + html

    def tree(self, key: str = "page") -> tuple[Any, ...]:
        """What is shown, from this node down."""
        node = self.nodes[key]
        children = tuple(self.tree(child) for child in node["children"])
        return (key, node["tag"], node["attributes"], node["text"], node["html"], children)

    def text(self, key: str = "page") -> str:
        """The words that are shown, HTML as it is."""
        node = self.nodes[key]
        return node["text"] + node["html"] + "".join(self.text(child) for child in node["children"])


def _node(parent: str, tag: str, attributes: dict[str, str]) -> dict[str, Any]:
    return {"parent": parent, "tag": tag, "attributes": attributes, "text": "", "html": "", "children": []}
