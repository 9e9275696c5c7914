"""Metrics of one server, in Prometheus' form.

Below: nothing of ours.
"""

from collections.abc import Callable

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

__all__ = ("Metrics",)


class Metrics:
    """What a server counts; each server has its own registry, so that several fit into one process."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()

        def counter(name: str, meaning: str, *labels: str) -> Counter:
            return Counter(f"genie_{name}", meaning, labels, registry=self.registry)

        def gauge(name: str, meaning: str, *labels: str) -> Gauge:
            return Gauge(f"genie_{name}", meaning, labels, registry=self.registry)

        self.links = gauge("links", "Open event streams.", "dialect")
        self.connections = gauge("connections", "Open connections, with or without a request.")
        self.runs = gauge("runs", "Runs that are kept, by state.", "state")
        self.queued = gauge("queued_runs", "Runs that wait for others to end.")
        self.lag = gauge("lag_events", "Events that the slowest reader has not been sent yet.")
        self.pending = gauge("pending_events", "Events in logs that some reader has not been sent yet.")
        self.events = counter("sent_events", "Events sent to readers.", "dialect")
        self.joined = counter("joined_events", "Events that went out as part of another one.", "dialect")
        self.sent_bytes = counter("sent_bytes", "Bytes sent to readers.", "dialect")
        self.heartbeats = counter("heartbeats", "Heartbeats sent.", "dialect")
        self.resumed = counter("resumed_links", "Streams opened after an event that the reader had.")
        self.snapshots = counter("snapshots", "Streams that began anew, as their place in the log was gone.")
        self.evicted = counter("evicted_links", "Streams cut because their reader took nothing.")
        self.refused = counter("refused_requests", "Requests refused for want of room, by what is full.", "why")
        self.tool_seconds = Histogram("genie_tool_seconds", "Seconds a tool call took.", ["tool"], registry=self.registry)

    def page(self, look: Callable[[], None]) -> bytes:
        """The metrics as text; `look` brings the gauges up to date first."""
        look()
        return generate_latest(self.registry)
