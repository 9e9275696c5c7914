"""What a call of a tool shows, as it stands now: printed text joins, parts take each other's place, or all goes. Pure.

Above: `transcript`, the code interpreter. Below: `parts`, `printed`.
"""

from dataclasses import dataclass, field

from genie_nb.parts import CodePart, Part, ProgressPart, StreamPart
from genie_nb.printed import append, settle

__all__ = ("Shown", "joined", "settled")


@dataclass
class Shown:
    """The parts that stand there, in order."""

    parts: list[Part] = field(default_factory=list)
    _displays: dict[str, int] = field(default_factory=dict)

    def add(self, part: Part, *, display: str = "", clears: bool = False) -> None:
        """Show one more part.

        Args:
            part: What is shown.
            display: A name under which it stands; it takes the place of the part that stands there by now.
            clears: Whether all goes that was shown before it, but for the code.
        """
        if clears:
            self.parts[:] = [earlier for earlier in self.parts if isinstance(earlier, CodePart)]
            self._displays.clear()
        last = len(self.parts) - 1
        if display in self._displays:
            self.parts[self._displays[display]] = settled(part)
        elif display:
            self._displays[display] = len(self.parts)
            self.parts.append(settled(part))
        elif last >= 0 and last not in self._displays.values() and (both := joined(self.parts[last], part)):
            self.parts[last] = both
        elif not (isinstance(part := settled(part), StreamPart) and not part.text):
            self.parts.append(part)


def joined(last: Part, part: Part) -> Part | None:
    """Two neighbouring parts as one, where they are: what one stream prints, and how far a call has come.

    Args:
        last: The one before, settled.
        part: The next.
    """
    if isinstance(part, ProgressPart) and isinstance(last, ProgressPart):
        return part
    if isinstance(part, StreamPart) and isinstance(last, StreamPart) and part.stream == last.stream:
        return StreamPart(text=append(last.text, part.text), stream=part.stream)
    return None


def settled(part: Part) -> Part:
    """The part with its printed text as a terminal leaves it."""
    if not isinstance(part, StreamPart) or (text := settle(part.text)) is part.text:
        return part
    return StreamPart(text=text, stream=part.stream)
