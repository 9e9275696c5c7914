"""A machine without Chromium or npm: their tests are skipped by name, each with one reason that says what to do."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.fakes import BOUND_S
from tests.mcp_peers import peers

ROOT = Path(__file__).parents[1]


def collected(folder: str, **environment: str) -> str:
    """What pytest says of the tests of a folder on a machine with nothing but Python on its path."""
    command = [sys.executable, "-m", "pytest", "-q", "-rs", "-p", "no:cacheprovider", folder]
    env = {name: value for name, value in os.environ.items() if name not in ("CI", "GENIE_CHROMIUM")} | {"PATH": ""}
    done = subprocess.run(
        command, cwd=ROOT, env=env | environment, capture_output=True, text=True, timeout=2 * BOUND_S, check=False
    )
    return done.stdout


@pytest.mark.slow
@pytest.mark.parametrize("named", [{}, {"GENIE_CHROMIUM": "/nowhere/chromium"}], ids=["none", "one-that-is-not-there"])
def test_without_chromium_every_test_of_the_browser_is_skipped_with_one_reason(named: dict[str, str]) -> None:
    said = collected("tests/browser", **named)

    assert set(re.findall(r"^SKIPPED \[\d+\] \S+ (.*)$", said, re.MULTILINE)) == {
        "there is no Chromium: make chromium, or set GENIE_CHROMIUM"
    }
    assert re.search(r"^\d+ skipped in", said, re.MULTILINE), said


NODES = {
    "no peers": ({"CONFORMANCE": "/nowhere/index.js"}, "npm's MCP peers are not installed: make mcp-peers"),
    "no Node": ({"NODE": ""}, "there is no Node for npm's MCP peers: make mcp-peers"),
    "a Node that is too old": ({"NODE": "v18.1.0"}, "npm's MCP peers need Node 22, and here is v18.1.0: make mcp-peers"),
    "a Node that does not work": ({"NODE": "error"}, "npm's MCP peers need Node 22, and here is error: make mcp-peers"),
    "all": ({"NODE": "v22.0.0"}, ""),
}


@pytest.mark.parametrize(("machine", "reason"), NODES.values(), ids=NODES)
def test_without_npms_peers_one_reason_says_how_to_get_them(
    machine: dict[str, str], reason: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("CONFORMANCE", "EVERYTHING"):
        (tmp_path / name).touch()
        monkeypatch.setattr(peers, name, machine.get(name, str(tmp_path / name)))
    version = machine.get("NODE", "v22.0.0")
    node = tmp_path / "node"
    node.write_text(f"#!/bin/sh\necho {version}\n")
    node.chmod(0o755)
    monkeypatch.setattr(peers, "NODE", str(node) if version else "")

    assert peers.missing() == reason
