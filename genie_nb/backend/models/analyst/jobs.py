"""The jobs of a question: each is a title for the plan and a script of tool calls that ends in a text.

A script is a generator: it yields the call it wants, is sent the tool's output, and returns its last words. Whoever runs it
sends the outputs that the conversation already holds, so that nothing has to be remembered between two replies.

Above: `planner`, `executor`. Below: `cells`, `wording`, `question`, `arithmetic`, `user_tools`.
"""
# ruff: noqa: E501 - a rule, a sentence or a line of written code stands on one line

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from genie_nb.backend.models.analyst.arithmetic import Computation, given_code, read_computation
from genie_nb.backend.models.analyst.cells import cell_for, look_cell
from genie_nb.backend.models.analyst.columns import Source, columns_from
from genie_nb.backend.models.analyst.conversation import MOST_CHARACTERS, Call, Conversation, Script, read_result
from genie_nb.backend.models.analyst.followups import wishes_of
from genie_nb.backend.models.analyst.labels import title_of
from genie_nb.backend.models.analyst.look import with_values
from genie_nb.backend.models.analyst.numbers import figure
from genie_nb.backend.models.analyst.phrases import say, too_long_text, unknown_text
from genie_nb.backend.models.analyst.question import MOST_WORDS, source_for
from genie_nb.backend.models.analyst.searching import asks_documents, subject_of
from genie_nb.backend.models.analyst.user_tools import arguments_for, converted_amount, tool_for
from genie_nb.backend.models.analyst.wish import Wish
from genie_nb.backend.models.analyst.wording import answer_text
from genie_nb.backend.models.base import ToolSpec

__all__ = ("Job", "job_of_wish", "jobs_of", "look_job")


@dataclass(frozen=True)
class Job:
    """One step's work; `script` takes a suffix for its variables."""

    title: str
    stage: str
    script: Callable[[str], Script]
    wish: Wish | None = None


def jobs_of(conversation: Conversation) -> list[Job]:
    """What there is to do for the question; one profiling or explaining job when no rule reads it."""
    question, language = conversation.question, conversation.language
    if len(question) > MOST_CHARACTERS:
        return [_long_job(MOST_CHARACTERS, language)]
    stage = say("Compute", "计算", language)
    tool = tool_for(question, conversation.tools)
    if tool is not None:
        return [
            Job(
                say(f"Ask {tool.name}", f"调用 {tool.name}", language),
                stage,
                lambda suffix: _tool_script(conversation, tool),
            )
        ]
    if subject := _subject(conversation):
        title = say(f"Search for {subject[:80]}", f"搜索{subject[:40]}", language)
        return [Job(title, say("Search", "搜索", language), lambda suffix: _search_script(subject, language))]
    if code := given_code(question):
        return [
            Job(
                say("Run the given Python", "运行给出的 Python 代码", language),
                stage,
                lambda suffix: _given_script(code, language),
            )
        ]
    computation = read_computation(question)
    wishes = wishes_of(question, conversation.earlier, conversation.sources)
    if computation is not None and not (wishes and _fits_table(wishes)):
        title = say(computation.english, computation.chinese, language)
        return [Job(title, stage, lambda suffix: _computation_script(computation, language))]
    source = source_for(question, conversation.sources)
    if source is not None and not source.columns:
        return [_blind_job(conversation, source)]
    if wishes:
        return _with_titles([job_of_wish(wish, language) for wish in wishes])
    if len(question) > MOST_WORDS:
        return [_long_job(MOST_WORDS, language)]
    return [_unknown_job(conversation, source)]


def _subject(conversation: Conversation) -> str | None:
    """What is to be searched for: what the question names, or the question itself where folders are all there is to ask."""
    question = conversation.question
    named = subject_of(question) if conversation.scope else None
    if named or conversation.sources or "folders" not in conversation.scope:
        return named
    computed = given_code(question) or read_computation(question)
    return question if asks_documents(question) and not computed else None


def _search_script(subject: str, language: str) -> Script:
    thought = say("The question is one for the documents: I search them.", "这个问题要查文档，先搜索。", language)
    return (yield Call("deep_search", {"query": subject}, thought))


def _fits_table(wishes: Sequence[Wish]) -> bool:
    """Whether the question names columns, so that its numbers are conditions and no sums to do."""
    return any((wish.measures and ("measure", wish.measures[0].name) not in wish.notes) or wish.groups for wish in wishes)


def _with_titles(jobs: list[Job]) -> list[Job]:
    """The same, with the words that tell two jobs of one title apart."""
    titles = [job.title for job in jobs]
    return [
        replace(job, title=f"{job.title} ({job.wish.loose})") if job.wish and titles.count(job.title) > 1 else job
        for job in jobs
    ]


