"""Labels: every fixed word of the view and the record, in the language of the question.

Above: everything that is shown. Below: nothing.
"""

import re
from collections.abc import Mapping

__all__ = ("labels_for",)

_ENGLISH = {
    "lang": "en",
    "pending": "Queued",
    "running": "Running",
    "finished": "Finished",
    "failed": "Failed",
    "cancelled": "Stopped",
    "plan": "Plan",
    "work": "Work",
    "answer": "Answer",
    "files": "Files",
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
    "nb_continued": "{title} (continued)",
    "nb_unended": "This code did not come to an end in the run, so it is not a cell that runs:",
    "nb_call": "A call of the tool {tool}, which cannot be made again from here:",
    "nb_running": "The run has not ended: this is what it has done so far.",
}

_CHINESE = {
    "lang": "zh",
    "pending": "排队中",
    "running": "运行中",
    "finished": "已完成",
    "failed": "失败",
    "cancelled": "已停止",
    "plan": "计划",
    "work": "过程",
    "answer": "回答",
    "files": "文件",
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
    "nb_continued": "{title}（续）",
    "nb_unended": "这段代码在运行中没有执行完，因此不作为可运行的单元格：",
    "nb_call": "对工具 {tool} 的一次调用，无法在这里重做：",
    "nb_running": "运行尚未结束：以下是到目前为止的内容。",
}

_HAN = re.compile(r"[\u3400-\u9fff\uf900-\ufaff]")
_KANA_OR_HANGUL = re.compile(r"[\u3040-\u30ff\uac00-\ud7af]")


def labels_for(query: str) -> Mapping[str, str]:
    """The labels in the question's language: Chinese where it is written in Chinese, else English."""
    chinese = _HAN.search(query) and not _KANA_OR_HANGUL.search(query)
    return _CHINESE if chinese else _ENGLISH
