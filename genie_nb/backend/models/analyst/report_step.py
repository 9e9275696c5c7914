"""The step that has the report written: its title in the plan, and the call of the tool.

Above: `planner`, `executor`. Below: `jobs`, `report_wish`, `conversation`.
"""

from collections.abc import Sequence

from genie_nb.backend.models.analyst.conversation import Call, Conversation, Script
from genie_nb.backend.models.analyst.followups import refers_back
from genie_nb.backend.models.analyst.jobs import Job
from genie_nb.backend.models.analyst.phrases import say
from genie_nb.backend.models.analyst.report_wish import ReportWish

__all__ = ("report_job", "report_script", "report_title", "worth_a_report")

_FORMS = {"html": ("as a page", "网页"), "markdown": ("in Markdown", "Markdown"), "pptx": ("as slides", "幻灯片")}


def worth_a_report(jobs: Sequence[Job]) -> bool:
    """Whether anything is done that a report could tell of; to say what can be asked is nothing such."""
    return any(job.stage not in ("Answer", "回答") for job in jobs)


def report_title(wish: ReportWish, language: str) -> str:
    """What the plan calls it."""
    form = _FORMS.get(wish.format)
    if form is None:
        return say("Write the report", "撰写报告", language)
    return say(f"Write the report {form[0]}", f"撰写报告（{form[1]}）", language)


def report_job(conversation: Conversation) -> Job:
    """The last step of a plan that ends in a report."""
    assert conversation.wish is not None
    title = report_title(conversation.wish, conversation.language)
    return Job(title, say("Report", "报告", conversation.language), lambda suffix: report_script(conversation, ""))


def report_script(conversation: Conversation, found: str) -> Script:
    """Call the tool; `found` is what no task of the run has said."""
    language, wish = conversation.language, conversation.wish
    assert wish is not None
    spec = next(tool for tool in conversation.tools if tool.name == "report")
    arguments = {"task": "overview" if refers_back(conversation.question) else conversation.question}
    if wish.format and "fileType" in (spec.parameters.get("properties") or {}):  # JDGenie's own service
        arguments["fileType"] = "ppt" if wish.format == "pptx" else wish.format
    elif wish.format:
        arguments["format"] = wish.format
    if found:
        arguments["findings"] = found
    thought = say("What was found becomes a report, by template.", "把得到的结果按模板写成报告。", language)
    output = yield Call("report", arguments, thought)
    first = output.strip().splitlines()[-1] if output.strip() else ""
    if not first.startswith(("The report is written: ", "file: ")):
        return say(f"The report could not be made: {first}", f"报告未能生成：{first}", language)
    name = first.partition(": ")[2].split(" (")[0]
    return say(f"The report is written: `{name}`.", f"报告已写好：`{name}`。", language)