def job_of_wish(wish: Wish, language: str) -> Job:
    """The job that fulfils a wish."""
    stage = (
        say("Draw", "画图", language)
        if wish.only_chart
        else say("Check", "检查", language)
        if wish.kind == "quality"
        else say("Compute", "计算", language)
    )
    return Job(title_of(wish, language), stage, lambda suffix: _wish_script(wish, suffix, language), wish)


def look_job(source: Source, wishes: Sequence[Wish], language: str) -> Job:
    """The job that looks at a table before anything is computed."""
    loose = " ".join(dict.fromkeys(wish.seek for wish in wishes if wish.seek))
    wish = Wish("look", source)
    title = say(f"Look at {source.name}", f"查看 {source.name}", language)
    return Job(title, say("Look", "查看", language), lambda suffix: _look_script(wish, suffix, loose, language))


def _code(code: str, thought: str) -> Call:
    return Call("code_interpreter", {"code": code}, thought)


def _look_script(wish: Wish, suffix: str, loose: str, language: str) -> Script:
    output = yield _code(
        look_cell(wish, suffix, loose),
        say(
            f"I look at the columns and the first rows of {wish.source.name}.",
            f"先查看 {wish.source.name} 的列和前几行。",
            language,
        ),
    )
    facts = read_result(output)
    if facts is None:
        return _failure(output, language)
    gone = [
        f"{entry['name']} {entry['missing']}/{facts['all_rows']} ({100 * entry['missing'] / max(facts['all_rows'], 1):.1f} %)"
        for entry in facts["look"]
        if entry["missing"]
    ]
    text = say(
        f"{wish.source.name} has {facts['all_rows']:,} rows and {len(facts['look'])} columns.",
        f"{wish.source.name} 有 {facts['all_rows']:,} 行、{len(facts['look'])} 列。",
        language,
    )
    text += say(
        " Missing: " + ", ".join(gone) + "." if gone else " No values are missing.",
        "缺失：" + "、".join(gone) + "。" if gone else "没有缺失值。",
        language,
    )
    for column, values in (facts.get("named") or {}).items():
        listed = say(", ", "、", language).join(f"“{value}”" for value in values[:5])
        text += say(f" {listed}: found in the column {column}.", f"{listed} 是“{column}”列中的值。", language)
    return text


def _wish_script(wish: Wish, suffix: str, language: str) -> Script:
    missed: tuple[str, ...] = ()
    if wish.seek:
        thought = say(
            "I look which words of the question are values in the rows.", "先看问题中的哪些词是表中的值。", language
        )
        output = yield _code(look_cell(wish, suffix, wish.seek), thought)
        wish, missed = with_values(wish, (read_result(output) or {}).get("named") or {})
    title = title_of(wish, language)
    output = yield _code(
        cell_for(wish, suffix, language), say(f"Now the numbers: {title}.", f"现在计算：{title}。", language)
    )
    facts = read_result(output)
    if facts is None and not _DENIED.match(output):
        thought = say(
            "That failed. I try again and clean every column first.",
            "执行失败。先清洗所有用到的列再试一次。",
            language,
        )
        output = yield _code(cell_for(wish, suffix, language, careful=True), thought)
        facts = read_result(output)
    if facts is None:
        return _failure(output, language)
    return answer_text(wish, facts, language, missed)


_DENIED = re.compile(r"The person refused this call|A rule of the person forbids|Nobody allowed this call")
_ERROR = re.compile(r"^(?:[\w.]+\.)?(\w+(?:Error|Exception))(?:: (.*))?$", re.MULTILINE)
_REASONS: dict[str, tuple[str, str]] = {
    "ZeroDivisionError": ("a division by zero has no result. Use another divisor.", "除以零没有结果，请换一个除数。"),
    "OverflowError": ("the number is too large. Use smaller numbers.", "数字过大，请使用较小的数。"),
    "ValueError": ("it has no real result, or a number is not what the computation needs. Check the numbers.", "没有实数结果，或数字不符合要求，请检查数字。"),
    "ParserError": (
        "the lines of the file do not have the same number of cells. Remove lines that are no part of the table, or save it again with one separator.",
        "文件各行的单元格数不一致。请删除不属于表格的行，或用统一的分隔符重新保存。",
    ),
}  # fmt: skip


