"""JDGenie's page dialect, `/web/api/v1/gpt/queryAgentStreamIncr`: AgentResponse objects as packets with eventData.

Every data line is JSON, heartbeats too: the page gives up at the first that is not. It unlocks its input only at a packet
that is finished and has eventData, so each stream ends with one, however the run ended (# B1, B2, U1).

Above: `server`. Below: `genie_agent`, `genie_calls`.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

from genie_nb.backend.log.entry import Entry
from genie_nb.backend.wire import genie_agent as agent
from genie_nb.backend.wire.genie_calls import FileUrl, JsonObject, one_line

__all__ = ("CARRIED", "WebCoat", "WebPackets")

CARRIED: dict[str, agent.Carried] = agent.CARRIED | {
    "task_started": agent.Carried("carried", "task; left out of a react run, which is one group on the page"),
}
_COUNTED = ("html", "markdown", "deep_search", "tool_thought", "data_analysis")
_EMPTY_PLAN: JsonObject = {"title": "", "stages": [], "steps": [], "stepStatus": [], "notes": []}
_PREPARING = "准备"


class WebCoat:
    """A connection to the page; every event leaves at once.

    Attributes:
        heartbeat: A packet of its own.
    """

    due: float | None = None

    def __init__(self, request_id: str, agent_type: int, file_url: FileUrl) -> None:
        self._responses = agent.Responses(request_id, agent_type, file_url)
        self._packets = WebPackets(request_id, agent_type)
        self.heartbeat = _framed([self._packets.heartbeat()])

    def write(self, entries: Sequence[Entry]) -> bytes:
        """The packets of these entries."""
        return b"".join(self._take(response) for entry in entries for response in self._responses.take(entry.event))

    def flush(self) -> bytes:
        """Nothing is ever held."""
        return b""

    def last_words(self, reason: str | None) -> bytes:
        """The finished packet, if none was sent."""
        text = agent.CUT_SHORT.format(reason=reason or "no reason was given")
        return b"".join(map(self._take, self._responses.failure(text)))

    def _take(self, response: JsonObject) -> bytes:
        return _framed(self._packets.take(response))


class WebPackets:
    """Turns AgentResponse objects, ours or a remote server's, into packets for the page.

    Attributes:
        finished: Whether the finished packet was given; nothing follows it.
    """

    def __init__(self, request_id: str, agent_type: int) -> None:
        self.finished = False
        self._request_id = request_id
        self._react = agent_type == agent.REACT
        self._agent_type = agent_type
        self._planned = False
        self._seen = 0
        self._orders: Counter[tuple[str, str]] = Counter()
        self._headed: set[str] = set()
        self._task_id = f"{request_id}:run"
        self._answers: dict[str, str] = {}
        self._time = "0"

    def take(self, response: JsonObject) -> list[JsonObject]:
        """The packets that show this response; what the page would choke on is mended first."""
        message_type = str(response.get("messageType") or "")
        # An agent_stream is an empty chip on the page, a second react group ends it.
        if self.finished or message_type in ("", "agent_stream") or (message_type == "task" and self._react):
            return []
        response = self._mended(response)
        self._time = response["messageTime"]
        match message_type:
            case "plan_thought":
                return [self._packet(response, self._event("plan_thought", response, response))]
            case "plan" if not self._planned:
                self._planned = True
                return [self._packet(response, self._event("plan", response, response["plan"]))]
        task_id = self._group(response)
        head = [] if self._headed_or_needs_no_head(task_id, message_type) else self._head(task_id)
        return [*head, self._packet(response, self._task_event(task_id, response))]

    def heartbeat(self) -> JsonObject:
        """The packet that says only that the connection stands."""
        return self._envelope(None) | {"status": "success", "packageType": "heartbeat"}

    def failure(self, text: str) -> list[JsonObject]:
        """The finished packet with this text, unless there was one (# B1)."""
        response = {
            "requestId": self._request_id,
            "messageId": f"{self._request_id}:failure",
            "messageType": "result",
            "messageTime": self._time,
            "isFinal": True,
            "finish": True,
            "result": text,
            "resultMap": {"agentType": self._agent_type, "taskSummary": text, "fileList": []},
        }
        return self.take(response)

    def _mended(self, response: JsonObject) -> JsonObject:
        """The response without nulls, with everything that the page reads unseen."""
        mended = _members(response)
        mended["messageTime"] = str(mended.get("messageTime", self._time))  # U5
        self._seen += 1
        mended.setdefault("messageId", f"{self._request_id}:web:{self._seen}")
        mended.setdefault("isFinal", False)
        inner = _members(mended.get("resultMap"))
        match mended["messageType"]:
            case "plan":
                mended["plan"] = _EMPTY_PLAN | _members(mended.get("plan"))
            case "task_summary":
                inner.setdefault("fileList", [])
            case "file":
                inner["fileInfo"] = [{"fileName": "?", **_members(item)} for item in inner.get("fileInfo", [])]
            case "deep_search":
                inner = self._undoubled(mended["messageId"], inner)
        mended["resultMap"] = inner
        return mended

    def _undoubled(self, message_id: str, inner: JsonObject) -> JsonObject:
        """The final answer without what was sent already: the page appends it (# B18, U4)."""
        sent, answer = self._answers.get(message_id, ""), str(inner.get("answer") or "")
        if inner.get("isFinal") and sent:
            answer = answer.removeprefix(sent) if answer.startswith(sent) else ""
        self._answers[message_id] = sent + answer
        return inner | {"answer": answer} if "answer" in inner else inner

    def _group(self, response: JsonObject) -> str:
        """The group on the page: the event's own task (# B14), or the one that began last."""
        if self._react:
            return self._task_id
        named = str(_members(response.get("ext")).get("taskId", ""))
        task_id = named or self._task_id
        if response["messageType"] == "task":
            task_id = named or f"{self._request_id}:task-{self._seen}"
            self._task_id = task_id
            self._headed.add(task_id)
        elif response["messageType"] == "plan" and task_id not in self._headed:
            return f"{self._request_id}:plan"  # so that it does not come first in a group that is to be shown
        return task_id

    def _headed_or_needs_no_head(self, task_id: str, message_type: str) -> bool:
        return self._react or task_id in self._headed or message_type in ("plan", "result")

    def _head(self, task_id: str) -> list[JsonObject]:
        """A task for what comes before any: the page shows no group that begins otherwise."""
        self._headed.add(task_id)
        head = {"messageType": "task", "messageId": f"{task_id}:head", "messageTime": self._time, "isFinal": True}
        head |= {"requestId": self._request_id, "finish": False, "task": _PREPARING}
        return [self._packet(head, self._task_event(task_id, head))]

    def _task_event(self, task_id: str, response: JsonObject) -> JsonObject:
        self._orders["task", task_id] += 1
        placed = {"taskId": task_id, "taskOrder": self._orders["task", task_id]}
        return placed | self._event("task", response, response, task_id)

    def _event(self, event_type: str, response: JsonObject, shown: Any, task_id: str = "") -> JsonObject:
        message_type = response["messageType"]
        order = 1
        if message_type in _COUNTED or message_type == "plan_thought":
            self._orders[task_id, message_type] += 1
            order = self._orders[task_id, message_type]
        message_id = response["messageId"]
        return {"messageId": message_id, "messageType": event_type, "messageOrder": order, "resultMap": shown}

    def _packet(self, response: JsonObject, event: JsonObject) -> JsonObject:
        packet = self._envelope({"agentType": str(self._agent_type), "multiAgent": {}, "eventData": event})
        if response["messageType"] != "result" and not response.get("finish"):
            return packet
        self.finished = True
        text = str(response.get("result") or "")
        return packet | {"status": "success", "finished": True, "response": text, "responseAll": text}

    def _envelope(self, result_map: JsonObject | None) -> JsonObject:
        return {
            "status": "running",
            "response": "",
            "responseAll": "",
            "finished": False,
            "useTimes": 0,
            "useTokens": 0,
            "resultMap": result_map,
            "responseType": "text",
            "traceId": None,
            "reqId": self._request_id,
            "encrypted": False,
            "query": None,
            "messages": None,
            "packageType": "result",
            "errorMsg": None,
        }


def _members(value: Any) -> JsonObject:
    """What an object holds besides nulls, which JDGenie leaves out here; nothing where it is no object."""
    return {name: inner for name, inner in value.items() if inner is not None} if isinstance(value, dict) else {}


def _framed(packets: Iterable[JsonObject]) -> bytes:
    return b"".join(b"data:" + one_line(packet) + b"\n\n" for packet in packets)
