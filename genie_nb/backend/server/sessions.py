"""Sessions: the conversations of a server's clients, and how long each is remembered.

A session has the name that its client gives it, and every client has its own. The one that rested longest makes room for a
new one; one that rests too long is ended. Its files stay, its variables are gone.

Above: `host`. Below: `conversation`, `runs`.
"""

import asyncio
import secrets
from dataclasses import dataclass, field

from genie_nb.backend.conversation import Conversation
from genie_nb.backend.runs import Run, new_folder
from genie_nb.backend.settings import Settings
from genie_nb.errors import AdmissionRefused

__all__ = ("Session", "Sessions")

SWEEP_S = 60.0
"""Seconds between two looks for sessions that rest too long."""


@dataclass
class Session:
    """One conversation of a client.

    Attributes:
        asked: How many questions there were.
        open: How many of them have not ended.
        rests_since: When the last one ended, by the loop's clock.
    """

    conversation: Conversation
    asked: int = 0
    open: int = 0
    rests_since: float = field(default_factory=lambda: asyncio.get_running_loop().time())

    def missing(self, before: int) -> tuple[str, ...]:
        """What to tell a client that asked more questions before than are remembered here."""
        if before <= self.asked:
            return ()
        return (
            f"The server remembers {self.asked} of the {before} questions before this one: it was started anew, or the "
            "conversation rested for too long. Name again what this question needs.",
        )

    def begin(self, run: Run) -> None:
        """Count a question, and notice its end."""
        self.asked += 1
        self.open += 1
        run.on_end(self._end)

    def _end(self) -> None:
        self.open -= 1
        self.rests_since = asyncio.get_running_loop().time()


class Sessions:
    """The sessions of one server; lives on the backend's loop."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._sessions: dict[tuple[str, str], Session] = {}
        self._closing: set[asyncio.Task[None]] = set()
        self._sweeping: asyncio.TimerHandle | None = None

    def __len__(self) -> int:
        """How many are remembered."""
        return len(self._sessions)

    def find(self, owner: str, session_id: str) -> Session:
        """The client's session of that name; a new one, if none is remembered.

        Raises:
            AdmissionRefused: All that may be are at work.
        """
        session = self._sessions.get((owner, session_id))
        if session is None:
            self._make_room()
            session = Session(Conversation(new_folder(self._settings, f"chat-{secrets.token_hex(4)}")))
            self._sessions[owner, session_id] = session
            self._sweep_soon()
        return session

    def _make_room(self) -> None:
        most = self._settings.server.max_sessions
        if len(self._sessions) < most:
            return
        resting = [(session.rests_since, key) for key, session in self._sessions.items() if not session.open]
        if not resting:
            raise AdmissionRefused(
                f"All {most} conversations of this server are at work. Try again when one has its answer.",
                why="sessions",
                retry_after_s=10,
                status=429,
            )
        self._end(min(resting)[1])

    def _sweep_soon(self) -> None:
        if self._sweeping is None:
            every_s = min(SWEEP_S, self._settings.server.session_s)
            self._sweeping = asyncio.get_running_loop().call_later(every_s, self._sweep)

    def _sweep(self) -> None:
        self._sweeping = None
        old = asyncio.get_running_loop().time() - self._settings.server.session_s
        for key, session in list(self._sessions.items()):
            if not session.open and session.rests_since <= old:
                self._end(key)
        if self._sessions:
            self._sweep_soon()

    def _end(self, key: tuple[str, str]) -> None:
        closing = asyncio.ensure_future(self._sessions.pop(key).conversation.close())
        self._closing.add(closing)
        closing.add_done_callback(self._closing.discard)

    async def close(self) -> None:
        """End them all."""
        if self._sweeping:
            self._sweeping.cancel()
        for key in list(self._sessions):
            self._end(key)
        if self._closing:
            await asyncio.wait(self._closing)
