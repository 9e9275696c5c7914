"""The protocol's own conformance suite, against our client and our server.

Each scenario of the suite stands in a table: it passes, or it does not apply and the table says why. A scenario that the
suite gains, or one that no longer passes, fails a test.
"""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import genie_nb
from tests.mcp_peers.peers import CONFORMANCE, FOLDER, NODE, missing

WHY_NOT = missing()
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(bool(WHY_NOT), reason=WHY_NOT),
]

PASSES = "passes"
EVERYTHING = "the suite reads resources, prompts or schemas of its own example server, which ours has not"
ASKS = "the server asks its client for input or for a model; ours never does"
NO_OAUTH = "our client knows tokens and headers that the person gives, and no OAuth"
DECLINES = "our client says that nobody can be asked; the scenario wants it to answer with defaults"
POLLING = "our server keeps a call's stream open and stores no events to be fetched later"

SERVER = {
    "server-initialize": PASSES,
    "logging-set-level": PASSES,
    "ping": PASSES,
    "completion-complete": "our server has nothing to complete",
    "tools-list": PASSES,
    "tools-call-simple-text": PASSES,
    "tools-call-image": PASSES,
    "tools-call-audio": "our server has no sounds",
    "tools-call-embedded-resource": "our server links to files, and embeds none",
    "tools-call-mixed-content": "our server links to files, and embeds none",
    "tools-call-with-logging": PASSES,
    "tools-call-error": PASSES,
    "tools-call-with-progress": PASSES,
    "tools-call-sampling": ASKS,
    "tools-call-elicitation": ASKS,
    "json-schema-2020-12": EVERYTHING,
    "elicitation-sep1034-defaults": ASKS,
    "server-sse-polling": POLLING,
    "server-sse-multiple-streams": PASSES,
    "elicitation-sep1330-enums": ASKS,
    "resources-list": PASSES,
    "resources-read-text": EVERYTHING,
    "resources-read-binary": EVERYTHING,
    "resources-templates-read": EVERYTHING,
    "resources-subscribe": "our server's files are written once",
    "resources-unsubscribe": "our server's files are written once",
    "prompts-list": "our server has no prompts",
    "prompts-get-simple": "our server has no prompts",
    "prompts-get-with-args": "our server has no prompts",
    "prompts-get-embedded-resource": "our server has no prompts",
    "prompts-get-with-image": "our server has no prompts",
    "dns-rebinding-protection": PASSES,
}
CLIENT = {
    "initialize": PASSES,
    "tools_call": PASSES,
    "elicitation-sep1034-client-defaults": DECLINES,
    "sse-retry": PASSES,
}


def suite(*arguments: str, folder: Path) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {"PYTHONPATH": str(Path(genie_nb.__file__).parents[1])}
    return subprocess.run(
        [NODE, CONFORMANCE, *arguments],
        cwd=folder, capture_output=True, text=True, check=False, timeout=300, env=environment,
    )  # fmt: skip


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    environment = os.environ | {"PYTHONPATH": str(Path(genie_nb.__file__).parents[1])}
    process = subprocess.Popen(
        [sys.executable, str(FOLDER / "conformance_server.py")],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment,
    )  # fmt: skip
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        yield process.stdout.readline().strip()
    finally:
        process.stdin.close()
        process.wait(timeout=300)
        process.stdout.close()


def test_every_scenario_of_the_suite_stands_in_a_table(tmp_path: Path) -> None:
    servers, _, clients = suite("list", folder=tmp_path).stdout.partition("Client scenarios")
    names = [[line.split()[1] for line in part.splitlines() if line.startswith("  - ")] for part in (servers, clients)]
    assert set(names[0]) == set(SERVER)
    assert {name for name in names[1] if not name.startswith("auth/")} == set(CLIENT), NO_OAUTH


@pytest.mark.parametrize("scenario", [name for name, how in SERVER.items() if how == PASSES])
def test_our_server_passes(scenario: str, server: str, tmp_path: Path) -> None:
    done = suite("server", "--url", server, "--scenario", scenario, folder=tmp_path)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-2000:]


@pytest.mark.parametrize("scenario", [name for name, how in CLIENT.items() if how == PASSES])
def test_our_client_passes(scenario: str, tmp_path: Path) -> None:
    command = f"{sys.executable} {FOLDER / 'conformance_client.py'}"
    done = suite("client", "--command", command, "--scenario", scenario, "--timeout", "60000", folder=tmp_path)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-2000:]
    assert " 0 failed, 0 warnings" in done.stdout + done.stderr
