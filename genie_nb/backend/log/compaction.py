"""Compaction: fewer events that fold to the same transcript, for the head of a log that has grown too long. Pure.

Above: `channel`. Below: `events`.
"""

from collections.abc import Iterable

import msgspec

from genie_nb import events as ev
from genie_nb.shown import joined, settled

__all__ = ("compact",)


def compact(events: Iterable[ev.RunEvent]) -> list[ev.RunEvent]:
    """The same story in fewer events; whoever folds them sees what the fold of all events shows.

    Deltas of a text become one, or none where the whole text follows; so do fragments of arguments and the lines that one
    call prints. Of plans, places in the queue, waits for the model and a call's progress the last one stays. Of
    what was told before the log began anew, the question stays.
    """
    everything = list(events)
    kept: dict[int, ev.RunEvent] = {}
    open_at: dict[tuple[str, str], int] = {}
    last_printed: dict[str, int] = {}
    for place, event in enumerate(everything):
        match event:
            case ev.TextDelta():
                _join(kept, open_at, ("text", event.message_id), place, event)
            case ev.TextFinished():
                kept.pop(open_at.pop(("text", event.message_id), -1), None)
                kept[place] = event
            case ev.ToolArguments():
                _join(kept, open_at, ("arguments", event.call_id), place, event)
            case ev.ToolOutput():
                _print(kept, last_printed, place, event)
            case ev.PlanUpdated() | ev.RunQueued() | ev.ModelWaiting():
                kept.pop(open_at.get((type(event).__name__, ""), -1), None)
                open_at[type(event).__name__, ""] = place
                kept[place] = event
            case ev.LogRestarted():
                begun = [at for at, earlier in kept.items() if isinstance(earlier, ev.RunStarted)]
                kept = {at: kept[at] for at in begun[-1:]}
                kept[place] = event
                open_at.clear()
                last_printed.clear()
            case _:
                kept[place] = event
    return [kept[place] for place in sorted(kept)]


def _join(
    kept: dict[int, ev.RunEvent],
    open_at: dict[tuple[str, str], int],
    key: tuple[str, str],
    place: int,
    event: ev.TextDelta | ev.ToolArguments,
) -> None:
    """Move what was joined so far to the place of this event, so that numbers never go back."""
    before = kept.pop(open_at.get(key, -1), None)
    if isinstance(event, ev.TextDelta) and isinstance(before, ev.TextDelta):
        event = msgspec.structs.replace(event, text=before.text + event.text)
    elif isinstance(event, ev.ToolArguments) and isinstance(before, ev.ToolArguments):
        event = msgspec.structs.replace(event, fragment=before.fragment + event.fragment)
    open_at[key], kept[place] = place, event


def _print(kept: dict[int, ev.RunEvent], last_printed: dict[str, int], place: int, event: ev.ToolOutput) -> None:
    before = kept.get(last_printed.get(event.call_id, -1))
    if isinstance(before, ev.ToolOutput) and not (before.display or event.display or event.clears):
        both = joined(settled(before.part), event.part)
        if both is not None:
            kept.pop(last_printed[event.call_id])
            event = msgspec.structs.replace(event, part=both, clears=before.clears)
    last_printed[event.call_id], kept[place] = place, event
