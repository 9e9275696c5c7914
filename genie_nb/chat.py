"""Conversations: questions that follow one another, kept over the kernel's life.

Above: `magics`, `cli`. Below: `session`, `backend.conversation`, `backend.chats`.
"""

import os
import secrets
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from genie_nb.backend.chats import ChatEntry, ChatStore
from genie_nb.backend.context import language_of
from genie_nb.backend.conversation import Conversation, Turn
from genie_nb.backend.inbox import Inbox, summary_of
from genie_nb.backend.loop import backend_loop
from genie_nb.backend.restored import RestoredRun
from genie_nb.backend.runs import RunRequest, new_folder
from genie_nb.backend.settings import Settings
from genie_nb.errors import RequestError
from genie_nb.parts import readable
from genie_nb.session import Genie, Paths, Run, Viewed, copies_of, in_notebook, paths_of

if TYPE_CHECKING:
    import pandas as pd

    from genie_nb.widgets.ask_box import AskBox

__all__ = ("Chat", "PastRun", "ask_box", "chats")

CLOSE_S = 10.0
"""Seconds that a conversation's kernel gets to end."""


class PastRun(Viewed, RestoredRun):
    """A question of a conversation that was opened again."""

    def __init__(self, *given: Any) -> None:
        super().__init__(*given)
        self._backend = backend_loop()


class Talk:
    """Questions that follow one another, wherever they are worked on.

    Attributes:
        chat_id: Its name.
        runs: Its questions so far, the oldest first.
    """

    chat_id: str
    runs: "list[Any]"

    def __len__(self) -> int:
        """How many questions were asked."""
        return len(self.runs)

    def __repr__(self) -> str:
        """The conversation in one line."""
        title = self.runs[0].query[:60] if self.runs else "nothing asked yet"
        return f"<Chat {self.chat_id}: {title!r}, {len(self)} question{'s'[: len(self) != 1]}>"

    def to_html(self, path: str | os.PathLike[str] | None = None) -> str:
        """The whole conversation as one page that needs nothing else; written too where a path is given.

        Raises:
            RequestError: It cannot be written there.
        """
        from genie_nb.widgets import takeaway

        return takeaway.to_html(self.runs, path)

    def to_markdown(self, path: str | os.PathLike[str] | None = None) -> str:
        """The whole conversation as Markdown; written too where a path is given.

        Raises:
            RequestError: It cannot be written there.
        """
        from genie_nb.widgets import takeaway

        return takeaway.to_markdown(self.runs, path)

    def to_json(self, path: str | os.PathLike[str] | None = None) -> str:
        """The whole conversation as JSON, a list of what `Run.to_json` gives; written too where a path is given.

        Raises:
            RequestError: It cannot be written there.
        """
        from genie_nb.widgets import takeaway

        return takeaway.to_json(self.runs, path)


