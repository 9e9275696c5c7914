"""Control characters: what a person allows, opens or reads as code reads as it runs."""

import asyncio
import io
import json
import os
import re
import sys
from collections.abc import AsyncIterator
from html import unescape

import pytest
from rich.console import Console

from genie_nb import events as ev
from genie_nb.cli.questions import at_prompt
from genie_nb.cli.terminal import follow
from genie_nb.controls import controls_in, show_controls, show_line
from genie_nb.parts import CodePart, ErrorPart, FileRef
from genie_nb.widgets.blocks import TextFlow
from genie_nb.widgets.cards import card_node, part_node
from genie_nb.widgets.labels import labels_for
from genie_nb.widgets.nodes import to_html
from genie_nb.widgets.notebook_outputs import inline_code
from genie_nb.widgets.patches import Painter
from genie_nb.widgets.previews import preview_html
from genie_nb.widgets.pulse import Pulse
from genie_nb.widgets.questions import changed_arguments
from genie_nb.widgets.record import record_html, record_markdown, record_text
from genie_nb.widgets.render import code_html, markdown_html
from tests.widgets.sample_runs import folded, numbered, started

LABELS = labels_for("Q?")
UNSEEN = [
    *range(0x20), *range(0x7F, 0xA0), 0xAD, 0x61C, 0x180E, *range(0x200B, 0x2010), 0x2028, 0x2029, *range(0x202A, 0x202F),
    *range(0x2060, 0x2070), 0x3164, 0xFEFF, 0xFFA0, 0xE0041,
]  # fmt: skip
TURNED = 'if access != "user\u202e \u2066# is it?\u2069 \u2066": \u200bdelete()'
"""Code that reads as a comment what it runs; the example of the paper."""
SHOWN = 'if access != "user⟨U+202E⟩ ⟨U+2066⟩# is it?⟨U+2069⟩ ⟨U+2066⟩": ⟨U+200B⟩delete()'
NAME = "gnp\u202e.exe"


def waiting(arguments: dict[str, object], tool: str = "code_interpreter") -> list[ev.RunEvent]:
    said = json.dumps(arguments, ensure_ascii=False)
    return numbered(
        [
            started("Q?"),
            ev.ToolStarted(call_id="c", tool=tool, assignee="executor"),
            ev.ToolArguments(call_id="c", fragment=said),
            ev.ApprovalRequested(call_id="c", tool=tool, arguments=said, files=(NAME,)),
        ]
    )


def card(arguments: dict[str, object], tool: str = "code_interpreter") -> str:
    call = folded(waiting(arguments, tool)).calls["c"]
    return to_html(card_node("k", call, LABELS, lambda key, part: part_node(key, part, LABELS)))


def plain(html: str) -> str:
    """The HTML of code without its colours."""
    return unescape(re.sub(r"<[^>]+>", "", html))


@pytest.mark.parametrize("code", UNSEEN, ids=hex)
def test_a_character_that_cannot_be_seen_has_a_symbol(code: int) -> None:
    shown = show_line(f"a{chr(code)}b")
    assert shown[0] + shown[-1] == "ab"
    assert shown[1:-1].isprintable()
    assert shown[1:-1].strip()


@pytest.mark.parametrize("text", ["tab\tand\nline\r\nends", "重庆 北京", "שלום", "naïve — “x”", "😀 e\u0301"])
def test_what_can_be_seen_stays(text: str) -> None:
    assert show_controls(text) == text


def test_symbols_are_named_once_in_order() -> None:
    assert controls_in(TURNED) == ["⟨U+202E⟩", "⟨U+2066⟩", "⟨U+2069⟩", "⟨U+200B⟩"]


@pytest.mark.parametrize("language", ["python", "", "no-such-language"])
def test_code_is_shown_as_it_runs(language: str) -> None:
    html = code_html(TURNED, language)
    assert plain(html).rstrip("\n") == SHOWN
    assert '<span class="gnb-control">⟨U+202E⟩</span>' in html


def test_code_in_an_answer_is_shown_as_it_runs_and_prose_is_left_alone() -> None:
    html = markdown_html(f"שלום\u200f 👨\u200d👩 `{TURNED}`\n\n```python\n{TURNED}\n```")
    assert "שלום\u200f 👨\u200d👩" in html
    assert plain(html).count(SHOWN) == 2


def test_code_on_its_way_is_shown_as_it_runs() -> None:
    painter, started_text = Painter("Q?"), ev.TextStarted(message_id="m", channel="answer", assignee="a")
    piece = ev.TextDelta(message_id="m", text=f"```python\nx = 1\n{TURNED}\nmore")
    call = [
        ev.ToolStarted(call_id="c", tool="code_interpreter", assignee="a"),
        ev.ToolArguments(call_id="c", fragment=json.dumps({"code": TURNED}, ensure_ascii=False)[:-1]),
    ]
    for event in numbered([started("Q?"), started_text, piece, *call]):
        painter.take(event)
    assert "\u202e" not in json.dumps(painter.paint(), ensure_ascii=False)
    assert "\u202e" not in json.dumps(painter.page.snapshot(), ensure_ascii=False)
    assert SHOWN in json.dumps(painter.page.snapshot(), ensure_ascii=False).replace('\\"', '"')


def test_a_question_shows_code_as_it_runs_and_warns() -> None:
    html = card({"code": TURNED})
    above, field = html.split('<textarea class="gnb-edit"')
    assert SHOWN in plain(above)
    assert "change the order of others: ⟨U+202E⟩, ⟨U+2066⟩, ⟨U+2069⟩, ⟨U+200B⟩." in above
    assert "gnp⟨U+202E⟩.exe" in above
    assert "\u202e" not in above
    assert TURNED.split('"')[1] in field


