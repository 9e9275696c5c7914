"""Labels: every fixed word of the view and the record, in the language of the question.

Above: everything that is shown. Below: nothing.
"""

import re
from collections.abc import Mapping

__all__ = ("about_in", "counted", "is_chinese", "labels_for", "name_in")

_ENGLISH = {
    "lang": "en",
    "pending": "Queued",
    "queued": "Queued: {n} before it",
    "running": "Running",
    "finished": "Finished",
    "failed": "Failed",
    "cancelled": "Stopped",
    "how": "How",
    "colon": ": ",
    "comma": ", ",
    "step": "{n} step|{n} steps",
    "cell": "{n} cell|{n} cells",
    "call": "{n} other call|{n} other calls",
    "chart": "chart|{n} charts",
    "line": "{n} line|{n} lines",
    "table": "table {rows} × {columns}",
    "before": "{n} step before|{n} steps before",
    "plan": "Plan",
    "work": "Work",
    "answer": "Answer",
    "files": "Files",
    "inputs": "Given",
    "download_all": "Download all",
    "packing": "Packing…",
    "zip_too_large": 'Together these files are too large for the page; run.to_zip("files.zip") writes them to the disk.',
    "zip_failed": "The files could not be packed: there is no room on the disk, or they are gone.",
    "error": "Error",
    "question": "Question",
    "not_started": "not started",
    "in_progress": "in progress",
    "unfinished": "not finished",
    "completed": "done",
    "blocked": "blocked",
    "dropped": "dropped",
    "ok": "ok",
    "denied": "denied",
    "asked": "Waiting for you",
    "allow_question": "May this run?",
    "files_named": "Files it names: {names}",
    "controls": "It holds characters that cannot be seen, or change the order of others: {names}.",
    "allow_once": "Allow once",
    "allow_always": "Always allow {tool}",
    "refuse": "Refuse",
    "change": "Change it first",
    "reason": "Why not? The model is told.",
    "once": "allowed",
    "always": "always allowed",
    "refused": "refused",
    "timeout": "not allowed in time",
    "changed": "changed by you",
    "stop": "Stop",
    "stopping": "Stopping…",
    "thinking": "Thinking",
    "thought": "Thought",
    "preview": "Preview",
    "download": "Download",
    "loading": "Loading…",
    "tokens": "tokens",
    "silent": "model silent for {s} s",
    "tool": "{name} running {s} s",
    "waiting": "{why}: again in {s} s",
    "table_size": "{shown} of {rows} rows × {columns} columns",
    "characters_left_out": "… {n} characters left out …",
    "slides": "{n} slides",
    "round": "Round {n}",
    "hits": "{n} found",
    "pages_read": "Pages read",
    "enough": "Enough:",
    "not_enough": "Not enough:",
    "sources": "Sources",
    "document": "An HTML document, shown in a closed frame. Trust the notebook to see it.",
    "no_preview": "There is no preview of this type of file.",
    "too_large": "This file is too large to be sent to the page. It is in the run's folder.",
    "unreadable": "This file cannot be read.",
    "nb_about": "What the agents ran to answer this question, in the order in which it ran, and the answer at the end. "
    "The cells run again without genie_nb and without a model.",
    "nb_nothing": "The agents ran no code to answer this question.",
    "nb_by": "Agent {agent}, model {model}",
    "nb_inputs": "What was at hand",
    "nb_file": "{name} ({size}): a file that was given with the question; its copy is {place}",
    "nb_changed": "The run has changed it: this is what it left, not what it was given.",
    "nb_table": "{name}: a DataFrame that was given with the question; its copy is {place}",
    "nb_absent": "{name} is not here: {why} Put it into the folder {folder} to run these cells.",
    "nb_too_large": "files of more than {size} are not copied.",
    "nb_setup": "The code below finds its files by name in this folder, beside the notebook.",
    "nb_tables": "The DataFrames that were given with the question.",
    "nb_printed": "Tables are printed as they were in the run.",
    "nb_drawn": "Charts show Chinese as they did in the run.",
    "nb_no_font": "Charts show boxes here: no font has Chinese characters. Install one, on Debian: fonts-noto-cjk.",
    "nb_continued": "{title} (continued)",
    "nb_unended": "This code did not come to an end in the run, so it is not a cell that runs:",
    "nb_call": "A call of the tool {tool}, which cannot be made again from here:",
    "nb_running": "The run has not ended: this is what it has done so far.",
}

