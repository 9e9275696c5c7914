"""A model that thinks for a search: it decomposes, judges and answers, and its replies are read with patience.

Above: `deep_search`. Below: `asking`, `search_prompts`, `models/sections`.
"""

import json
import re
from collections.abc import Sequence
from typing import Any

from genie_nb.backend.asking import Voice, ask
from genie_nb.backend.context import RunContext, language_of
from genie_nb.backend.history import History
from genie_nb.backend.models.base import ChatMessage, ChatModel
from genie_nb.backend.models.sections import section
from genie_nb.backend.search.base import Document
from genie_nb.backend.search.deep import Judged
from genie_nb.backend.tools.search_prompts import PROMPTS
from genie_nb.parts import Hit

__all__ = ("ModelThinker",)

SHARE = 0.3
"""So many characters for each token of the model's length may be passages: a Chinese character is about one token."""
_MARK = re.compile(r"^\s*(?:[-*•]|\d{1,2}[.)、]|\"|“)*\s*")
_QUERY_CHARACTERS = 300


class ModelThinker:
    """Thinks with the model of a run; what it says beside the answer is not printed."""

    def __init__(self, model: ChatModel, context: RunContext, voice: Voice) -> None:
        self._model, self._context, self._voice = model, context, voice

    async def decompose(self, question: str, most: int) -> list[str]:
        """The queries for a question.

        Raises:
            ModelError: No complete reply came.
        """
        return _lines(await self._ask(question, {"wanted": "queries", "most": most}))[:most]

    async def judge(self, question: str, found: Sequence[Document], asked: Sequence[str], most: int) -> Judged:
        """Whether these passages are enough.

        Raises:
            ModelError: No complete reply came.
        """
        job = {"wanted": "verdict", "most": most, "asked": list(asked)}
        hits = [Hit(title=one.title, source=one.source, text=one.text, number=n) for n, one in enumerate(found, 1)]
        return _judged(await self._ask(question, job, hits), most)

    async def answer(self, question: str, hits: Sequence[Hit]) -> str:
        """The answer, printed as it comes.

        Raises:
            ModelError: No complete reply came.
        """
        return await self._ask(question, {"wanted": "answer"}, hits, self._voice)

    async def _ask(
        self, question: str, job: dict[str, Any], hits: Sequence[Hit] | None = None, voice: Voice | None = None
    ) -> str:
        told = [section("question", question), section("search", json.dumps(job, ensure_ascii=False))]
        if hits is not None:
            told.append(section("passages", "\n".join(self._fitting(hits))))
        history = History(
            ChatMessage("system", PROMPTS[job["wanted"], language_of(question)]),
            ChatMessage("user", "\n".join(told)),
            context_tokens=self._model.context_tokens,
        )
        silent = Voice(None, None, show_calls=False)
        reply = await ask(self._model, history, (), self._context, voice or silent)
        return reply.text

    def _fitting(self, hits: Sequence[Hit]) -> list[str]:
        """Each passage as a line of JSON, cut so that all of them fit the model."""
        room = int(self._model.context_tokens * SHARE) // max(1, len(hits))
        return [
            json.dumps(
                {"number": hit.number, "title": hit.title, "source": hit.source, "text": hit.text[:room]}, ensure_ascii=False
            )
            for hit in hits
        ]


def _lines(reply: str) -> list[str]:
    """The queries of a reply: a JSON list, or one a line, whatever marks stand before them."""
    text = re.sub(r"^```\w*$", "", reply.strip(), flags=re.MULTILINE).strip()
    if text.startswith(("[", "{")):
        try:
            value = json.loads(text)
            queries = value.get("queries", []) if isinstance(value, dict) else value
            return [str(query) for query in queries if isinstance(query, str)]
        except (ValueError, RecursionError):
            pass  # it only looked like JSON
    lines = (_MARK.sub("", line).strip().strip('"“”') for line in text.split("\n"))
    return [line[:_QUERY_CHARACTERS] for line in lines if line]


def _judged(reply: str, most: int) -> Judged:
    """The verdict of a reply; one that cannot be read ends the search, as going round in circles helps nobody."""
    found = re.search(r"\{.*\}", reply, re.DOTALL)
    try:
        value = json.loads(found[0]) if found else None
    except (ValueError, RecursionError):
        value = None
    if not isinstance(value, dict) or "enough" not in value:
        return Judged(enough=True, why=" ".join(reply.split())[:300])
    queries = value.get("queries")
    asked = tuple(query for query in queries if isinstance(query, str)) if isinstance(queries, list) else ()
    enough = value["enough"] is True or str(value["enough"]).lower() in ("true", "yes", "是", "1")
    return Judged(enough=enough, why=" ".join(str(value.get("why") or "").split())[:300], queries=asked[:most])
