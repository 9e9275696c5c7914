"""Which tools of MCP servers a question means, by their namespaced names."""

import pytest

from genie_nb.backend.models.analyst.user_tools import arguments_for, tool_for
from genie_nb.backend.models.base import ToolSpec

CITY = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
PAIR = {"type": "object", "properties": {"a": {"type": "number"}, "b": {"type": "number"}}, "required": ["a", "b"]}
TOOLS = (
    ToolSpec("demo__weather", "Today's weather of a city.", CITY),
    ToolSpec("demo__get-sum", "Adds two numbers.", PAIR),
    ToolSpec("demo__list", "List things.", CITY),
)
MEANT = {
    "What is the weather today in Bern?": ("demo__weather", {"city": "Bern"}),
    "demo__weather of Bern": ("demo__weather", {"city": "Bern"}),
    "get-sum of 2 and 3": ("demo__get-sum", {"a": 2, "b": 3}),
    "Use get sum of 2 and 3": ("demo__get-sum", {"a": 2, "b": 3}),
    "list the regions by sales": None,
    "Draw the total by region.": None,
}


@pytest.mark.parametrize("question", MEANT)
def test_a_question_means_a_tool_of_a_server_by_its_words(question: str) -> None:
    tool = tool_for(question, TOOLS)
    assert (tool and (tool.name, arguments_for(question, tool, ()))) == MEANT[question]
