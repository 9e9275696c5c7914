"""What the conformance suite starts as the client under test: a run whose agent calls each tool of the server once.

`python conformance_client.py URL`
"""

import sys
import tempfile
from typing import Any

import genie_nb as gn


def value(schema: dict[str, Any]) -> Any:
    return {"number": 5, "integer": 5, "boolean": True}.get(schema.get("type", ""), "text")


def script(messages: Any, tools: Any) -> gn.Say:
    far = [tool for tool in tools if "__" in tool.name]
    if messages[-1].role != "user":
        return gn.Say("done")
    arguments = [{name: value(about) for name, about in tool.parameters["properties"].items()} for tool in far]
    return gn.Say("calling", calls=[(tool.name, given) for tool, given in zip(far, arguments, strict=True)])


def main() -> int:
    with tempfile.TemporaryDirectory() as folder:
        genie = gn.Genie(
            model=gn.ScriptedModel(script), agent="react", mcp=[sys.argv[-1]], mcp_wait_s=30, runs_folder=folder
        )
        run = genie.ask("Call every tool.", show=False).result(timeout_s=120)
    calls = list(run.transcript.calls.values())
    for call in calls:
        print(call.tool, call.status, call.output[:200])
    return 0 if run.status == "finished" and all(call.status == "ok" for call in calls) else 1


if __name__ == "__main__":
    sys.exit(main())
