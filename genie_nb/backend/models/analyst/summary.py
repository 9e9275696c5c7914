"""The summary's part: the answer put together from what the steps found, and the files worth keeping.

Above: `OfflineAnalyst`, `executor`. Below: `conversation`, `phrases`.
"""

import re

from genie_nb.backend.models.analyst.conversation import Call, Conversation
from genie_nb.backend.models.analyst.phrases import say

__all__ = ("bolded", "summing_up")

_KEPT = re.compile(r"\.(?:png|jpe?g|svg|csv|tsv|xlsx|parquet|json|md|html|pdf|txt|pptx)$", re.IGNORECASE)


def summing_up(conversation: Conversation) -> tuple[str, Call | None]:
    """The answer, and the call that delivers the files, if there are any."""
    language = conversation.language
    results = sorted(
        conversation.results, key=lambda entry: int("".join(re.findall(r"\d+", str(entry.get("step", "")))) or 0)
    )
    done = [entry for entry in results if entry.get("status") != "failed"]
    failed = [entry for entry in results if entry.get("status") == "failed"]
    told = [entry for entry in done if not _is_look(entry)] or done
    main = [entry for entry in told if not _is_extra(entry, told)] or told
    side = [entry for entry in told if entry not in main]
    texts = [str(entry.get("summary", "")).strip() for entry in main]
    texts += [_first_line(entry) for entry in side if not _first_line(entry).startswith(("No values", "没有缺失"))]
    texts = [text for text in dict.fromkeys(texts) if text]
    for entry in failed:
        texts.append(
            say(
                f"The step “{entry.get('title')}” failed: {entry.get('summary')}",
                f"步骤“{entry.get('title')}”失败：{entry.get('summary')}",
                language,
            )
        )
    if not texts:
        texts = [say("No step came to a result.", "没有任何步骤得出结果。", language)]
    files = [name for name in conversation.created if _KEPT.search(name)]
    call = (
        Call("deliver", {"files": files})
        if files and "deliver" in conversation.tool_names and not conversation.outputs
        else None
    )
    return bolded("\n\n".join(texts)), call


def _first_line(entry: dict[str, object]) -> str:
    return str(entry.get("summary", "")).strip().split("\n", 1)[0]


def _is_look(entry: dict[str, object]) -> bool:
    return str(entry.get("title", "")).startswith(("Look at ", "查看 "))


def _is_extra(entry: dict[str, object], told: list[dict[str, object]]) -> bool:
    """Whether a step was only added for what another had found."""
    title = str(entry.get("title", ""))
    return len(told) > 1 and (
        title.startswith(("Missing and odd values in", "Values of", "Profile of"))
        or title.endswith(("缺失与异常值检查", "的取值", " 概况"))
    )


def bolded(text: str) -> str:
    """The text with its first sentence bold."""
    line, rest = text.split("\n", 1) if "\n" in text else (text, "")
    end = re.search(r"[。！？](?![”」』）])|[.!?](?=\s|$)", line)
    cut = end.end() if end else len(line)
    if not line.strip() or line.startswith(("|", "```", "- ", "**")):
        return text
    if end and end[0] == "。":  # before a Chinese letter, bold closes only where no punctuation stands inside
        cut -= 1
    marked = f"**{line[:cut].strip()}**{line[cut:]}"
    return f"{marked}\n{rest}" if rest else marked