_CHINESE = {
    "lang": "zh",
    "pending": "排队中",
    "queued": "排队中：前面还有 {n} 个",
    "running": "运行中",
    "finished": "已完成",
    "failed": "失败",
    "cancelled": "已停止",
    "how": "过程",
    "colon": "：",
    "comma": "，",
    "step": "{n} 步",
    "cell": "{n} 个单元格",
    "call": "其他调用 {n} 次",
    "chart": "图表|{n} 张图表",
    "line": "{n} 行",
    "table": "表格 {rows} × {columns}",
    "before": "此前 {n} 步",
    "plan": "计划",
    "work": "工作",
    "answer": "回答",
    "files": "文件",
    "inputs": "已提供",
    "download_all": "全部下载",
    "packing": "正在打包…",
    "zip_too_large": '这些文件合起来太大，无法发送到页面；run.to_zip("files.zip") 可把它们写到磁盘。',
    "zip_failed": "文件无法打包：磁盘空间不足，或文件已不在。",
    "error": "错误",
    "question": "问题",
    "not_started": "未开始",
    "in_progress": "进行中",
    "unfinished": "未完成",
    "completed": "完成",
    "blocked": "受阻",
    "dropped": "已放弃",
    "ok": "成功",
    "denied": "已拒绝",
    "asked": "等待您的许可",
    "allow_question": "允许运行吗？",
    "files_named": "涉及的文件：{names}",
    "controls": "其中含有看不见或会改变字符顺序的字符：{names}。",
    "allow_once": "允许一次",
    "allow_always": "始终允许 {tool}",
    "refuse": "拒绝",
    "change": "先修改",
    "reason": "拒绝的理由，会告诉模型",
    "once": "已允许",
    "always": "始终允许",
    "refused": "已拒绝",
    "timeout": "未及时允许",
    "changed": "经您修改",
    "stop": "停止",
    "stopping": "正在停止…",
    "thinking": "思考中",
    "thought": "思考",
    "preview": "预览",
    "download": "下载",
    "loading": "载入中…",
    "tokens": "词元",
    "silent": "模型已静默 {s} 秒",
    "tool": "{name} 已运行 {s} 秒",
    "waiting": "{why}：{s} 秒后重试",
    "table_size": "共 {rows} 行 × {columns} 列，显示前 {shown} 行",
    "characters_left_out": "……省略 {n} 个字符……",
    "slides": "{n} 张幻灯片",
    "round": "第 {n} 轮",
    "hits": "找到 {n} 条",
    "pages_read": "已读网页",
    "enough": "足够：",
    "not_enough": "还不够：",
    "sources": "来源",
    "document": "HTML 文档，显示在封闭的框架中。信任此笔记本后可见。",
    "no_preview": "此类文件没有预览。",
    "too_large": "文件太大，无法发送到页面；它在运行的文件夹中。",
    "unreadable": "无法读取此文件。",
    "nb_about": "智能体为回答这个问题运行的代码，按实际运行的顺序排列，最后是回答。"
    "重新运行这些单元格不需要 genie_nb，也不需要模型。",
    "nb_nothing": "智能体没有为回答这个问题运行代码。",
    "nb_by": "智能体 {agent}，模型 {model}",
    "nb_inputs": "已有的数据",
    "nb_file": "{name}（{size}）：随问题给出的文件，副本是 {place}",
    "nb_changed": "运行改动了它：这里是改动之后的内容，不是当初给出的内容。",
    "nb_table": "{name}：随问题给出的 DataFrame，副本是 {place}",
    "nb_absent": "{name} 不在这里：{why}要运行这些单元格，请把它放进文件夹 {folder}。",
    "nb_too_large": "超过 {size} 的文件不复制。",
    "nb_setup": "下面的代码按文件名在笔记本旁边的这个文件夹里找文件。",
    "nb_tables": "随问题给出的 DataFrame。",
    "nb_printed": "像运行时那样打印表格。",
    "nb_drawn": "像运行时那样在图中显示中文。",
    "nb_no_font": "本机没有中文字体，图中的汉字显示为方框。请安装一种，例如 Debian 的 fonts-noto-cjk。",
    "nb_continued": "{title}（续）",
    "nb_unended": "这段代码在运行中没有执行完，因此不作为可运行的单元格：",
    "nb_call": "对工具 {tool} 的一次调用，无法在这里重做：",
    "nb_running": "运行尚未结束：以下是到目前为止的内容。",
}

_HAN = re.compile(r"[\u3400-\u9fff\uf900-\ufaff]")
_KANA_OR_HANGUL = re.compile(r"[\u3040-\u30ff\uac00-\ud7af]")


def labels_for(query: str) -> Mapping[str, str]:
    """The labels in the question's language: Chinese where it is written in Chinese, else English."""
    return _CHINESE if is_chinese(query) else _ENGLISH


def counted(labels: Mapping[str, str], name: str, number: int) -> str:
    """So many of something: a label has a form for one and a form for more, or one for all."""
    one, _, more = labels[name].partition("|")
    return (one if number == 1 or not more else more).format(n=number)


def is_chinese(query: str) -> bool:
    """Whether a question is written in Chinese."""
    return bool(_HAN.search(query)) and not _KANA_OR_HANGUL.search(query)


_ABOUT = {
    "row": "行", "rows": "行", "column": "列", "columns": "列", "sheet": "个工作表", "sheets": "个工作表", "page": "页",
    "pages": "页", "record": "条记录", "records": "条记录", "key": "个键", "keys": "个键", "line": "行", "lines": "行",
    "pixels": "像素", "about": "约", "no text": "无文字", "Text": "文本", "(semicolons)": "（分号分隔）",
    "(tabs)": "（制表符分隔）", "(bars)": "（竖线分隔）", "UTF-8 with BOM": "UTF-8（带 BOM）",
}  # fmt: skip
_COUNTED = re.compile(
    r"(?<=\d )(?:rows?|columns?|sheets?|pages?|records?|keys?|lines?|pixels)\b|\babout(?= \d)|(?<=, )no text$|^Text(?=,)"
    r"| ?(?:\((?:semicolons|tabs|bars)\))|UTF-8 with BOM$"
)


def about_in(labels: Mapping[str, str], about: str) -> str:
    """What a file holds (`FileRef.about`), in the language of the labels."""
    if labels["lang"] != "zh":
        return about
    return _COUNTED.sub(lambda found: _ABOUT[found[0].strip()], about).replace(", ", "，").replace(": ", "：")


_NAMES = {
    "planner": "规划", "executor": "执行", "summary": "总结", "assistant": "助手", "deep_search": "深度搜索",
    "offline rules": "离线规则", "scripted": "脚本", "local": "本地", "live": "在线",
}  # fmt: skip


def name_in(labels: Mapping[str, str], name: str) -> str:
    """An agent's name, or the kind of a model (`Transcript.badge`), in the labels' language where it is one of ours."""
    kind, colon, host = name.partition(": ")
    if labels["lang"] != "zh" or kind not in _NAMES:
        return name
    return _NAMES[kind] + (f"：{host}" if colon else "")
