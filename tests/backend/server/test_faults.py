"""A server that is broken on purpose, over a real port: what its clients make of it."""

import gc
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec
import pytest

import genie_nb as gn
from genie_nb import events as ev
from genie_nb.backend.server.serving import Server
from genie_nb.errors import RequestError
from genie_nb.network import RemoteGenie, RemoteRun
from tests.fakes import BOUND_S

HEARTBEAT_S = 0.3
WORDS = [f"word{number} " for number in range(60)]


@contextmanager
def served(folder: Path, *, pace_s: float = 0.02, words: list[str] = WORDS) -> Iterator[tuple[Server, RemoteGenie]]:
    model = gn.ScriptedModel(lambda *_: gn.Say(words, pace_s=pace_s))
    settings = {"agent": "react", "runs_folder": folder}
    with gn.serve(model=model, settings=settings, heartbeat_s=HEARTBEAT_S) as server:
        genie = gn.connect(server.url)
        try:
            yield server, genie
        finally:
            genie.close()


def wait_until(ready: Callable[[], bool]) -> None:
    """Waits for another thread, within a bound."""
    end = time.monotonic() + BOUND_S
    while not ready():
        assert time.monotonic() < end
        time.sleep(0.005)


def lost(run: RemoteRun) -> list[str]:
    return [row.text for row in run.link_log().rows if row.kind == "link" and row.event == "lost"]


def events_here(run: RemoteRun) -> list[bytes]:
    """All but the client's own notes on its link, which move its numbers."""
    events = [entry.event for entry in run.channel.after(0) if not isinstance(entry.event, ev.ModelWaiting)]
    return [ev.encode_event(msgspec.structs.replace(event, seq=0)) for event in events]


def events_there(server: Server, run: RemoteRun) -> list[bytes]:
    (kept,) = [kept for kept in server.host.archive.kept() if kept.run.run_id == run.run_id]
    return [ev.encode_event(msgspec.structs.replace(entry.event, seq=0)) for entry in kept.run.channel.after(0)]


def test_after_cuts_a_client_comes_back_and_has_exactly_the_same_events(tmp_path: Path) -> None:
    with served(tmp_path, pace_s=0.1) as (server, genie):
        run = genie.ask("How many?", show=False)
        for cuts in (1, 2):
            wait_until(lambda cuts=cuts: run.link_log().opened == cuts and run.link_log().events > 5)
            server.faults.cut()
            wait_until(lambda cuts=cuts: run.link_log().lost == cuts)
        run.result(BOUND_S)

        wait_until(lambda: run.link_log().state == "closed")
        log = run.link_log()
        assert run.status == "finished"
        assert (log.opened, log.reconnects, log.state) == (3, 2, "closed")
        assert len(log.resumes) == 2
        assert not any(row.again for row in log.rows)
        assert events_here(run) == events_there(server, run)


def test_a_stalled_stream_is_taken_for_lost_after_two_and_a_half_heartbeats(tmp_path: Path) -> None:
    with served(tmp_path) as (server, genie):
        server.faults.stall = True
        run = genie.ask("How many?", show=False)
        wait_until(lambda: bool(lost(run)))
        before = run.link_log()
        server.faults.stall = False
        run.result(BOUND_S)

        assert (before.frames, before.heartbeats) == (0, 0)
        assert f"nothing came for {2.5 * HEARTBEAT_S:g} s, not even a heartbeat" in lost(run)[0]
        assert run.status == "finished"
        assert events_here(run) == events_there(server, run)


def test_heartbeats_go_on_while_the_model_is_frozen(tmp_path: Path) -> None:
    with served(tmp_path) as (server, genie):
        server.faults.freeze_model = True
        run = genie.ask("How many?", show=False)
        wait_until(lambda: run.link_log().heartbeats >= 4)
        frozen = run.link_log()
        server.faults.freeze_model = False
        run.result(BOUND_S)

        assert lost(run) == []
        assert not any(row.event == "text_delta" for row in frozen.rows)
        assert run.status == "finished"
        assert run.answer == "".join(WORDS)


def test_a_delay_lets_what_came_meanwhile_leave_together(tmp_path: Path) -> None:
    with served(tmp_path) as (server, genie):
        server.faults.delay_s = 0.2
        run = genie.ask("How many?", show=False)
        run.result(BOUND_S)

        times = {row.at for row in run.link_log().rows if row.kind == "frame"}
        assert len(times) < len(WORDS) / 2
        assert lost(run) == []
        assert events_here(run) == events_there(server, run)


@pytest.mark.parametrize("fault", ["stall", "delay_s", "freeze_model"])
def test_a_server_closes_in_the_middle_of_a_fault(fault: str, tmp_path: Path) -> None:
    with served(tmp_path) as (server, genie):
        setattr(server.faults, fault, 60)
        run = genie.ask("How many?", show=False)
        wait_until(lambda: run.link_log().opened == 1)
        server.close()
        wait_until(lambda: bool(lost(run)))
        run.cancel()
        wait_until(lambda: run.transcript.ended)

        assert not server.host.links.open


def test_a_reader_that_leaves_a_stalled_stream_is_counted_out(tmp_path: Path) -> None:
    with served(tmp_path) as (server, genie):
        server.faults.stall = True
        run = genie.ask("How many?", show=False)
        wait_until(lambda: run.link_log().lost >= 2)
        wait_until(lambda: len(server.host.links.open) <= 1)
        server.faults.lift()
        run.result(BOUND_S)

        assert run.status == "finished"


def test_what_waits_to_be_sent_is_counted(tmp_path: Path) -> None:
    with served(tmp_path) as (server, genie):
        run = genie.ask("How many?", show=False)
        wait_until(lambda: run.link_log().events > 5)
        server.faults.delay_s = 60
        wait_until(lambda: server.faults.behind(run.run_id) > 10)
        assert server.faults.behind("another") == 0
        server.faults.lift()
        run.result(BOUND_S)

        assert server.faults.behind() == 0


def test_a_server_without_faults_holds_nothing(tmp_path: Path) -> None:
    with served(tmp_path) as (server, _genie):
        faults = server.faults
        assert (faults.holding, faults.delay_s, faults.stall, faults.freeze_model) == (False, 0.0, False, False)
        faults.delay_s = -1
        assert not faults.holding
        faults.stall = True
        assert faults.holding
        faults.lift()
        assert not faults.holding


def test_a_link_is_watched_only_in_a_notebook_and_read_anywhere(tmp_path: Path) -> None:
    with served(tmp_path) as (server, genie):
        run = genie.ask("How many?", show=False)
        with pytest.raises(RequestError, match="needs a notebook"):
            gn.watch(run, server)
        with pytest.raises(RequestError, match="needs a notebook"):
            run.watch()
        run.result(BOUND_S)

        assert sum(chunk.pieces for chunk in run.link_log().chunks()) == len(WORDS)


def test_runs_of_one_client_have_each_their_own_link(tmp_path: Path) -> None:
    with served(tmp_path) as (_server, genie):
        runs = [genie.ask(f"How many {number}?", show=False) for number in range(3)]
        for run in runs:
            run.result(BOUND_S)
            log = run.link_log()
            assert log.last_id.startswith(run.run_id)
            assert (log.opened, log.frames - log.joined, log.events) == (1, log.events, len(run.channel))


def test_a_run_goes_on_when_its_genie_is_forgotten(tmp_path: Path) -> None:
    with served(tmp_path) as (server, _genie):
        run = gn.connect(server.url).ask("How many?", show=False)
        gc.collect()
        run.result(BOUND_S)

        assert run.status == "finished"
