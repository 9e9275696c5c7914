"""The report by template: what the run has found, section by section, with charts where a table can be drawn.

It says of itself that rules wrote it. Each result keeps its own words and numbers; nothing is added to them.

Above: `OfflineAnalyst`. Below: `conversation`, `phrases`.
"""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from genie_nb.backend.models.analyst.conversation import Conversation
from genie_nb.backend.models.analyst.phrases import say

__all__ = ("reporting",)

BARS, POINTS = 24, 200
"""More rows than that are not drawn."""
_TABLE = re.compile(r"^\|.+\|[ \t]*\n\|[ :|-]+\|[ \t]*\n(?:\|.*\|[ \t]*(?:\n|$))+", re.MULTILINE)
_NUMBER = re.compile(r"([^\d+.-]*)([+-]?[\d,]+(?:\.\d+)?)\s*([^\d\s]*)")
_TIME = re.compile(r"\d{4}(?:[-/.年 ]?(?:Q?\d{1,2}|[A-Z]\w*))?(?:[-/.月]\d{1,2})?[日月季度年s]*(?:\s*\d\d:\d\d)?|\d\d:00")
_PICTURE = re.compile(r"`([^`\n]+\.(?:png|jpe?g|svg|gif|webp))`", re.IGNORECASE)
_SHOWS = re.compile(r"^(?:The chart|图表) `[^`\n]+`.*$", re.MULTILINE)
_GOES_ON = re.compile(
    r"\||[-*>] |The first \d|Growth is the |A correlation alone |(?:No|[\d,]+) values? (?:are|is) missing; "
    r"|The (?:header|table) of |The table is the |Of \S+, its last |This is of the sheet |These are quotes"
    r"|共 [\d,]+ 行，这里是|增长按|相关并不|(?:没有缺失值|缺失 [\d,]+ 个值)；|以上|表格取自|\S+ 的(?:表头上方|最后一行)"
)
"""How a paragraph begins that goes on with the result before it."""
_DRAWN = re.compile(r"^Chart of |的?图表$|图$", re.IGNORECASE)
_SENTENCE = re.compile(r"(?<=[。！？])|(?<=[.!?])\s+(?=[A-Z\d“\"])")


@dataclass(frozen=True)
class _Result:
    """What one step came to."""

    title: str
    text: str
    failed: bool

    @property
    def prose(self) -> str:
        """Its words without its tables and without what it says of a picture."""
        return re.sub(r"\n{3,}", "\n\n", _SHOWS.sub("", _TABLE.sub("", self.text))).strip()

    @property
    def first(self) -> str:
        """Its first sentence."""
        head = re.sub(r"^(?:[-*>]|\d+\.)\s+", "", self.prose.split("\n", 1)[0]).replace("**", "")
        return _SENTENCE.split(head)[0].strip()


def reporting(conversation: Conversation) -> str:
    """The report as Markdown."""
    language = conversation.language
    results = list(_results(conversation))
    told = [result for result in results if not result.failed]
    form = str(conversation.report.get("format", ""))
    parts = [f"# {_title(conversation)}", _lead(conversation, told)]
    points = [
        result for result in told if result.first and not result.first.endswith((":", "：")) and not _is_look(result.title)
    ]
    if points:
        listed = "\n".join(f"- {result.first}" for result in points[:8])
        parts.append(f"## {say('Main results', '主要结果', language)}\n\n{listed}")
        if form == "pptx":
            parts.append(_notes(say("Each point has a section of its own.", "下面每一点各有一节。", language), language))
    parts += _sections(conversation, told, form)
    parts.append(_method(conversation, results))
    return "\n\n".join(part for part in parts if part) + "\n"


def _results(conversation: Conversation) -> Iterator[_Result]:
    """The results in the order in which they were found; what was looked at first stands last."""
    found = []
    for entry in conversation.findings:
        if entry.get("kind") == "result" and str(entry.get("text", "")).strip():
            text = str(entry["text"]).strip()
            found += _split(_Result(str(entry.get("title", "")), text, entry.get("status") == "failed"))
    yield from sorted(found, key=lambda result: _is_look(result.title))