def _reason(output: str) -> tuple[str, str]:
    """What went wrong, as the last error in a cell's output says it."""
    name, words = (_ERROR.findall(output) or [(found[1] if (found := re.search(r"raised (\w+)", output)) else "", "")])[-1]
    if name in _REASONS and not (name == "ValueError" and "domain" not in words):
        return _REASONS[name]
    told = f"{words or name or '–'}"[:200].rstrip(".。")
    advice = "Ask in other words, or ask what is in the file.", "请换一种问法，或先问文件里有什么。"
    return f"{told}. {advice[0]}", f"{told}。{advice[1]}"


def _failure(output: str, language: str) -> str:
    if _DENIED.match(output):
        return say(f"The code was not allowed to run: {output}", f"代码未获准运行：{output}", language)
    english, chinese = _reason(output)
    return say(f"This could not be computed: {english}", f"无法完成计算：{chinese}", language)


def _blind_job(conversation: Conversation, source: Source) -> Job:
    """The job for a table whose columns are not known before it is read: look, then all wishes one by one."""
    language = conversation.language

    def script(suffix: str) -> Script:
        output = yield _code(
            look_cell(Wish("look", source), suffix, conversation.question),
            say(f"I look at what {source.name} holds.", f"先查看 {source.name} 的内容。", language),
        )
        facts = read_result(output)
        if facts is None:
            return _failure(output, language)
        known = replace(
            source,
            columns=columns_from(facts["look"]),
            tidy=all(entry["name"] == entry["name"].strip() for entry in facts["look"]),
        )
        wishes = wishes_of(conversation.question, conversation.earlier, [known])
        texts = [] if wishes else [unknown_text(known, language)]
        for at, wish in enumerate(wishes or [Wish("profile", known)]):
            texts.append((yield from _wish_script(wish, f"{suffix}_{at + 1}" if at else suffix, language)))
        if above := (cut := facts.get("cut") or {}).get("above"):
            texts.append(_cut_text(source.name, above, totals=bool(cut.get("totals")), language=language))
        return "\n\n".join(texts)

    return Job(
        say(f"Work out the answer from {source.name}", f"根据 {source.name} 得出答案", language),
        say("Compute", "计算", language),
        script,
    )


def _cut_text(name: str, above: int, *, totals: bool, language: str) -> str:
    last = (
        say(", and its last line, which holds totals, is left out", "；最后一行是合计，未计入", language) if totals else ""
    )
    return say(
        f"The header of {name} stands below {above} other line{'s' * (above > 1)}, which {'are' if above > 1 else 'is'} skipped{last}.",
        f"{name} 的表头上方有 {above} 行其他内容，已跳过{last}。",
        language,
    )


def _unknown_job(conversation: Conversation, source: Source | None) -> Job:
    language = conversation.language
    other = next((entry for entry in conversation.sources if not entry.tabular), None)
    if source is None and other is not None:
        title = say(f"Look into {other.name}", f"查看 {other.name}", language)
        return Job(title, say("Look", "查看", language), lambda suffix: _other_script(other, language))
    if source is None:
        return Job(
            say("Say what can be done", "说明可以做什么", language),
            say("Answer", "回答", language),
            lambda suffix: _words_only(unknown_text(None, language)),
        )
    wish = Wish("profile", source)

    def script(suffix: str) -> Script:
        profile = yield from _wish_script(wish, suffix, language)
        return f"{unknown_text(source, language)}\n\n{profile}"

    return Job(title_of(wish, language), say("Look", "查看", language), script)


def _long_job(most: int, language: str) -> Job:
    title, stage = say("Say what can be done", "说明可以做什么", language), say("Answer", "回答", language)
    return Job(title, stage, lambda suffix: _words_only(too_long_text(most, language)))


def _words_only(text: str) -> Script:
    yield from ()
    return text


def _other_script(source: Source, language: str) -> Script:
    if source.kind in ("text", "pdf"):
        code = f"text = {source.read}\nwords = text.split()\nprint(text[:1000])\n" + _result(
            '{"lines": len(text.splitlines()), "words": len(words), "characters": len(text)}'
        )
    else:
        if source.kind == "object":
            return (yield from _object_script(source, language))
        code = f"content = {source.read}\n" + _result(
            '{"bytes": len(content)}' if "'rb'" in source.read else '{"type": type(content).__name__}'
        )
    output = yield _code(code, say(f"I look into {source.name}.", f"查看 {source.name}。", language))
    facts = read_result(output)
    if facts is None:
        return _failure(output, language)
    found = ", ".join(f"{name} {figure(value)}" for name, value in facts["value"].items())
    text = say(f"{source.name} ({source.kind}): {found}.", f"{source.name}({source.kind}):{found}。", language)
    return f"{text}\n\n{unknown_text(None, language)}"


