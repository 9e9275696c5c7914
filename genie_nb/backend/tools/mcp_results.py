"""What an MCP tool answered: the parts to show, the text that the model is told, the files to keep.

The answer is JSON as it came (`content`, `structuredContent`, `isError`), and hostile. Texts, JSON, pictures and texts of
resources are shown; a sound or another binary resource becomes a file of the run; a link to a resource is said.

Above: `mcp`. Below: `parts`.
"""

import base64
import binascii
import json
import mimetypes
import re
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from genie_nb.backend.models.sections import cut_middle
from genie_nb.parts import DocumentPart, ImagePart, Part, readable

__all__ = ("Brought", "read_result")

MOST_PARTS = 50
SHOWN_CHARACTERS = 200_000
TOLD_CHARACTERS = 12_000
_PICTURES = {b"\x89PNG": "image/png", b"\xff\xd8\xff": "image/jpeg"}
_DOCUMENTS = ("text/markdown", "text/html", "application/json")
_BAD = re.compile(r'[\x00-\x1f\x7f<>:"|?*\\/]')


@dataclass
class Brought:
    """What one call brought.

    Attributes:
        told: What the model is told, piece by piece.
        files: Name and content.
        failed: Whether the tool says that it failed.
    """

    parts: list[Part] = field(default_factory=list)
    told: list[str] = field(default_factory=list)
    files: list[tuple[str, bytes]] = field(default_factory=list)
    failed: bool = False

    @property
    def text(self) -> str:
        """All that the model is told."""
        return cut_middle("\n".join(self.told), TOLD_CHARACTERS)

    def show_text(self, text: str, media_type: str = "text/plain") -> None:
        """Show a text and tell it."""
        text = readable(text)
        self.parts.append(DocumentPart(text=cut_middle(text, SHOWN_CHARACTERS), media_type=media_type))
        self.told.append(text)

    def show_bytes(self, encoded: Any, media_type: str, name: str) -> None:
        """Show a picture, or keep a file."""
        try:
            content = base64.b64decode(encoded, validate=True) if isinstance(encoded, str) else b""
        except (binascii.Error, ValueError):
            content = b""
        if not content:
            self.told.append(f"[{media_type}: empty, or not readable]")
            return
        picture = next((kind for magic, kind in _PICTURES.items() if content.startswith(magic)), "")
        if media_type == "image/svg+xml" and b"<svg" in content[:1000]:
            picture = media_type
        if picture:
            self.parts.append(ImagePart(content=content, media_type=picture, alt=name))
            self.told.append(f"[image: {picture}, shown to the person]")
        else:
            self.files.append((name, content))


def read_result(result: dict[str, Any]) -> Brought:
    """What is in an answer."""
    brought = Brought(failed=result.get("isError") is True)
    content = result.get("content")
    blocks = [block for block in content if isinstance(block, dict)] if isinstance(content, list) else []
    structured = result.get("structuredContent")
    texts = [block.get("text") for block in blocks if block.get("type") == "text"]
    same = [text for text in texts if isinstance(text, str) and _says_the_same(text, structured)]
    if structured is not None:
        text = json.dumps(structured, ensure_ascii=False)
        brought.show_text(text, "application/json")
    for number, block in enumerate(blocks[:MOST_PARTS], 1):
        if block.get("type") != "text" or block.get("text") not in same:
            _read_block(brought, block, number)
    if len(blocks) > MOST_PARTS:
        brought.told.append(f"[{len(blocks) - MOST_PARTS} more parts are left out]")
    return brought


def _read_block(brought: Brought, block: dict[str, Any], number: int) -> None:
    media_type = _media_type(block.get("mimeType"))
    match block.get("type"):
        case "text":
            brought.show_text(str(block.get("text") or ""))
        case "image" | "audio" as kind:
            ending = mimetypes.guess_extension(media_type) or ""
            brought.show_bytes(block.get("data"), media_type, f"{kind}-{number}{ending}")
        case "resource":
            _read_resource(brought, block.get("resource"), number)
        case "resource_link":
            name, uri = (readable(str(block.get(key) or ""))[:500] for key in ("name", "uri"))
            about = readable(str(block.get("description") or ""))[:500]
            brought.show_text(f"Link to {name or 'a resource'}: {uri}" + (f" ({about})" if about else ""))
        case kind:
            brought.told.append(f"[a part of the unknown kind {readable(str(kind))[:40]!r}]")


def _read_resource(brought: Brought, resource: Any, number: int) -> None:
    if not isinstance(resource, dict):
        brought.told.append("[an empty resource]")
        return
    media_type, uri = _media_type(resource.get("mimeType")), readable(str(resource.get("uri") or ""))[:500]
    if isinstance(resource.get("text"), str):
        brought.told.append(f"[resource {uri}]")
        brought.show_text(resource["text"], media_type if media_type in _DOCUMENTS else "text/plain")
    else:
        brought.show_bytes(resource.get("blob"), media_type, _file_name(uri, media_type, number))


def _says_the_same(text: str, structured: Any) -> bool:
    """Whether a text is only the structured content once more, as servers are asked to send it for older clients."""
    inner = structured.get("result") if isinstance(structured, dict) and set(structured) == {"result"} else structured
    if structured is None or text == inner:
        return structured is not None
    try:
        return json.loads(text) in (structured, inner)
    except (ValueError, RecursionError):
        return False


def _media_type(given: Any) -> str:
    text = str(given or "").partition(";")[0].strip().lower()
    return text if re.fullmatch(r"[a-z0-9.+-]{1,60}/[a-z0-9.+-]{1,80}", text) else "application/octet-stream"


def _file_name(uri: str, media_type: str, number: int) -> str:
    """A resource's name in the run's folder: the end of its address, with nothing that leads out or hides."""
    try:
        last = urlsplit(uri).path.rstrip("/").rsplit("/", 1)[-1]
    except ValueError:
        last = ""
    name = _BAD.sub("_", last).strip(" .")[-100:]
    name = name or f"resource-{number}"
    return name if "." in name else name + (mimetypes.guess_extension(media_type) or "")
