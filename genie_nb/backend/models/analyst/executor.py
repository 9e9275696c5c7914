"""The executor's and the react agent's part: the work itself, call by call, and what came of it.

Above: `OfflineAnalyst`. Below: `jobs`, `conversation`.
"""

import re
from collections.abc import Sequence
from dataclasses import replace

from genie_nb.backend.models.analyst.conversation import MOST_CHARACTERS, Call, Conversation, Script, next_move
from genie_nb.backend.models.analyst.jobs import Job, job_of_wish, jobs_of, look_job
from genie_nb.backend.models.analyst.question import read_question, source_for
from genie_nb.backend.models.analyst.report_step import report_script, report_title, worth_a_report
from genie_nb.backend.models.analyst.summary import bolded
from genie_nb.backend.models.analyst.wish import Wish

__all__ = ("executing", "reacting")

_NO_FONT = re.compile(r"^(?:Charts show boxes in place of|图中的“.*”等字符显示为方框).*fonts-noto-cjk.*$", re.MULTILINE)


def executing(conversation: Conversation) -> Call | str:
    """The next call for a task, or the task's summary."""
    title = str(conversation.task.get("title", ""))
    if conversation.wish and title == report_title(conversation.wish, conversation.language):
        return next_move(report_script(conversation, ""), conversation.outputs)
    suffix = "_" + re.sub(r"\W", "_", str(conversation.task.get("id", "s0")))
    move = next_move(_together(_jobs_for(conversation), suffix), conversation.outputs)
    return _with_fonts(move, conversation.outputs) if isinstance(move, str) else move


def _with_fonts(text: str, outputs: Sequence[str]) -> str:
    """The text, and what the code interpreter said of a font that its charts lack."""
    said = next((found[0] for output in outputs if (found := _NO_FONT.search(output))), "")
    return f"{text}\n\n{said}" if said and said not in text else text


def reacting(conversation: Conversation) -> Call | str:
    """The next call for a question, or its answer."""
    jobs = jobs_of(conversation)
    script = _with_report(conversation, jobs) if conversation.wish and worth_a_report(jobs) else _together(jobs, "")
    move = next_move(script, conversation.outputs)
    return _with_fonts(bolded(move), conversation.outputs) if isinstance(move, str) else move


def _together(jobs: Sequence[Job], suffix: str) -> Script:
    texts: list[str] = []
    for at, job in enumerate(jobs):
        texts.append((yield from job.script(f"{suffix}_{at + 1}" if at else suffix)))
    return "\n\n".join(texts)


def _with_report(conversation: Conversation, jobs: Sequence[Job]) -> Script:
    found = yield from _together(jobs, "")
    written = yield from report_script(conversation, found)
    return f"{found}\n\n{written}"


def _jobs_for(conversation: Conversation) -> list[Job]:
    """The job whose title the task has; else what the task's own words ask for; else the question's jobs."""
    title = str(conversation.task.get("title", ""))
    jobs = jobs_of(conversation)
    for job in [*jobs, *_others(conversation, jobs)]:
        if job.title == title:
            return [job]
    own = f"{title}. {conversation.task.get('detail', '')}"[: MOST_CHARACTERS + 1]
    wishes = read_question(own, conversation.sources)
    if wishes:
        return [job_of_wish(wish, conversation.language) for wish in wishes]
    return jobs_of(replace(conversation, question=own)) if not conversation.sources else jobs


def _others(conversation: Conversation, jobs: Sequence[Job]) -> list[Job]:
    """The jobs that the planner may add: looking at a table, checking a column, listing its values."""
    wishes = [job.wish for job in jobs if job.wish is not None]
    source = wishes[0].source if wishes else source_for(conversation.question, conversation.sources)
    if source is None:
        return []
    checks = [Wish("quality", source, measures=(column,)) for column in source.columns]
    lists = [Wish("distinct", source, groups=(column,)) for column in source.columns]
    found = [job_of_wish(wish, conversation.language) for wish in (*checks, *lists, Wish("profile", source))]
    return [look_job(source, wishes, conversation.language), *found]
