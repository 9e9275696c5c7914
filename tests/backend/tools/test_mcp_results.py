"""What an MCP tool answered: what is shown, told and kept."""

import base64
import json
from pathlib import Path
from typing import Any

import pytest

from genie_nb.backend.tools.mcp import _write_new
from genie_nb.backend.tools.mcp_results import read_result
from genie_nb.parts import DocumentPart, ImagePart

PNG = b"\x89PNG\r\n\x1a\nand so on"


def b64(content: bytes) -> str:
    return base64.b64encode(content).decode()


def block(**given: Any) -> dict[str, Any]:
    return {"content": [given]}


def resource(**given: Any) -> dict[str, Any]:
    return block(type="resource", resource={"uri": "demo://a/b.txt", **given})


IMAGE = "[image: image/png, shown to the person]"
SHOWN = {
    "text": (block(type="text", text="hi"), [DocumentPart(text="hi")], "hi"),
    "a-lone-surrogate": (block(type="text", text="a\ud800"), [DocumentPart(text="a?")], "a?"),
    "image": (
        block(type="image", data=b64(PNG), mimeType="image/png"),
        [ImagePart(content=PNG, alt="image-1.png")],
        IMAGE,
    ),
    "an-image-that-lies-about-its-type": (
        block(type="image", data=b64(PNG), mimeType="text/html"),
        [ImagePart(content=PNG, alt="image-1.html")],
        IMAGE,
    ),
    "an-image-that-is-none": (
        block(type="image", data="%%%", mimeType="image/png"),
        [],
        "[image/png: empty, or not readable]",
    ),
    "a-resource-of-text": (
        resource(text="# Title", mimeType="text/markdown"),
        [DocumentPart(text="# Title", media_type="text/markdown")],
        "[resource demo://a/b.txt]\n# Title",
    ),
    "a-resource-of-another-text": (
        resource(text="x=1", mimeType="text/x-python"),
        [DocumentPart(text="x=1")],
        "[resource demo://a/b.txt]\nx=1",
    ),
    "a-resource-that-is-a-picture": (
        resource(blob=b64(PNG), mimeType="image/png"),
        [ImagePart(content=PNG, alt="b.txt")],
        IMAGE,
    ),
    "a-link": (
        block(type="resource_link", name="Report", uri="demo://r", description="of May"),
        [DocumentPart(text="Link to Report: demo://r (of May)")],
        "Link to Report: demo://r (of May)",
    ),
    "structured-alone": (
        {"structuredContent": {"a": 1}, "content": []},
        [DocumentPart(text='{"a": 1}', media_type="application/json")],
        '{"a": 1}',
    ),
    "structured-and-the-same-as-text": (
        {"structuredContent": {"a": 1}, "content": [{"type": "text", "text": '{\n "a": 1}'}]},
        [DocumentPart(text='{"a": 1}', media_type="application/json")],
        '{"a": 1}',
    ),
    "structured-and-its-result-as-text": (
        {"structuredContent": {"result": "42 km"}, "content": [{"type": "text", "text": "42 km"}]},
        [DocumentPart(text='{"result": "42 km"}', media_type="application/json")],
        '{"result": "42 km"}',
    ),
    "structured-and-another-text": (
        {"structuredContent": {"a": 1}, "content": [{"type": "text", "text": "One."}]},
        [DocumentPart(text='{"a": 1}', media_type="application/json"), DocumentPart(text="One.")],
        '{"a": 1}\nOne.',
    ),
    "an-unknown-kind": (block(type="smell"), [], "[a part of the unknown kind 'smell']"),
    "an-empty-resource": (block(type="resource"), [], "[an empty resource]"),
    "nothing": ({}, [], ""),
    "nonsense": ({"content": "hi", "isError": "yes"}, [], ""),
}


@pytest.mark.parametrize(("result", "parts", "told"), SHOWN.values(), ids=SHOWN)
def test_an_answer_is_shown_and_told(result: dict[str, Any], parts: list[Any], told: str) -> None:
    brought = read_result(result)
    assert (brought.parts, brought.text, brought.files, brought.failed) == (parts, told, [], False)


FILES = {
    "a-sound": (block(type="audio", data=b64(b"RIFF"), mimeType="audio/x-wav"), "audio-1.wav"),
    "a-table": (resource(uri="file:///x/sales.xlsx", blob=b64(b"PK"), mimeType="application/zip"), "sales.xlsx"),
    "a-name-that-leads-out": (resource(uri="a://h/..%2f../..", blob=b64(b"x"), mimeType="text/csv"), "resource-1.csv"),
    "a-hidden-name": (resource(uri="a://h/.bashrc", blob=b64(b"x")), "bashrc.bin"),
    "no-address": (resource(uri="http://[", blob=b64(b"x")), "resource-1.bin"),
}


@pytest.mark.parametrize(("result", "name"), FILES.values(), ids=FILES)
def test_what_is_no_text_and_no_picture_becomes_a_file(result: dict[str, Any], name: str) -> None:
    brought = read_result(result)
    assert (brought.parts, [each for each, _ in brought.files]) == ([], [name])


def test_a_failure_is_told() -> None:
    assert read_result({"isError": True, "content": [{"type": "text", "text": "no"}]}).failed


def test_an_answer_of_many_parts_and_long_texts_is_cut() -> None:
    brought = read_result({"content": [{"type": "text", "text": "x" * 300_000}] * 60})
    assert len(brought.parts) == 50
    assert len(brought.text) < 13_000
    assert all(len(part.text) < 201_000 for part in brought.parts if isinstance(part, DocumentPart))


def test_a_file_never_takes_another_ones_place(tmp_path: Path) -> None:
    names = [_write_new(tmp_path, "a.csv", str(n).encode()) for n in range(3)] + [_write_new(tmp_path, "b", b"")] * 1
    names.append(_write_new(tmp_path, "b", b""))
    assert names == ["a.csv", "a-2.csv", "a-3.csv", "b", "b-2"]
    assert (tmp_path / "a.csv").read_bytes() == b"0"
    (tmp_path / "link").symlink_to(tmp_path / "elsewhere")
    assert _write_new(tmp_path, "link", b"x") == "link-2"
    assert not (tmp_path / "elsewhere").exists()


def test_json_that_is_nested_too_deeply_is_an_error_and_no_crash() -> None:
    deep: Any = 1
    for _ in range(200_000):
        deep = [deep]
    with pytest.raises(RecursionError):
        read_result({"structuredContent": {"a": deep}})
    assert json.loads("1") == 1
