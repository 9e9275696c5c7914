"""The roads over the network: one run, read over each of them, is one transcript."""

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest

from genie_nb.backend.client import Client
from genie_nb.backend.recording import record, replay
from genie_nb.backend.runs import Run
from genie_nb.backend.stream_modes import StreamMode
from genie_nb.events import RunEvent
from genie_nb.transcript import Transcript
from tests.fakes import collect, fold
from tests.hosting import Hosting, run_events
from tests.roads.test_roads import RUNS

MODES = {"general": None, "token": StreamMode(mode="token", token=3), "time": StreamMode(mode="time", time=0.01)}
CUTS = {"whole": [], "cut": [300, 700, 1, 5_000], "cut-in-every-kilobyte": list(range(50, 40_000, 997))}


def same(transcript: Transcript) -> dict:
    """A transcript without the number of the last event: a mode may join it away."""
    return {name: value for name, value in vars(transcript).items() if name != "seq"}


@pytest.mark.parametrize("cuts", CUTS.values(), ids=CUTS)
@pytest.mark.parametrize("mode", MODES.values(), ids=MODES)
@pytest.mark.parametrize("name", RUNS)
def test_a_run_over_the_network_shows_what_it_shows_here(
    name: str, mode: StreamMode | None, cuts: list[int], make_run: Callable[..., Run], tmp_path: Path
) -> None:
    options = dict(RUNS[name])
    a_run = make_run(options.pop("model"), **options)

    async def live(client: Client) -> list[RunEvent]:
        return run_events(await collect(client.events(a_run.run_id, mode=mode)))

    async def main() -> None:
        hosting = Hosting(tmp_path / "server")
        hosting.keep(a_run)
        breaks = iter(cuts)
        hosting.bridge.cut_after = lambda: next(breaks, None)
        following = asyncio.create_task(live(hosting.client(tries=60)))
        await asyncio.sleep(0)
        await a_run.start()
        there = await following
        assert same(fold(there)) == same(a_run.transcript)
        hosting.bridge.cut_after = lambda: None
        assert same(fold(await live(hosting.client()))) == same(a_run.transcript)
        again = run_events(await collect(hosting.client().events(a_run.run_id)))
        await record(_each(again), tmp_path / "r.jsonl")
        assert fold(await collect(replay(tmp_path / "r.jsonl"))) == a_run.transcript
        await hosting.close()

    asyncio.run(main())


async def _each(events: list[RunEvent]):  # noqa: ANN202
    for event in events:
        yield event
