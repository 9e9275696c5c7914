"""Reporter: works like react, and always ends with a report as a file; the tool service's `/v1/tool/report`.

A model that calls the tool `report` has written it there. One that replies with the report itself has written it so, and the
file is made of its reply. Form and name are the settings `report_format` and `report_name`.

Below: `react`, `tools/report`.
"""

import dataclasses

from genie_nb.backend.agents.base import Answer
from genie_nb.backend.agents.react import React
from genie_nb.backend.context import RunContext
from genie_nb.backend.models.base import ChatModel
from genie_nb.backend.reports.building import SUFFIXES, report_name
from genie_nb.backend.tools.base import ToolBox
from genie_nb.backend.tools.report import make_report_file
from genie_nb.errors import RequestError, ToolFailed

__all__ = ("Reporter",)

_WISH = {
    "en": "Work it out first, then write it as a report with the tool report.",
    "zh": "先完成分析，再用工具 report 写成报告。",
}


class Reporter:
    """Thinks and acts, then hands over a report."""

    async def run(self, model: ChatModel, tools: ToolBox, context: RunContext) -> Answer:
        """Work until the report is written.

        Raises:
            RequestError: The report's name cannot be used, or what was written is no report.
            StepLimit: It was not within its steps.
            RepeatedCall: The model made the same call with the same result a third time.
            ModelError: The model failed.
        """
        wanted = context.settings.report_format
        try:
            name = report_name(context.settings.report_name, wanted)
            asked = dataclasses.replace(context, query=f"{context.query}\n\n{_WISH[context.language]}")
            answer = await React().run(model, tools, asked)
            files = context.printer.transcript.files
            made = [
                file
                for call in context.printer.transcript.calls.values()
                if call.tool == "report" and call.status == "ok"
                for file in files.values()
                if file.name.endswith(SUFFIXES[wanted]) and file.name in call.output
            ]
            file = made[-1] if made else await make_report_file(context, answer.text, wanted, name)
        except ToolFailed as failed:
            raise RequestError(str(failed)) from failed
        return Answer(answer.text, (file,))
