"""Messages into parts: what is cut, what is forged, what names the machine."""

import base64
from pathlib import Path
from typing import Any

import pytest

from genie_nb.backend.interpreter import frames
from genie_nb.backend.interpreter.base import Redrawn
from genie_nb.backend.interpreter.outputs import CellOutput
from genie_nb.backend.interpreter.tracebacks import clean_paths
from genie_nb.parts import DocumentPart, ImagePart, StreamPart, TablePart
from genie_nb.shown import Shown

FOLDER = Path("/srv/runs/r1")
TABLE = "application/vnd.genie.table+json"


def shown(*messages: tuple[str, dict[str, Any]]) -> list[Any]:
    output = CellOutput(FOLDER)
    parts = [part for kind, content in messages for part in output.take({"msg_type": kind, "content": content})]
    return [*parts, *output.rest()]


def display(data: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    return ("display_data", {"data": data})


def png(size: int) -> dict[str, Any]:
    return {"image/png": base64.b64encode(bytes(size)).decode(), "text/plain": "<Figure>"}


def test_images_past_the_twentieth_are_counted() -> None:
    *images, note = shown(*[display(png(1))] * 23)
    assert images == [ImagePart(content=b"\0", alt="<Figure>")] * 20
    assert note.text == "\n... 3 more images or pages not shown (a cell shows 20, of at most 5 MB each)\n"


def test_an_image_past_five_megabytes_is_counted() -> None:
    (note,) = shown(display(png(5_000_001)))
    assert "1 more images" in note.text


def test_text_of_all_forms_draws_on_one_budget() -> None:
    table = {TABLE: {"columns": ["a"], "rows": [["x" * 60_000]]}}
    text, document, note = shown(
        ("stream", {"name": "stdout", "text": "x" * 150_000}), display(table), display({"text/markdown": "y" * 60_000})
    )
    assert (len(text.text), len(document.text)) == (150_000, 50_000)
    assert note.text == "\n... 70001 more characters not shown\n"


def test_a_tables_rows_are_bounded_here_too() -> None:
    (table,) = shown(display({TABLE: {"columns": ["a"], "rows": [["x"]] * 1000}}))
    assert isinstance(table, TablePart)
    assert len(table.rows) == 30


FORGED = {
    "stream-without-text": ("stream", {"name": "stdout"}),
    "stream-of-another-name": ("stream", {"name": "stdlog", "text": "x"}),
    "display-without-content": ("display_data", {}),
    "update-without-content": ("update_display_data", {"transient": 3}),
    "error-without-frames": ("error", {"ename": "E", "evalue": "v", "traceback": 3}),
}


@pytest.mark.parametrize("message", FORGED.values(), ids=FORGED)
def test_a_forged_message_is_named_and_does_no_harm(message: tuple[str, dict[str, Any]]) -> None:
    assert shown(message) == [StreamPart(text="\n... a malformed output is not shown\n", stream="stderr")]


FALLBACKS = {
    "table-of-wrong-form": {TABLE: {"columns": 3}},
    "image-of-wrong-form": {"image/png": "A"},
    "image-of-no-text": {"image/png": 3},
}


@pytest.mark.parametrize("bundle", FALLBACKS.values(), ids=FALLBACKS)
def test_what_is_not_what_it_says_falls_back_to_its_text(bundle: dict[str, Any]) -> None:
    assert shown(display({**bundle, "text/plain": "a thing"})) == [DocumentPart(text="a thing")]


def test_half_characters_can_go_on_as_json() -> None:
    parts = shown(("stream", {"name": "stdout", "text": "a\ud800"}), display({"image/svg+xml": "b\ud800"}))
    assert parts == [StreamPart(text="a?"), ImagePart(content=b"b?", media_type="image/svg+xml")]


def test_messages_of_no_kind_to_be_shown_are_left_out() -> None:
    assert shown(("clear_output", {"wait": True}), ("comm_open", {}), ("execute_input", {"code": "1"})) == []


def stands(*messages: tuple[str, dict[str, Any]]) -> list[Any]:
    standing = Shown()
    for item in shown(*messages):
        placed = item if isinstance(item, Redrawn) else Redrawn(item)
        standing.add(placed.part, display=placed.display, clears=placed.clears)
    return standing.parts


def printed(text: str, name: str = "stdout") -> tuple[str, dict[str, Any]]:
    return ("stream", {"name": name, "text": text})


def named(kind: str, name: str, text: str) -> tuple[str, dict[str, Any]]:
    return (kind, {"data": {"text/plain": text}, "transient": {"display_id": name}})


def test_a_display_is_updated_where_it_stands() -> None:
    first, second = named("display_data", "x", "one"), named("display_data", "y", "two")
    updates = [named("update_display_data", "x", str(step)) for step in range(10)]
    assert [part.text for part in stands(first, second, *updates)] == ["9", "two"]


def test_an_update_of_a_display_of_another_cell_is_shown_once() -> None:
    updates = [named("update_display_data", "x", str(step)) for step in range(10)]
    assert [part.text for part in stands(printed("text"), *updates)] == ["text", "9"]


def test_a_display_that_is_updated_often_spends_nothing_but_its_last_state(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(frames, "FRAME_S", 0.0)
    first = named("display_data", "x", "one")
    updates = [named("update_display_data", "x", f"{step:4}" + "x" * 50_000) for step in range(30)]
    pictures = [("update_display_data", {"data": png(step), "transient": {"display_id": "x"}}) for step in range(1, 40)]
    (part,) = stands(first, *updates)
    assert part.text == "  29" + "x" * 50_000
    (picture, text) = stands(first, *pictures, printed("x" * 200_000))
    assert (len(picture.content), len(text.text)) == (39, 200_000)


def test_what_displays_show_is_bounded_in_all_and_the_last_state_stands(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(frames, "FRAME_S", 0.0)
    messages = [named("display_data", "x", "one")]
    messages += [("update_display_data", {"data": png(2_000_000 + n), "transient": {"display_id": "x"}}) for n in range(40)]
    sent = [item for item in shown(*messages) if isinstance(item, Redrawn)]
    assert sum(len(item.part.content) for item in sent if isinstance(item.part, ImagePart)) < 25_000_000
    (picture,) = stands(*messages)
    assert len(picture.content) == 2_000_039


def test_what_is_cleared_counts_for_no_limit() -> None:
    frames = [("clear_output", {"wait": True}), printed("x" * 150_000), display(png(1))] * 30
    text, image = stands(*frames)
    assert len(text.text) == 150_000
    assert isinstance(image, ImagePart)


def test_frames_are_bounded_in_all_and_the_last_one_stands(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(frames, "FRAME_S", 0.0)
    drawn = [message for step in range(40) for message in (("clear_output", {}), display(png(4_000_000 + step)))]
    sent = [item for item in shown(*drawn) if isinstance(item, Redrawn)]
    assert sum(len(item.part.content) for item in sent if isinstance(item.part, ImagePart)) < 30_000_000
    (last,) = stands(*drawn)
    assert len(last.content) == 4_000_039


def test_of_a_bar_that_is_drawn_for_hours_the_last_state_stands() -> None:
    bars = [printed(f"\r{step:6}" + "#" * 100, "stderr") for step in range(30_000)]
    (bar,) = stands(*bars)
    assert bar == StreamPart(text=f"{29_999:6}" + "#" * 100, stream="stderr")


def test_a_forged_clearing_is_named() -> None:
    assert "malformed" in shown(("clear_output", {"wait": "often"}))[0].text


PATHS = {
    "run-folder": ("no /srv/runs/r1/sales.csv", "no sales.csv"),
    "packages": ("/opt/venv/lib/python3.11/site-packages/pandas/io.py:3: Warning", "pandas/io.py:3: Warning"),
    "debian-packages": ('File "/usr/lib/python3/dist-packages/numpy/x.py"', 'File "numpy/x.py"'),
    "standard-library": ("/usr/lib/python3.11/json/decoder.py", "python3.11/json/decoder.py"),
    "cell": ("/tmp/ipykernel_41/1278102326.py:2: UserWarning", "<cell>:2: UserWarning"),
    "cell-of-a-syntax-error": ("invalid syntax (1278102326.py, line 1)", "invalid syntax (<cell>, line 1)"),
    "own-file-with-a-date": ("20240101.py", "20240101.py"),
    "other": ("/etc/hosts", "/etc/hosts"),
}


@pytest.mark.parametrize(("text", "cleaned"), PATHS.values(), ids=PATHS)
def test_paths_are_told_relative_to_what_holds_them(text: str, cleaned: str) -> None:
    assert clean_paths(text, FOLDER) == cleaned