def _split(result: _Result) -> list[_Result]:
    """One result a table, where an untitled text holds the answers of several questions."""
    if result.title:
        return [result]
    parts: list[str] = []
    for paragraph in re.split(r"\n{2,}", result.text):
        if parts and (_GOES_ON.match(paragraph) or _SHOWS.match(paragraph)):
            parts[-1] += f"\n\n{paragraph}"
        else:
            parts.append(paragraph)
    return [_Result("", part, failed=False) for part in parts]


def _is_look(title: str) -> bool:
    return title.startswith(("Look at ", "查看 "))


def _title(conversation: Conversation) -> str:
    """The question, if it is as short as a title; else the name of what was looked at."""
    asked = re.sub(r"\s+", " ", str(conversation.report.get("task", "")) or conversation.question).strip(" .。?？!！")
    name = next((source.name for source in conversation.sources), "")
    if asked in ("", "overview") or len(asked) > 70:
        asked = say(f"Report on {name}", f"{name} 分析报告", conversation.language) if name else asked[:70]
    asked = asked if asked.startswith(name) and name else asked[:1].upper() + asked[1:]
    return asked or say("Report", "报告", conversation.language)


def _lead(conversation: Conversation, told: Sequence[_Result]) -> str:
    language = conversation.language
    count = len([result for result in told if result.first and not _is_look(result.title)])
    names = ", ".join(f"`{source.name}`" for source in conversation.sources)
    if not told:
        return say("The run found nothing that could be reported.", "本次运行没有得到可以报告的结果。", language)
    of = (f" from {names}", f"，数据来自 {names}") if names else ("", "")
    return say(
        f"This report tells what the run found{of[0]}: {count} result{'s' * (count > 1)}. It is written by rules, from the "
        "results themselves; no language model was asked.",
        f"本报告汇总本次运行得到的 {count} 项结果{of[1]}。报告由规则根据结果写成，没有使用语言模型。",
        language,
    )


def _sections(conversation: Conversation, told: Sequence[_Result], form: str) -> Iterator[str]:
    """One section a result: words, chart, table. A picture is shown where no chart says the same.

    A Markdown file has no charts: its tables hold the same numbers.
    """
    language = conversation.language
    drawn: list[str] = []
    for number, result in enumerate(told, 1):
        table = _TABLE.search(result.text)
        chart = _chart(table[0]) if table else None
        pictures = _PICTURE.findall(result.text)
        if pictures and not table and any(title and title in result.title.lower() for title in drawn):
            continue
        title = say("The data", "数据", language) if _is_look(result.title) else result.title
        title = (
            title
            or _of_chart(chart, language)
            or _short(result.first)
            or say(f"Result {number}", f"结果 {number}", language)
        )
        parts = [f"## {title}", result.prose]
        if chart is not None and form != "markdown":
            drawn.append(result.title.lower())
            parts.append(f"```chart\n{json.dumps(chart, ensure_ascii=False)}\n```")
        parts += [
            f"![{_DRAWN.sub('', title)}]({name})" for name in dict.fromkeys(pictures) if chart is None or form == "markdown"
        ]
        if form == "pptx" and result.first:
            parts.append(_notes(result.first, language))
        parts.append(table[0].strip() if table else "")
        yield "\n\n".join(part for part in parts if part)
    yield from _found_beside(conversation)


def _of_chart(chart: Mapping[str, Any] | None, language: str) -> str:
    """A title for what a chart shows."""
    if chart is None:
        return ""
    what, by = str(chart["title"]), str(chart["x_title"])
    return say(f"{what[:1].upper()}{what[1:]} by {by}", f"按{by}看{what}", language)


def _short(sentence: str) -> str:
    """A title of a first sentence: what stands before its first comma or colon."""
    head = re.split(r"[:：,，;；(（]", sentence.rstrip(".。"))[0].strip()
    return head if 3 < len(head) <= 70 else sentence[:60].rstrip()


