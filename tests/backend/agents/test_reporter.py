"""The reporter: works like react and always ends with a report as a file."""

from pathlib import Path
from typing import Any

import pytest

from genie_nb.backend.agents.reporter import Reporter
from genie_nb.backend.models.scripted import Say, ScriptedModel
from genie_nb.backend.tools.base import ToolBox
from genie_nb.backend.tools.report import report_tool
from genie_nb.errors import RequestError
from tests.fakes import make_context, run


def work(folder: Path, *replies: Any, **settings: Any) -> tuple[Any, ScriptedModel]:
    context = make_context(folder, query="销售如何?", slide_pictures=False, **settings)
    model = ScriptedModel([reply if isinstance(reply, Say) else Say(reply) for reply in replies])
    tools = ToolBox([report_tool(context.settings, model)])
    return run(Reporter().run(model, tools, context)), model


def test_a_reply_that_is_the_report_becomes_the_file(tmp_path: Path) -> None:
    answer, model = work(tmp_path, "# 报告\n\n好。", report_name="销售")
    assert (answer.text, [file.name for file in answer.files]) == ("# 报告\n\n好。", ["销售.html"])
    assert "再用工具 report 写成报告" in model.asked[0][-1].content


def test_what_the_tool_wrote_is_the_report_even_under_another_name(tmp_path: Path) -> None:
    call = Say("", [("report", {"task": "t", "file_name": "other"})])
    answer, _ = work(tmp_path, call, "# 报告\n\n好。", "写好了。", report_format="markdown")
    assert (answer.text, [file.name for file in answer.files]) == ("写好了。", ["other.md"])
    assert [path.name for path in tmp_path.iterdir()] == ["other.md"]


def test_a_call_in_another_form_is_not_the_report_that_was_asked_for(tmp_path: Path) -> None:
    call = Say("", [("report", {"task": "t", "format": "html"})])
    answer, _ = work(tmp_path, call, "# 报告", "# 又写", report_format="pptx")
    assert [file.name for file in answer.files] == ["report.pptx"]


def test_a_whole_page_stays_as_it_is(tmp_path: Path) -> None:
    page = "<!DOCTYPE html>\n<html><body>四十二</body></html>"
    work(tmp_path, f"```html\n{page}\n```")
    assert (tmp_path / "report.html").read_text(encoding="utf-8") == page


@pytest.mark.parametrize("name", ["../x", "/x", "a\0b", "con", "x" * 300])
def test_a_hostile_name_ends_the_run_before_it_begins(tmp_path: Path, name: str) -> None:
    folder = tmp_path / "run"
    folder.mkdir()
    with pytest.raises(RequestError, match="file name"):
        work(folder, report_name=name)
    assert list(tmp_path.rglob("*")) == [folder]
