"""An MCP server as a child, for tests: it answers, floods, lies, hangs or dies as it is told.

What it is told goes into the file NOTES, one line each.
"""

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

OPEN = {"type": "object", "properties": {}}
CITY = {"type": "object", "properties": {"city": {"type": "string", "description": "A city."}}, "required": ["city"]}
TOOLS = [
    {"name": "weather", "description": "Today's weather of a city.", "inputSchema": CITY},
    {"name": "secrets", "description": "Which variables it was given.", "inputSchema": OPEN},
    {"name": "fail", "description": "Fail.", "inputSchema": OPEN},
    {"name": "work", "description": "Work for a while.", "inputSchema": OPEN},
    {"name": "hang", "description": "Never answer.", "inputSchema": OPEN},
    {"name": "die", "description": "End in mid-call.", "inputSchema": OPEN},
    {"name": "flood", "description": "Send notifications without end.", "inputSchema": OPEN},
    {"name": "huge", "description": "Send one very long message.", "inputSchema": OPEN},
    {"name": "grow", "description": "Have another tool from now on.", "inputSchema": OPEN},
    {"name": "nonsense", "description": "Answer with what is no answer.", "inputSchema": OPEN},
]
RECURSIVE = {"type": "object", "properties": {"a": {"$ref": "#"}}, "required": ["a"]}
LIST_OF_NUMBERS = {"type": "array", "items": {"type": "number"}}
LYING = [
    {"name": "half", "inputSchema": {"type": "object", "properties": {"a": {"anyOf": 5, "enum": {}}}, "required": ["b"]}},
    {"name": "turns/round.and round", "description": "x" * 100_000, "inputSchema": RECURSIVE},
    {"name": "turns_round_and_round", "inputSchema": OPEN},
    {"name": "far", "inputSchema": {"type": "object", "properties": {"a": {"$ref": "http://127.0.0.1:9/schema"}}}},
]


def send(**message: Any) -> None:
    sys.stdout.write(json.dumps({"jsonrpc": "2.0", **message}) + "\n")
    sys.stdout.flush()


def answer(asked: dict[str, Any], **result: Any) -> None:
    send(id=asked["id"], result=result)


def text(asked: dict[str, Any], words: str, **more: Any) -> None:
    answer(asked, content=[{"type": "text", "text": words}], **more)


class Child:
    def __init__(self, mode: str, notes: Path) -> None:
        self.mode, self.notes = mode, notes
        self.tools = list(LYING if mode == "lying" else TOOLS)

    def note(self, line: str) -> None:
        with self.notes.open("a") as file:
            file.write(line + "\n")

    def serve(self) -> None:
        self.note(f"began {os.getpid()}")
        if self.mode == "hanging":
            time.sleep(60)
        if self.mode == "dying":
            sys.exit("No database at the usual place.")
        if self.mode == "stubborn":
            self.note(f"child {subprocess.Popen(['sleep', '60']).pid}")
        print("This line is no message.", flush=True)
        for line in sys.stdin:
            self.hear(json.loads(line))
        if self.mode == "stubborn":
            time.sleep(60)

    def hear(self, asked: dict[str, Any]) -> None:
        match asked.get("method"):
            case "initialize":
                version = asked["params"]["protocolVersion"]
                capabilities = {"tools": {"listChanged": True}, "logging": {}}
                answer(asked, protocolVersion=version, capabilities=capabilities, serverInfo={"name": "c", "version": "1"})
            case "tools/list":
                self.list(asked)
            case "tools/call":
                self.note(f"called {asked['params']['name']}")
                getattr(self, "do_" + asked["params"]["name"], self.do_nothing)(asked)
            case "notifications/cancelled":
                self.note("cancelled")
            case method if "id" in asked:
                send(id=asked["id"], error={"code": -32601, "message": f"no {method}"})
            case _:
                pass

    def list(self, asked: dict[str, Any]) -> None:
        self.note("listed")
        if self.mode == "endless":
            answer(asked, tools=[{**TOOLS[0], "description": "x" * 900_000}], nextCursor=str(time.time_ns()))
        elif self.mode == "many":
            answer(asked, tools=[{"name": f"t{n}", "inputSchema": OPEN} for n in range(1000)])
        elif self.mode == "untyped":
            answer(asked, tools=[{"name": "sum", "inputSchema": LIST_OF_NUMBERS}])
        else:
            answer(asked, tools=self.tools)

    def do_nothing(self, asked: dict[str, Any]) -> None:
        text(asked, "nothing")

    def do_weather(self, asked: dict[str, Any]) -> None:
        told = {"city": asked["params"]["arguments"]["city"], "sky": "clear"}
        text(asked, json.dumps(told), structuredContent=told)

    def do_secrets(self, asked: dict[str, Any]) -> None:
        text(asked, json.dumps(dict(os.environ)))

    def do_fail(self, asked: dict[str, Any]) -> None:
        text(asked, "There is no such city.", isError=True)

    def do_work(self, asked: dict[str, Any]) -> None:
        token = asked["params"].get("_meta", {}).get("progressToken")
        for done in (1, 2, 3):
            progress = {"progressToken": token, "progress": done, "total": 3, "message": f"part {done}"}
            send(method="notifications/progress", params=progress)
        send(method="notifications/message", params={"level": "warning", "data": "nearly done"})
        print("a word on the side", file=sys.stderr, flush=True)
        text(asked, "done")

    def do_hang(self, asked: dict[str, Any]) -> None:
        pass

    def do_die(self, asked: dict[str, Any]) -> None:
        print("Out of memory.", file=sys.stderr, flush=True)
        os._exit(7)

    def do_flood(self, asked: dict[str, Any]) -> None:
        while True:
            send(method="notifications/message", params={"level": "info", "data": "x" * 200})

    def do_huge(self, asked: dict[str, Any]) -> None:
        sys.stdout.write(" " * (64 * 2**20) + "\n")
        text(asked, "late")

    def do_grow(self, asked: dict[str, Any]) -> None:
        self.tools.append({"name": "grown", "description": "New.", "inputSchema": OPEN})
        send(method="notifications/tools/list_changed")
        text(asked, "there is a new one")

    def do_nonsense(self, asked: dict[str, Any]) -> None:
        answer(asked, content={"not": "a list"})


if __name__ == "__main__":
    Child(sys.argv[1], Path(sys.argv[2])).serve()
