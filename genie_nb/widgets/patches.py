"""Patches: what changed in a transcript, as keyed patches for a page. Pure.

`Painter` folds events into its transcript and remembers which items they touched; `paint` looks at those alone. However long
nobody paints, what is pending stays as small as the list of items.

Above: `run_view`. Below: `sections`, `cards`, `blocks`, `nodes`, `transcript`.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field

from genie_nb import events as ev
from genie_nb.controls import show_controls
from genie_nb.parts import FileRef, ImagePart, Part
from genie_nb.transcript import Item, Message, Note, Task, ToolCall, Transcript, apply
from genie_nb.widgets import sections
from genie_nb.widgets.blocks import Block, TextFlow
from genie_nb.widgets.cards import card_node, part_node
from genie_nb.widgets.labels import labels_for
from genie_nb.widgets.nodes import Node, Page, Patch
from genie_nb.widgets.render import markdown_blocks
from genie_nb.widgets.searches import anchors_of, source_nodes

__all__ = ("Painter",)

WIPE = "wipe"
FRAME = "frame"
ENDING = "ending"
SOURCES = "sources"
PLAN = "plan"
NOW = "now"


@dataclass
class _Place:
    """Where an item stands on the page, and what of it was painted."""

    key: str
    item: Item
    task: Task | None = None
    flow: TextFlow = field(default_factory=TextFlow)
    taken: int = 0
    blocks: int = 0
    parts: dict[str, tuple[Part, Node]] = field(default_factory=dict)


class Painter:
    """One run's transcript and the page that shows it."""

    def __init__(self, query: str = "") -> None:
        """A page for the run that answers this question, where it is known before the run begins."""
        self.transcript = Transcript(query=query)
        self.labels = labels_for(query)
        self.page = Page(Node("page", "div"))
        self._places: dict[str, _Place] = {}
        self._keys: dict[tuple[str, str], str] = {}
        self._files: dict[str, str] = {}
        self._touched: dict[str, None] = {FRAME: None}
        self._citations: dict[int, str] = {}

    def take(self, event: ev.RunEvent) -> None:
        """Fold one event.

        Raises:
            WireError: The event speaks of something that never started.
        """
        apply(self.transcript, event)
        if isinstance(event, ev.LogRestarted):
            self._places, self._keys, self._files = {}, {}, {}
            self._touched = {WIPE: None}
        if isinstance(event, ev.ToolOutput) and (anchors := anchors_of([event.part])):
            self._citations |= anchors
            self._touched[SOURCES] = None
        for key in self._touches(event):
            self._touched[key] = None

    @property
    def pending(self) -> bool:
        """Whether something changed since it was painted."""
        return bool(self._touched)

    def paint(self) -> list[Patch]:
        """The patches from what was painted last to the transcript as it is."""
        touched, self._touched = self._touched, {}
        return [patch for key in touched for patch in self._paint(key)]

    def file(self, name: str) -> FileRef | None:
        """The file of that name, where the run has told of it."""
        return self._known_files().get(name) or next((file for file in self.transcript.inputs if file.name == name), None)

    def files(self) -> list[FileRef]:
        """The files that the run has made so far."""
        return list(self._known_files().values())

    def pictures(self) -> list[tuple[str, FileRef]]:
        """The pictures that are on the page by now, by their keys: when the run has ended they are open."""
        return [
            (self._files[file.name], file)
            for file in self.files()
            if sections.is_picture(file) and self._files.get(file.name, "") in self.page
        ]

    def _known_files(self) -> dict[str, FileRef]:
        return self.transcript.files | {file.name: file for file in self.transcript.deliverables}

    def _touches(self, event: ev.RunEvent) -> list[str]:
        match event:
            case ev.TextStarted() | ev.ToolStarted() | ev.TaskStarted() | ev.NoteAdded():
                return [self._settle(event), NOW]
            case ev.TextDelta():
                return [self._keys["text", event.message_id]]
            case ev.TextFinished():
                return [self._keys["text", event.message_id], NOW]
            case ev.ToolArguments() | ev.ToolOutput() | ev.ToolFinished():
                return [self._keys["call", event.call_id], NOW]
            case ev.ApprovalRequested() | ev.ApprovalGiven():
                return [FRAME, self._keys["call", event.call_id]]
            case ev.TaskFinished():
                return [self._keys["task", event.task_id or ""], NOW]
            case ev.PlanUpdated():
                return [PLAN, NOW]
            case ev.FileCreated():
                return [self._file_key(event.file.name)]
            case ev.LogRestarted() | ev.RunQueued():
                return [FRAME]
            case ev.RunStarted():
                self.labels = labels_for(event.query)
                return [FRAME, PLAN]
            case ev.RunFinished() | ev.RunFailed() | ev.RunCancelled():
                return [FRAME, ENDING, SOURCES, *map(self._file_key, self._known_files())]
            case _:
                return []

    def _settle(self, event: ev.TextStarted | ev.ToolStarted | ev.TaskStarted | ev.NoteAdded) -> str:
        """Give a new item its key, by its number among all items."""
        t, key = self.transcript, f"i{len(self._places)}"
        task = t.tasks[event.task_id] if event.task_id and not isinstance(event, ev.TaskStarted) else None
        item: Item
        match event:
            case ev.TextStarted():
                item, name = t.messages[event.message_id], ("text", event.message_id)
            case ev.ToolStarted():
                item, name = t.calls[event.call_id], ("call", event.call_id)
            case ev.TaskStarted():
                item, name = t.tasks[event.task_id or ""], ("task", event.task_id or "")
            case ev.NoteAdded():
                item, name = (task.items if task else t.items)[-1], ("note", key)
        self._keys[name] = key
        self._places[key] = _Place(key, item, task, TextFlow(self._citations))
        return key

    def _file_key(self, name: str) -> str:
        return self._files.setdefault(name, f"f{len(self._files)}")

    def _paint(self, key: str) -> Iterator[Patch]:
        if key in self._places:
            yield from self._paint_item(self._places[key])
        elif key == WIPE:
            yield from self.page.remove("r")
        elif key == FRAME:
            yield from self._paint_frame()
        elif key == PLAN:
            yield from self.page.place(
                "how.i", sections.plan_node(self.transcript.plan, self.labels, ended=self.transcript.ended)
            )
        elif key == NOW:
            if "stage" in self.page:
                yield from self.page.place("stage", sections.now_node(self.transcript, self._growing()))
        elif key == ENDING:
            yield from self._paint_ending()
        elif key == SOURCES:
            inside = tuple(source_nodes(self.transcript))
            yield from self.page.place("r", sections.section_node("sources", "gnb-sources", self.labels["sources"], inside))
        else:
            yield from self._paint_file(key)

    def _paint_frame(self) -> Iterator[Patch]:
        t, labels = self.transcript, self.labels
        yield from self.page.place(
            "page", Node("r", "div", {"class": "gnb", "data-status": t.status, "lang": labels["lang"]}, children=None)
        )
        for parent, node in sections.frame(t, labels, live=True, growing=self._growing()):
            yield from self.page.place(parent, node)

    def _growing(self) -> sections.Growing:
        """What grows now: the body of a running call, else of a text that is no answer; and the last chart."""
        t = self.transcript
        call = next((call for _, call in reversed(list(t.open_calls()))), None)
        message = next((message for _, message in t.open_messages() if not sections.is_answer(message)), None)
        name = ("call", call.call_id) if call else ("text", message.message_id) if message else None
        charts = (
            f"{self._keys['call', drawn.call_id]}.{number}"
            for drawn in reversed(t.calls.values())
            for number, part in enumerate(drawn.parts)
            if isinstance(part, ImagePart)
        )
        return sections.Growing(f"{self._keys[name]}.b" if name else "", next(charts, ""))

    def _paint_item(self, place: _Place) -> Iterator[Patch]:
        item, parent = place.item, self._home(place)
        match item:
            case Message():
                yield from self._paint_message(place, item, parent)
            case ToolCall():
                yield from self.page.place(parent, self._card(place, item))
            case Note():
                yield from self.page.place(parent, sections.note_node(place.key, item))
            case Task():
                yield from self.page.place(parent, sections.task_node(place.key, item, self.labels))

    def _home(self, place: _Place) -> str:
        if place.task:
            return f"{self._keys['task', place.task.task_id]}.i"
        answers = isinstance(place.item, Message) and sections.is_answer(place.item)
        return "answer.i" if answers else "work.i"

    def _before(self, key: str, parent: str) -> str | None:
        """The sibling that an item which is new there stands before, as it began earlier; None where it is the last."""
        siblings = (other for other in self.page.children(parent) if other in self._places)
        return next((other for other in siblings if int(other[1:]) > int(key[1:])), None)

    def _paint_message(self, place: _Place, message: Message, parent: str) -> Iterator[Patch]:
        who = sections.speaker(message, place.task)
        shell = sections.message_node(place.key, message, self.labels, who=who)
        if self.page.tag(place.key) not in (None, shell.tag):
            # Its end may tell that a text is of another kind than it seemed: it is told anew.
            yield from self.page.remove(place.key)
            place.flow, place.taken, place.blocks = TextFlow(self._citations), 0, 0
        yield from self.page.place(parent, shell, self._before(place.key, parent))
        if message.finished:
            blocks = place.flow.finish(message.text)
        else:
            place.flow.feed("".join(message.chunks[place.taken :]))
            place.taken = len(message.chunks)
            blocks = place.flow.changed()
        for block in blocks:
            yield from self._paint_block(place, block)
        if message.finished:
            for number in range(place.flow.count, place.blocks):
                yield from self.page.remove(f"{place.key}.{number}")
                yield from self.page.remove(f"{place.key}.{number}t")

    def _paint_block(self, place: _Place, block: Block) -> Iterator[Patch]:
        body, key = f"{place.key}.b", f"{place.key}.{block.index}"
        place.blocks = max(place.blocks, block.index + 1)
        if block.code is not None:
            yield from self.page.place(body, Node(key, "pre", {"class": "gnb-code"}, show_controls(block.code)))
        else:
            yield from self.page.place(body, Node(key, "div", {"class": "gnb-block"}, html=block.html))
        if block.tail:
            yield from self.page.place(body, Node(f"{key}t", "div", {"class": "gnb-tail"}, block.tail))
        else:
            yield from self.page.remove(f"{key}t")

    def _card(self, place: _Place, call: ToolCall) -> Node:
        def part(key: str, value: Part) -> Node:
            known = place.parts.get(key)
            if known is None or known[0] is not value:
                known = place.parts[key] = (value, part_node(key, value, self.labels))
            return known[1]

        return card_node(place.key, call, self.labels, part, live=True)

    def _paint_ending(self) -> Iterator[Patch]:
        left = sections.answer_left(self.transcript)
        if left:
            blocks = tuple(
                Node(f"last.{number}", "div", {"class": "gnb-block"}, html=html)
                for number, html in enumerate(markdown_blocks(left, citations=self._citations))
            )
            body = Node("last.b", "div", {"class": "gnb-text"}, children=blocks)
            yield from self.page.place("answer.i", Node("last", "div", {"class": "gnb-message gnb-said"}, children=(body,)))

    def _paint_file(self, key: str) -> Iterator[Patch]:
        name = next(name for name, file_key in self._files.items() if file_key == key)
        look = {"class": "gnb-button", "type": "button", "data-action": "download"}
        button = Node(f"{key}.d", "button", look, self.labels["download"])
        file = self._known_files()[name]
        is_open = self.transcript.ended and sections.is_picture(file)
        yield from self.page.place("files.i", sections.file_node(key, file, button, self.labels, is_open=is_open))
