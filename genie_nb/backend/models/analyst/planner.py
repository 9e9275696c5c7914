"""The planner's part: a plan from the question, and another look at it whenever results are in.

Above: `OfflineAnalyst`. Below: `jobs`, `conversation`.
"""

import re
from typing import Any

from genie_nb.backend.models.analyst.conversation import MOST_CHARACTERS, Call, Conversation
from genie_nb.backend.models.analyst.jobs import Job, job_of_wish, jobs_of, look_job
from genie_nb.backend.models.analyst.phrases import say
from genie_nb.backend.models.analyst.report_step import report_job, report_title, worth_a_report
from genie_nb.backend.models.analyst.wish import Wish

__all__ = ("planning",)

_GONE = re.compile(r"(?:Missing: |缺失：|, |、)([^,、。：]+?) (\d+)/(\d+) [(（]")
_MUCH = 0.1
"""The share of missing values in a wanted column that is worth a step of its own."""


def planning(conversation: Conversation) -> Call:
    """The next call of `plan`."""
    if not conversation.plans:
        return _first(conversation)
    language = conversation.language
    steps = _steps(conversation.plans)
    extra = _needed(conversation, steps)
    if extra:
        change = {"add": extra} | _report_after(conversation, steps, extra)
        words = say("The results ask for one more step.", "根据已有结果，需要增加步骤。", language)
        return Call("plan", change, words)
    done = {str(entry.get("step")) for entry in conversation.results}
    if done >= set(steps):
        words = say("Every step has its result; the answer can be written.", "所有步骤都有结果，可以作答。", language)
        return Call("plan", {"finish": True}, words)
    dead = [
        step for step, entry in steps.items() if step not in done and _failed(conversation) & set(entry.get("after") or [])
    ]
    if dead:
        words = say(
            "A step failed; what hangs on it still runs by itself.", "有步骤失败；依赖它的步骤改为独立执行。", language
        )
        again = [{**steps[step], "id": f"{step}b", "after": []} for step in dead]
        return Call("plan", {"drop": dead, "add": again}, words)
    left = [str(entry["title"]) for step, entry in steps.items() if step not in done]
    words = say(f"Next: {'; '.join(left)}.", f"接下来：{'；'.join(left)}。", language)
    return Call("plan", {"mark": []}, words)


def _report_after(
    conversation: Conversation, steps: dict[str, dict[str, Any]], extra: list[dict[str, Any]]
) -> dict[str, list[Any]]:
    """The change that lets the report wait for the added steps too, if it is not written yet."""
    title = report_title(conversation.wish, conversation.language) if conversation.wish else ""
    written = {str(entry.get("step")) for entry in conversation.results}
    waiting = next((step for step, entry in steps.items() if entry.get("title") == title and step not in written), None)
    if waiting is None:
        return {}
    added = [str(entry["id"]) for entry in extra]
    later = {**steps[waiting], "id": f"{waiting}r", "after": [*(steps[waiting].get("after") or []), *added]}
    return {"drop": [waiting], "add": [*extra, later]}


def _failed(conversation: Conversation) -> set[str]:
    return {str(entry.get("step")) for entry in conversation.results if entry.get("status") == "failed"}


def _steps(plans: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """The steps of the plan as the calls so far made it."""
    steps: dict[str, dict[str, Any]] = {}
    for plan in plans:
        for name in plan.get("drop") or []:
            steps.pop(name, None)
        for entry in plan.get("add") or []:
            steps[str(entry["id"])] = entry
    return steps


def _first(conversation: Conversation) -> Call:
    language = conversation.language
    jobs = jobs_of(conversation)
    wishes = [job.wish for job in jobs if job.wish is not None]
    steps: list[dict[str, Any]] = []
    if wishes and not all(wish.kind == "profile" for wish in wishes):
        steps.append(_step(1, look_job(wishes[0].source, wishes, language), []))
    for job in jobs:
        after = ["s1"] if steps and wishes else []
        steps.append(_step(len(steps) + 1, job, after))
    if conversation.wish and worth_a_report(jobs):
        job = report_job(conversation)
        jobs = [*jobs, job]
        steps.append(_step(len(steps) + 1, job, [str(step["id"]) for step in steps]))
    titles = say("; ", "；", language).join(job.title for job in jobs)
    count = len(steps)
    thought = say(
        f"I work by rules and read the question as: {titles}. That takes {count} step{'s' if count > 1 else ''}.",
        f"我按规则工作，对问题的理解是：{titles}。共 {count} 步。",
        language,
    )
    if conversation.has_playbook:
        thought += say(
            " Rules cannot follow the playbook; a language model can.", "规则无法按流程手册执行，语言模型可以。", language
        )
    return Call("plan", {"title": titles[:120], "add": steps}, thought)


def _step(number: int, job: Job, after: list[str]) -> dict[str, Any]:
    detail = job.title
    if job.wish is not None and job.wish.loose:
        detail += f" [{job.wish.loose}]"
    return {
        "id": f"s{number}",
        "stage": job.stage,
        "title": job.title,
        "detail": detail,
        "after": after,
        "assignee": "executor",
    }


def _needed(conversation: Conversation, steps: dict[str, dict[str, Any]]) -> list[dict[str, Any]]:
    """Steps that the results ask for and that the plan does not hold yet."""
    titles = {str(entry.get("title")) for entry in steps.values()}
    wishes = [job.wish for job in jobs_of(conversation) if job.wish is not None]
    found: list[dict[str, Any]] = []
    for wish in _asked_for(conversation, wishes):
        job = job_of_wish(wish, conversation.language)
        if job.title not in titles and len(found) < 2:
            titles.add(job.title)
            found.append(_step(len(steps) + len(found) + 1, job, []))
    return found


def _asked_for(conversation: Conversation, wishes: list[Wish]) -> list[Wish]:
    asked: list[Wish] = []
    for entry in conversation.results:
        summary = str(entry.get("summary", ""))[:MOST_CHARACTERS]
        for name, gone, rows in _GONE.findall(summary):
            wanted = [
                (wish, column)
                for wish in wishes
                for column in (*wish.measures, *wish.groups)
                if column.name == name and wish.kind != "quality"
            ]
            if wanted and int(gone) >= _MUCH * int(rows):
                asked.append(Wish("quality", wanted[0][0].source, measures=(wanted[0][1],)))
        odd = re.search(r"values? of (.+?) could not be read|([^\s，。]+) 中有 [\d,]+ 个值无法解析", summary)
        broken = entry.get("status") == "failed" or summary.startswith(("This could not be computed", "无法完成计算"))
        empty = summary.startswith(("No rows are left", "没有符合条件的行"))
        wish = next((wish for wish in wishes if wish.kind not in ("quality", "profile")), None)
        if wish is None:
            continue
        if odd and (column := wish.source.column(odd[1] or odd[2])):
            asked.append(Wish("quality", wish.source, measures=(column,)))
        elif broken:
            asked.append(Wish("profile", wish.source))
        elif empty:
            texts = wish.source.of_role("category")[:1]
            times = [wish.time] if wish.time and not texts else []
            asked.append(Wish("distinct", wish.source, groups=tuple(texts or times)))
    return asked
