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
    "slides": "{n} slides",
    "document": "An HTML document, shown in a closed frame. Trust the notebook to see it.",
    "no_preview": "There is no preview of this type of file.",
    "too_large": "This file is too large to be sent to the page. It is in the run's folder.",
    "unreadable": "This file cannot be read.",
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
    "slides": "{n} 张幻灯片",
    "document": "HTML 文档，显示在封闭的框架中。信任此笔记本后可见。",
    "no_preview": "此类文件没有预览。",
    "too_large": "文件太大，无法发送到页面；它在运行的文件夹中。",
    "unreadable": "无法读取此文件。",
}

_HAN = re.compile(r"[\u3400-\u9fff\uf900-\ufaff]")
_KANA_OR_HANGUL = re.compile(r"[\u3040-\u30ff\uac00-\ud7af]")


def labels_for(query: str) -> Mapping[str, str]:
    """The labels in the question's language: Chinese where it is written in Chinese, else English."""
    chinese = _HAN.search(query) and not _KANA_OR_HANGUL.search(query)
    return _CHINESE if chinese else _ENGLISH