def test_a_question_without_such_characters_warns_of_nothing() -> None:
    assert "gnb-warning" not in card({"code": "print(1)"})


def test_what_a_person_changes_is_the_real_text() -> None:
    asked = waiting({"code": TURNED})[-1]
    assert isinstance(asked, ev.ApprovalRequested)
    assert changed_arguments(asked, TURNED) == ""
    assert json.loads(changed_arguments(asked, TURNED.replace("user", "root")))["code"] == TURNED.replace("user", "root")


@pytest.mark.parametrize(
    ("arguments", "seen"),
    [
        ({"command": "ls #\nrm -r x"}, "ls #\nrm -r x"),
        ({"command": "a" * 500 + " && rm -r x"}, "a && rm -r x"),
        ({"code": "print(1)", "setup": "import evil"}, "import evil"),
        ({"note": {"code": "print(1)"}, "code": "evil()"}, "evil()"),
        ({"command": TURNED}, SHOWN),
        ({"na\u202eme": "x", "b": "y"}, "na⟨U+202E⟩me"),
    ],
    ids=["lines", "long", "beside the code", "code within an argument", "turned", "an argument's name"],
)
def test_a_question_shows_all_that_would_run(arguments: dict[str, object], seen: str) -> None:
    above, _ = card(arguments, "shell").split('<textarea class="gnb-edit"')
    assert seen in plain(above.split('<div class="gnb-card-body">')[1])


@pytest.mark.parametrize("shown_by", ["name", "hint", "arguments", "pulse", "traceback"])
def test_tools_and_their_arguments_are_shown_with_symbols(shown_by: str) -> None:
    arguments = {"q": "a\u202eb"} | ({"r": "s"} if shown_by == "arguments" else {})
    begin = [
        started("Q?"),
        ev.ToolStarted(call_id="c", tool="to\u202eol" if shown_by in ("name", "pulse") else "tool", assignee="a"),
        ev.ToolArguments(call_id="c", fragment=json.dumps(arguments)),
    ]
    output = ev.ToolOutput(call_id="c", part=ErrorPart(name="E", message="m", traceback="x\u202ey"))
    events = numbered([*begin, output] if shown_by == "traceback" else begin)
    run = folded(events)
    if shown_by == "pulse":
        pulse = Pulse()
        for event in events:
            pulse.beat(event, 0.0)
        assert pulse.state(run, 0.0)["tool"]["name"] == "to⟨U+202E⟩ol"
        return
    html = to_html(card_node("k", run.calls["c"], LABELS, lambda key, part: part_node(key, part, LABELS)))
    assert "⟨U+202E⟩" in html
    assert "\u202e" not in html


def test_names_of_files_are_shown_with_symbols_and_kept_as_they_are() -> None:
    file = FileRef(name=NAME, size=1, media_type="text/x-python", sha256="")
    run = folded(numbered([started("Q?"), ev.FileCreated(file=file), ev.RunFinished(output="x", files=(file,))]))
    html = record_html(run, read_file=lambda *_: TURNED.encode())
    assert f'data-name="{NAME}"' in html
    assert ">gnp⟨U+202E⟩.exe<" in html
    assert "gnp⟨U+202E⟩.exe" in record_markdown(run)
    assert "gnp⟨U+202E⟩.exe" in record_text(run)
    assert NAME not in record_markdown(run) + record_text(run)
    assert SHOWN in plain(preview_html(file, TURNED.encode(), LABELS))
    assert inline_code(NAME) == "`gnp⟨U+202E⟩.exe`"


async def each(events: list[ev.RunEvent]) -> AsyncIterator[ev.RunEvent]:
    for event in events:
        yield event


def test_a_terminal_shows_what_would_run_with_symbols() -> None:
    screen = io.StringIO()
    file = FileRef(name=NAME, size=1, media_type="text/plain", sha256="")
    more = [
        ev.ToolOutput(call_id="c", part=CodePart(code=f"{TURNED} # \x1b[31m")),
        ev.FileCreated(file=file),
        *(ev.TextStarted(message_id="m", channel="answer", assignee="a"), ev.TextDelta(message_id="m", text="שלום\u200f!")),
    ]
    events = [*waiting({"command": f"{TURNED} \x1b[2K"}, "to\u202eol"), *more]
    asyncio.run(follow(each(numbered(events)), Console(file=screen, width=200)))
    shown = screen.getvalue()
    assert "to⟨U+202E⟩ol wants to run:" in shown
    assert f"command: {SHOWN} ␛[2K" in shown
    assert f"{SHOWN} # ␛[31m" in shown
    assert "file: gnp⟨U+202E⟩.exe" in shown
    assert "שלום\u200f!" in shown
    assert not {"\u202e", "\x1b"} & set(shown)


class Refused:
    """A run whose calls are refused."""

    def allow(self, call_id: str, *, always: bool = False) -> None:
        raise AssertionError("nobody allowed it")

    def refuse(self, call_id: str, reason: str = "") -> None:
        return


def test_the_prompt_names_the_tool_with_symbols(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    reading, writing = os.pipe()
    with open(reading) as typed:
        os.write(writing, b"n\n")
        monkeypatch.setattr(sys, "stdin", typed)
        asyncio.run(at_prompt(Refused(), ev.ApprovalRequested(call_id="c", tool="to\u202eol", arguments="{}")))
    os.close(writing)
    assert capsys.readouterr().out == "Allow to⟨U+202E⟩ol? [y]es, [a]lways, or a reason why not: "


def test_a_fence_that_streams_and_one_that_is_whole_say_the_same() -> None:
    text, flow = f"```python\n{TURNED}\n```\n", TextFlow()
    flow.feed(text)
    assert "".join(block.html for block in flow.finish(text)) == markdown_html(text)
