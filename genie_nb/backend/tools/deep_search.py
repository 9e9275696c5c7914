"""Deep search as a tool: the loop over the engines that the settings give, thought through by the run's own model.

What it finds is shown stage by stage; the answer is printed as it comes, with numbers that lead to the passages. The numbers
go on from call to call, so that within one run each leads to one passage.

Above: the session, the agents. Below: `search`, `search_thinker`, `asking`.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from genie_nb.backend.asking import Voice
from genie_nb.backend.context import RunContext, language_of
from genie_nb.backend.models.base import ChatModel, ToolSpec
from genie_nb.backend.search.base import Document, Engine, ReadPage
from genie_nb.backend.search.deep import Bounds, DeepSearch, Tools
from genie_nb.backend.search.engines import Pages, create_engines
from genie_nb.backend.settings import Settings
from genie_nb.backend.tools.base import Call, Tool
from genie_nb.backend.tools.search_thinker import ModelThinker
from genie_nb.errors import ModelError, ToolFailed
from genie_nb.parts import Hit, ProgressPart, SearchPart, cited_numbers

__all__ = ("DeepSearchTool", "deep_search_tool")

QUESTION_CHARACTERS = 4_000
ANSWER_S = 600.0
"""Seconds that the answer may take after the search."""
_DESCRIPTION = (
    "Search in depth and answer with numbered citations: {scope}. It makes its own queries, reads what it finds and looks "
    "again if that is not enough, so ask one whole question. Cite its numbers, e.g. [2], in what you write."
)
_NOTHING = {
    "en": "Nothing was found for “{question}”. Searched: {queries}.",
    "zh": "没有找到与“{question}”有关的内容。搜索过：{queries}。",
}


class DeepSearchTool:
    """Answers questions from what its engines find."""

    def __init__(self, model: ChatModel, engines: Sequence[Engine], reader: ReadPage, bounds: Bounds) -> None:
        self._model, self._engines, self._reader, self._bounds = model, engines, reader, bounds
        self._numbers: dict[tuple[str, str], int] = {}
        self.timeout_s = bounds.seconds + ANSWER_S
        scope = "; ".join(engine.scope for engine in engines)
        self.spec = ToolSpec("deep_search", _DESCRIPTION.format(scope=scope), _parameters(bounds.rounds))

    async def call(self, call: Call) -> str:
        """Search and answer; returns the answer and its sources.

        Raises:
            ToolFailed: The question is none, nothing could be searched, or the model failed.
        """
        question = _question(call.arguments)
        bounds = replace(self._bounds, rounds=_rounds(call.arguments, self._bounds.rounds))
        context, voice = _speaker(call.context)
        thinker = ModelThinker(self._model, context, voice)

        def tell(words: str, read: int) -> None:
            if read:
                call.show(ProgressPart(done=read, message=words))
            else:
                context.printer.note(words)

        search = DeepSearch(question, Tools(self._engines, self._reader, thinker, call.show, tell), bounds)
        try:
            found = await search.run()
            if not found.sources:
                return _say_nothing(question, search.asked, context, voice)
            hits = self._numbered(found.sources)
            call.show(SearchPart(stage="sources", query=question, hits=hits))
            answer = await thinker.answer(question, hits)
        except ModelError as error:
            raise ToolFailed(f"The search stopped because its model failed: {error}") from error
        cited = cited_numbers(answer)
        listed = "\n".join(f"- [{hit.number}] {hit.title} ({hit.source})" for hit in hits if hit.number in cited)
        return f"{answer}\n\nSources:\n{listed}" if listed else answer

    def _numbered(self, sources: Sequence[Document]) -> tuple[Hit, ...]:
        numbers = [self._numbers.setdefault((one.source, one.text), len(self._numbers) + 1) for one in sources]
        return tuple(
            Hit(title=one.title, source=one.source, text=one.text, number=number)
            for one, number in zip(sources, numbers, strict=True)
        )

    async def close(self) -> None:
        """Nothing is held between calls."""


def deep_search_tool(settings: Settings, model: ChatModel) -> Tool:
    """The tool with the engines that the settings give.

    Raises:
        SettingsError: An engine is named that lacks its key or its folders.
    """
    search = settings.search
    bounds = Bounds(search.rounds, search.queries, search.hits, search.pages, search.sources, search.seconds)
    return DeepSearchTool(model, create_engines(search), Pages(search), bounds)


def _parameters(rounds: int) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": {
            "query": {"type": "string", "description": "The whole question, in words."},
            "rounds": {
                "type": "integer",
                "description": f"How often to look again at most, 1 to {rounds}.",
                "minimum": 1,
                "maximum": rounds,
                "default": rounds,
            },
        },
        "required": ["query"],
        "additionalProperties": False,
    }


def _question(arguments: dict[str, Any]) -> str:
    question = arguments.get("query")
    if not isinstance(question, str) or not question.strip():
        raise ToolFailed("The argument query must be the question to search for, as text.")
    if len(question) > QUESTION_CHARACTERS:
        raise ToolFailed(
            f"The argument query has {len(question):,} characters; a search takes {QUESTION_CHARACTERS:,}. Ask in short."
        )
    return question.strip()


def _rounds(arguments: dict[str, Any], most: int) -> int:
    rounds = arguments.get("rounds")
    if rounds is None:
        return most
    if isinstance(rounds, bool) or not isinstance(rounds, int) or rounds < 1:
        raise ToolFailed("The argument rounds must be a whole number of at least 1.")
    return min(rounds, most)


def _speaker(context: RunContext) -> tuple[RunContext, Voice]:
    """Who speaks: in a run that only searches the answer is the run's own; in others it is the tool's."""
    if context.settings.agent == "search":
        return context, Voice("answer", "answer")
    return context.for_task(context.printer.task_id, "deep_search"), Voice("report", "report")


def _say_nothing(question: str, asked: Sequence[str], context: RunContext, voice: Voice) -> str:
    language = language_of(question)
    queries = ("、" if language == "zh" else "; ").join(asked)
    said = _NOTHING[language].format(question=question, queries=queries)
    pen = context.printer.text(voice.alone)
    pen.write(said)
    pen.finish()
    return said
