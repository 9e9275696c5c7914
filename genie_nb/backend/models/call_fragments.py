"""Tool-call fragments: which call a piece belongs to, whatever a server left out or says twice.

Servers leave out the index or the id, give every parallel call index 0, repeat id and name on every piece, or send the
arguments as an object. Above: `chat_stream`. Below: `base`.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

from genie_nb.backend.models.base import ToolCallFragment

__all__ = ("CallAssembler",)


@dataclass
class _Call:
    position: int
    given_index: int | None
    given_id: str
    call_id: str
    name: str = ""
    pieces: list[str] = field(default_factory=list)
    announced: bool = False

    @property
    def arguments(self) -> str:
        return "".join(self.pieces)

    def is_whole(self) -> bool:
        try:
            json.loads(self.arguments)
        except (ValueError, RecursionError):
            return False
        return True


class CallAssembler:
    """Sorts the pieces of tool calls into calls with a stable index, and an id and a name that come once."""

    def __init__(self) -> None:
        self._calls: list[_Call] = []

    def feed(self, pieces: Sequence[object]) -> Iterator[ToolCallFragment]:
        """Sort the pieces of one delta.

        Yields:
            Fragments. A call is held back until its name is known.
        """
        touched: list[_Call] = []
        for piece in pieces:
            if isinstance(piece, Mapping):
                call = self._call_of(piece, touched)
                touched.append(call)
                yield from self._add(call, _mapping(piece.get("function")))

    def flush(self) -> Iterator[ToolCallFragment]:
        """End the calls.

        Yields:
            The calls that never got a name.
        """
        for call in self._calls:
            if not call.announced:
                call.announced = True
                yield ToolCallFragment(call.position, call.call_id, "", call.arguments)

    def _call_of(self, piece: Mapping[str, Any], touched: list[_Call]) -> _Call:
        index, given_id = piece.get("index"), _text(piece.get("id"))
        index = index if isinstance(index, int) else None
        candidates = [call for call in self._calls if index is None or call.given_index == index]
        named = [call for call in candidates if given_id and call.given_id == given_id]
        if named:
            return named[-1]
        latest = candidates[-1] if candidates else None
        if latest is None or (given_id and latest.given_id) or not _goes_on(latest, piece, anew=latest in touched):
            return self._begin(index, given_id)
        latest.given_id = latest.given_id or given_id
        return latest

    def _begin(self, index: int | None, given_id: str) -> _Call:
        taken = {call.call_id for call in self._calls}
        call_id = given_id if given_id and given_id not in taken else _new_id()
        call = _Call(len(self._calls), index, given_id, call_id)
        self._calls.append(call)
        return call

    def _add(self, call: _Call, function: Mapping[str, Any]) -> Iterator[ToolCallFragment]:
        arguments = _arguments(function.get("arguments"))
        call.pieces.append(arguments)
        call.name = call.name or _text(function.get("name"))
        if call.announced:
            if arguments:
                yield ToolCallFragment(call.position, arguments=arguments)
        elif call.name:
            call.announced = True
            yield ToolCallFragment(call.position, call.call_id, call.name, call.arguments)


def _goes_on(call: _Call, piece: Mapping[str, Any], *, anew: bool) -> bool:
    """Whether a piece that brings no id of its own belongs to this call, which `anew` says had one in the same delta."""
    name = _text(_mapping(piece.get("function")).get("name"))
    if not name or not call.name:
        return True
    return name == call.name and not anew and not call.is_whole()


def _new_id() -> str:
    # Mistral takes only ids of nine letters and digits back.
    return uuid4().hex[:9]


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _arguments(value: object) -> str:
    if value is None or isinstance(value, str):
        return value or ""
    return json.dumps(value, ensure_ascii=False)
