"""Labels of the ask box, in both languages at once: a page knows its own before anything is asked.

Above: `composer`. Below: nothing.
"""

from collections.abc import Mapping

__all__ = ("ASK_LABELS",)

ASK_LABELS: Mapping[str, Mapping[str, str]] = {
    "en": {
        "question": "Your question",
        "first": "Ask about your files. Drop them here, or paste a picture.",
        "next": "Ask a follow-up. What was said and made before is known.",
        "keys": "Enter asks · Shift+Enter new line · Esc stops",
        "again": "Run this cell to ask again.",
        "add": "Add files",
        "ideas": "Questions that fit your files",
        "drop": "Drop files here",
        "files": "Chosen files",
        "remove": "Remove {name}",
        "looking": "looking…",
        "folder": "{name} is a folder or cannot be read. Choose the files in it.",
        "agent": "Agent",
        "mode": "Stream mode",
        "plan_solve": "Plan and solve",
        "react": "ReAct",
        "general": "general",
        "token": "token",
        "time": "time",
        "ask": "Ask",
        "stop": "Stop",
        "stopping": "Stopping…",
        "working": "Working on it",
        "answered": "Done",
        "too_many": "No more than {n} files go with one question.",
    },
    "zh": {
        "question": "您的问题",
        "first": "就您的文件提问。可把文件拖到这里，或粘贴图片。",
        "next": "继续提问。之前的问答和文件都还在。",
        "keys": "Enter 提问 · Shift+Enter 换行 · Esc 停止",
        "again": "运行此单元格即可重新提问。",
        "add": "添加文件",
        "ideas": "适合这些文件的问题",
        "drop": "把文件放在这里",
        "files": "已选文件",
        "remove": "移除 {name}",
        "looking": "查看中…",
        "folder": "{name} 是文件夹或无法读取，请选择其中的文件。",
        "agent": "智能体",
        "mode": "流模式",
        "plan_solve": "规划求解",
        "react": "ReAct",
        "general": "常规",
        "token": "按词元",
        "time": "按时间",
        "ask": "提问",
        "stop": "停止",
        "stopping": "正在停止…",
        "working": "正在处理",
        "answered": "完成",
        "too_many": "一个问题最多附带 {n} 个文件。",
    },
}
