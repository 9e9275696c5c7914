"""The scripts that need no wish: run given code, compute, call a tool, search, look into what is no table, say words.

A script is a generator: it yields the call it wants, is sent the tool's output, and returns its last words.

Above: `jobs`. Below: `conversation`, `arithmetic`, `user_tools`, `phrases`.
"""
# ruff: noqa: E501 - a rule, a sentence or a line of written code stands on one line

import json
import re
from collections.abc import Mapping
from typing import Any

from genie_nb.backend.models.analyst.arithmetic import Computation
from genie_nb.backend.models.analyst.columns import Source
from genie_nb.backend.models.analyst.conversation import Call, Conversation, Script, read_result
from genie_nb.backend.models.analyst.numbers import figure
from genie_nb.backend.models.analyst.phrases import say, unknown_text
from genie_nb.backend.models.analyst.user_tools import arguments_for, converted_amount
from genie_nb.backend.models.base import ToolSpec
from genie_nb.parts import RESULT_TYPE

__all__ = (
    "DENIED",
    "code_call",
    "computation_script",
    "failure",
    "given_script",
    "other_script",
    "search_script",
    "tool_script",
    "value_text",
    "words_only",
)


def code_call(code: str, thought: str) -> Call:
    """The call that runs a cell."""
    return Call("code_interpreter", {"code": code}, thought)


DENIED = re.compile(r"This call of \S+ was refused|A rule of the person forbids|Nobody allowed this call")
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


def failure(output: str, language: str) -> str:
    """Why there is no result, from the output of a cell that gave none."""
    if DENIED.match(output):
        return say(f"The code was not allowed to run: {output}", f"代码未获准运行：{output}", language)
    english, chinese = _reason(output)
    return say(f"This could not be computed: {english}", f"无法完成计算：{chinese}", language)


def search_script(subject: str, language: str) -> Script:
    """Search the documents."""
    thought = say("The question is one for the documents: I search them.", "这个问题要查文档，先搜索。", language)
    return (yield Call("deep_search", {"query": subject}, thought))


def words_only(text: str) -> Script:
    """Call nothing."""
    yield from ()
    return text


def other_script(source: Source, language: str) -> Script:
    """Look into a file that is no table."""
    if source.kind == "object":
        return (yield from _object_script(source, language))
    code = f"content = {source.read}\n" + _result(
        '{"bytes": len(content)}' if "'rb'" in source.read else '{"type": type(content).__name__}'
    )
    output = yield code_call(code, say(f"I look into {source.name}.", f"查看 {source.name}。", language))
    facts = read_result(output)
    if facts is None:
        return failure(output, language)
    found = ", ".join(f"{name} {figure(value)}" for name, value in facts["value"].items())
    text = say(f"{source.name} ({source.kind}): {found}.", f"{source.name}({source.kind}):{found}。", language)
    return f"{text}\n\n{unknown_text(None, language)}"


def _object_script(source: Source, language: str) -> Script:
    output = yield code_call(
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
    return (
        f'import json\n\nfacts = json.dumps({{"value": {value}}}, default=str)\n'
        f'display({{"{RESULT_TYPE}": facts}}, raw=True)  # for the analyst alone\n'
    )


def computation_script(computation: Computation, language: str) -> Script:
    """Compute."""
    name = say(computation.english, computation.chinese, language)
    output = yield code_call(
        f"{computation.code}\nprint(value)\n{_result('value')}",
        say(f"I compute it in Python: {name}.", f"用 Python 计算：{name}。", language),
    )
    facts = read_result(output)
    return failure(output, language) if facts is None else value_text(name, facts.get("value"), language)


def value_text(name: str, value: Any, language: str) -> str:
    """What a computation came to."""
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


def given_script(code: str, language: str) -> Script:
    """Run code that stands in the question."""
    output = yield code_call(code + "\n", say("I run the code as it was given.", "按原样运行给出的代码。", language))
    shown = output.strip() or say("(no output)", "（没有输出）", language)
    return f"{say('The code gave:', '代码的输出：', language)}\n\n```text\n{shown[:4000]}\n```"


def tool_script(conversation: Conversation, tool: ToolSpec) -> Script:
    """Call a tool of the person's own."""
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