def _found_beside(conversation: Conversation) -> Iterator[str]:
    """Sections for what is no result of a step: tables and sources."""
    language = conversation.language
    tables = [entry for entry in conversation.findings if entry.get("kind") == "table"]
    if not any(entry.get("kind") == "result" for entry in conversation.findings):
        for number, entry in enumerate(tables, 1):
            rows = [_row(entry.get("columns", [])), "|" + " --- |" * len(entry.get("columns", []))]
            rows += [_row(row) for row in entry.get("rows", [])]
            yield f"## {say('Table', '表', language)} {number}\n\n" + "\n".join(rows)
    sources = [entry for entry in conversation.findings if entry.get("kind") == "source"]
    if sources:
        listed = "\n".join(f"{number}. {_source(entry)}" for number, entry in enumerate(sources, 1))
        yield f"## {say('Sources', '来源', language)}\n\n{listed}"


def _row(cells: Sequence[Any]) -> str:
    return "| " + " | ".join(str(cell).replace("|", "\\|").replace("\n", " ") for cell in cells) + " |"


def _source(entry: Mapping[str, Any]) -> str:
    title = re.sub(r"[\[\]\n]", " ", str(entry.get("title") or entry.get("source", "")))
    place = str(entry.get("source", ""))
    return f"[{title}]({place})" if place.startswith(("http://", "https://")) else f"{title} (`{place}`)"


def _method(conversation: Conversation, results: Sequence[_Result]) -> str:
    language = conversation.language
    points = [
        say(
            "The numbers were computed by code in this run; every table above is a result of it, and each chart is drawn "
            "from the table beside it.",
            "所有数字都由本次运行中的代码计算得出；上面的表格是其结果，图表根据相应表格绘制。",
            language,
        ),
        say(
            "The words come from templates of the offline analyst. They say what was computed, and weigh nothing.",
            "文字来自离线分析器的模板，只陈述计算结果，不作评判。",
            language,
        ),
    ]
    failed = [f"{result.title}. {result.text}" for result in results if result.failed]
    points += [say(f"Failed: {words}", f"失败：{words}", language) for words in failed]
    listed = "\n".join(f"- {' '.join(point.split())}" for point in points)
    return f"## {say('How this was made', '说明', language)}\n\n{listed}"


def _notes(text: str, language: str) -> str:
    return say("Notes: ", "备注：", language) + " ".join(text.split())


def _chart(table: str) -> dict[str, Any] | None:
    """The chart of a table's first column of numbers that differ, or None where there is nothing to draw."""
    lines = [_cells(line) for line in table.strip().splitlines()]
    head, rows = lines[0], [row for row in lines[2:] if len(row) == len(lines[0])]
    right = [cell.endswith(":") for cell in lines[1]]
    first = right.index(True) if True in right else 0
    if first == 0 or not 2 <= len(rows) <= POINTS:
        return None
    at = next((at for at in range(first, len(head)) if len({row[at] for row in rows}) > 1), first)
    labels = [" / ".join(row[:first]) for row in rows]
    values, units = zip(*(_value(row[at]) for row in rows), strict=True)
    over_time = all(_TIME.fullmatch(label) for label in labels)
    if all(value is None for value in values) or (len(rows) > BARS and not over_time):
        return None
    unit = next((unit for unit in units if unit), "")
    spec = {"type": "line" if over_time else "bar", "title": head[at], "x": labels, "x_title": " / ".join(head[:first])}
    return spec | {"series": [{"name": head[at], "values": list(values)}]} | ({"unit": unit} if unit else {})


def _cells(line: str) -> list[str]:
    cells = re.split(r"(?<!\\)\|", line.strip().strip("|"))
    return [cell.strip().replace("\\|", "|").replace("**", "") for cell in cells]


def _value(cell: str) -> tuple[float | None, str]:
    found = _NUMBER.fullmatch(cell)
    if found is None:
        return None, ""
    return float(found[2].replace(",", "")), (found[1] + found[3]).strip()