def _object_script(source: Source, language: str) -> Script:
    output = yield _code(
        f"import json\n\nwith open({source.name!r}, encoding='utf-8-sig') as file:\n    content = json.load(file)\nprint(str(content)[:1000])\n"
        + _result("list(content)[:12] if isinstance(content, dict) else []"),
        say(f"I look into {source.name}.", f"查看 {source.name}。", language),
    )
    names = ", ".join(map(str, (read_result(output) or {}).get("value") or []))
    return say(
        f"{source.name} holds one JSON object ({names}) and no table, so there are no rows to compute with. Save a list of objects with the same names, such as [{{…}}, {{…}}].",
        f"{source.name} 是单个 JSON 对象（{names}）而不是表格，没有可计算的行。请保存为由同名字段对象组成的列表，例如 [{{…}}, {{…}}]。",
        language,
    )


def _result(value: str) -> str:
    return f'import json\nprint("RESULT " + json.dumps({{"value": {value}}}, ensure_ascii=False, default=str))\n'


def _computation_script(computation: Computation, language: str) -> Script:
    name = say(computation.english, computation.chinese, language)
    output = yield _code(
        f"{computation.code}\nprint(value)\n{_result('value')}",
        say(f"I compute it in Python: {name}.", f"用 Python 计算：{name}。", language),
    )
    facts = read_result(output)
    return _failure(output, language) if facts is None else _value_text(name, facts.get("value"), language)


def _value_text(name: str, value: Any, language: str) -> str:
    chinese = language == "zh"
    if isinstance(value, Mapping):
        listed = say(", ", "，", language).join(
            f"{_VALUES.get(key, (key, key))[chinese]} {figure(entry)}" for key, entry in value.items()
        )
        return say(f"{name}: {listed}.", f"{name}：{listed}。", language)
    if isinstance(value, bool):
        word = say("yes" if value else "no", "是" if value else "否", language)
        return say(f"{name}: {word}.", f"{name}：{word}。", language)
    shown = say(", ", "、", language).join(figure(entry) for entry in value) if isinstance(value, list) else _full(value)
    mark = " %" if re.search(r"percent|百分比", name) else ""
    return say(f"{name}: {shown}{mark}.", f"{name}：{shown}{mark}。", language)


def _full(value: Any) -> str:
    """A number in full: a factorial is wanted to the last digit."""
    return f"{value:,}" if isinstance(value, int) else f"{value:,.10g}" if isinstance(value, float) else str(value)


_VALUES = {
    "final amount": ("final amount", "期末金额"), "interest": ("interest", "利息"), "mean": ("mean", "平均值"), "median": ("median", "中位数"),
    "std": ("standard deviation", "标准差"), "variance": ("variance", "方差"), "mode": ("mode", "众数"), "max": ("largest", "最大值"),
    "min": ("smallest", "最小值"), "product": ("product", "乘积"), "sorted": ("in order", "排序"), "sum": ("sum", "总和"),
}  # fmt: skip


def _given_script(code: str, language: str) -> Script:
    output = yield _code(code + "\n", say("I run the code as it was given.", "按原样运行给出的代码。", language))
    shown = output.strip() or say("(no output)", "（没有输出）", language)
    return f"{say('The code gave:', '代码的输出：', language)}\n\n```text\n{shown[:4000]}\n```"


def _tool_script(conversation: Conversation, tool: ToolSpec) -> Script:
    language = conversation.language
    arguments = arguments_for(conversation.question, tool, conversation.sources)
    shown = ", ".join(f"{name}={json.dumps(value, ensure_ascii=False)}" for name, value in arguments.items())
    output = yield Call(
        tool.name, arguments, say(f"The tool {tool.name} fits the question.", f"这个问题适合用工具 {tool.name}。", language)
    )
    words = output.strip() or "–"
    if words.startswith((f"The tool {tool.name} ", f"The arguments of {tool.name} ", f"The call of {tool.name} ")):
        return say(f"{tool.name}({shown}) gave no result: {words}", f"{tool.name}（{shown}）没有结果：{words}", language)
    if converted := converted_amount(conversation.question, tool, arguments, words):
        amount, result = converted
        return say(
            f"{amount} × {words} = {result}: {tool.name}({shown}) gives {words}, taken as the rate of one.",
            f"{amount} × {words} = {result}：{tool.name}（{shown}）的结果是 {words}，按一个单位的汇率计算。",
            language,
        )
    if len(words) <= 200 and "\n" not in words:
        return say(f"{tool.name}({shown}) gives {words}", f"{tool.name}（{shown}）的结果是 {words}", language)
    return (
        say(f"{tool.name}({shown}) gives:", f"{tool.name}（{shown}）的结果：", language)
        + f"\n\n```text\n{words[:4000]}\n```"
    )