class Chat(Talk):
    """A conversation: a question knows what was asked, answered and made before; variables and files stay.

    It is kept in `runs_folder`, also over a restart of the kernel; see `chats` and `Chat.reopen`.

    Attributes:
        chat_id: Its name among kept conversations.
        runs: Its questions so far, the oldest first.
    """

    def __init__(self, *, chat_id: str = "", **options: Any) -> None:
        """Begin a conversation.

        Args:
            chat_id: Its name; a new one is made where none is given.
            options: What `Genie` takes, e.g. `model="gpt-5-mini"`, `tools=[...]`.

        Raises:
            SettingsError: An option is unknown or has a wrong value, or conversations cannot be kept in `runs_folder`.
        """
        self.chat_id = chat_id or secrets.token_hex(6)
        self.runs: list[Run | PastRun] = []
        self._genie = Genie(**options)
        self._store = _store_of(self._genie.settings)
        self._conversation = Conversation(new_folder(self._genie.settings, f"chat-{secrets.token_hex(4)}"))

    def ask(
        self,
        query: str,
        *,
        files: Paths = (),
        data: "Mapping[str, pd.DataFrame] | None" = None,
        agent: str | None = None,
        show: bool = True,
    ) -> Run:
        """Ask the next question; returns at once. It is worked on when the one before has ended.

        Args:
            query: The question, in English or Chinese.
            files: Files that come in; those of earlier questions are still there.
            data: DataFrames by variable name.
            agent: `plan_solve` or `react`; the conversation's own where none is given.
            show: Whether the live view appears as output of the running cell, where there is a notebook.

        Raises:
            SettingsError: There is no such agent.
        """
        settings = self._genie.settings.with_run(agent=agent)
        tables = copies_of({} if data is None else data)
        remarks = settings.remarks(language_of(query))
        asked = readable(query)
        request = RunRequest(asked, settings, paths_of(files), tables, conversation=self._conversation, remarks=remarks)
        run = self._genie.prepare(request)
        self.runs.append(run)
        backend_loop().call(self._store.keep, run, self.chat_id)
        if show and in_notebook():
            run.view()
        return run.start()

    @property
    def settings(self) -> Settings:
        """The settings of its questions."""
        return self._genie.settings

    @classmethod
    def reopen(cls, chat_id: str, **options: Any) -> Self:
        """Go on with a kept conversation; its files are there, variables of its code are not.

        Raises:
            RequestError: There is no such conversation.
            SettingsError: An option has a wrong value, or the conversation cannot be read.
        """
        chat = cls(chat_id=chat_id, **options)
        backend_loop().submit(chat._store.settled()).result()
        for stored, entries in chat._store.runs(chat_id):
            run = PastRun(stored, entries, chat._store.folder)
            chat.runs.append(run)
            chat._conversation.turns.append(Turn.of(run.query, run.transcript))
        inputs = dict.fromkeys(file.name for run in chat.runs for file in run.transcript.inputs)
        chat._conversation.reopen(chat.runs[-1].folder, tuple(inputs))
        return chat

    def close(self) -> None:
        """End the conversation's Python session; it can be opened again."""
        backend_loop().submit(self._conversation.close()).result(timeout=CLOSE_S)

    def delete(self) -> None:
        """End the conversation, and forget it with all its files.

        Raises:
            SettingsError: It cannot be deleted.
        """
        for run in self.runs:
            run.cancel("The conversation was deleted.")
        for run in self.runs:
            run.result(timeout_s=CLOSE_S)
        backend_loop().submit(self._store.settled()).result()
        self.close()
        self._store.delete(self.chat_id, self._conversation.folder)
        self.runs.clear()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def ask_box(
    chat: Chat | None = None, *, files: Paths = (), data: "Mapping[str, pd.DataFrame] | None" = None, **options: Any
) -> "AskBox":
    """A box to ask in, as a cell's value: questions are typed, files dropped, and the answers follow one another above it.

    Args:
        chat: The conversation that its questions belong to; a new one where none is given.
        files: Files for the first question, by their paths; a page can bring more.
        data: DataFrames for the first question, by variable name.
        options: What `Chat` takes, for a new conversation.

    Raises:
        RequestError: A file cannot be used.
        SettingsError: An option is unknown or has a wrong value.
    """
    from genie_nb.widgets.ask_box import AskBox
    from genie_nb.widgets.composer import Offer

    if chat is not None and options:
        raise RequestError(f"A conversation that there is takes no {next(iter(options))}=; give it to gn.Chat(...).")
    talk, tables = chat or Chat(**options), [data] if data else []

    def start(query: str, *, agent: str, mode: str | None, files: list[Path]) -> Run:
        return talk.ask(query, files=files, data=tables.pop() if tables else None, agent=agent, show=False)

    settings = talk.settings
    box = AskBox(
        start,
        box=Inbox.within(settings.runs_folder),
        loop=backend_loop().loop,
        summary_of=summary_of,
        offer=Offer(tuple(dict.fromkeys(("plan_solve", "react", settings.agent))), settings.agent),
        on_close=lambda: talk.close() if chat is None else None,
    )
    box.add(*paths_of(files))
    return box


def chats(**options: Any) -> list[ChatEntry]:
    """The conversations that are kept in `runs_folder`, the last used first; `Chat.reopen(entry.chat_id)` goes on with one.

    Raises:
        SettingsError: An option has a wrong value, or the conversations cannot be read.
    """
    return _store_of(Settings.load(**options)).entries()


_stores: dict[Path, ChatStore] = {}
_stores_lock = threading.Lock()


def _store_of(settings: Settings) -> ChatStore:
    """The one store of a folder in this process."""
    folder = settings.runs_folder.expanduser().absolute()
    with _stores_lock:
        store = _stores.get(folder)
        if store is None:
            store = _stores[folder] = ChatStore(folder)
            backend_loop().on_close(store.close)
    return store
