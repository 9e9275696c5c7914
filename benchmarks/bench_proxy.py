"""What the gateway adds to an event: JDGenie's page endpoint in front of another server's /AutoAgent, beside that one.

Both servers run in this process, on one loop. The run of 1,000 pieces has ended: asking again with its request id joins it,
so that only the ways to the page are measured.
"""

import statistics
import tempfile
import time

import httpx

import genie_nb as gn
from benchmarks.report import report

__all__ = ("main",)

PIECES = 1_000
CALL = ("code_interpreter", {"code": "1"})


def seconds(address: str, path: str, body: dict[str, object]) -> float:
    """How long a run that has ended takes to come through, the median of five."""
    took = []
    for _ in range(6):
        began = time.perf_counter()
        answer = httpx.post(address + path, json=body, timeout=60)
        took.append(time.perf_counter() - began)
        assert answer.content.count(b"tool_thought") >= PIECES
    return statistics.median(took[1:])  # the first one made the run


def main() -> None:
    def script(messages: object, tools: object) -> gn.Say:
        return gn.Say(["word "] * PIECES, calls=[CALL]) if messages[-1].role == "user" else gn.Say("done")  # type: ignore[index]

    with tempfile.TemporaryDirectory() as folder:
        settings = {"agent": "react", "runs_folder": folder}
        with (
            gn.serve(model=gn.ScriptedModel(script), settings=settings) as behind,
            gn.serve(model=gn.ScriptedModel(script), settings=settings, agent_url=behind.address) as gateway,
        ):
            direct = seconds(behind.address, "/AutoAgent", {"requestId": "a", "query": "?", "agentType": 5})
            page = {"requestId": "b", "query": "?", "sessionId": "s", "deepThink": 0}
            alone = seconds(behind.address, "/web/api/v1/gpt/queryAgentStreamIncr", page)
            twice = seconds(gateway.address, "/web/api/v1/gpt/queryAgentStreamIncr", page)
    rows: list[dict[str, str | float]] = [
        {"way": "/AutoAgent", "seconds": direct, "ms an event": direct / PIECES * 1e3, "added ms an event": 0.0},
        {"way": "page, in one process", "seconds": alone, "ms an event": alone / PIECES * 1e3, "added ms an event": 0.0},
        {"way": "page, through the gateway", "seconds": twice, "ms an event": twice / PIECES * 1e3,
         "added ms an event": (twice - alone) / PIECES * 1e3},
    ]  # fmt: skip
    report("proxy", f"A run of {PIECES:,} pieces; the gateway's target is less than 1 ms an event", rows)


if __name__ == "__main__":
    main()
