"""What the analyst says of itself.

Above: `jobs`, `planner`, `summary`. Below: `columns`.
"""

from genie_nb.backend.models.analyst.columns import Source

__all__ = ("say", "too_long_text", "unknown_text")


def say(english: str, chinese: str, language: str) -> str:
    """The sentence in the language."""
    return chinese if language == "zh" else english


def unknown_text(source: Source | None, language: str) -> str:
    """That no rule reads the question, what can be asked, and how to use a language model."""
    examples = _examples(source, language)
    listed = say(", ", "、", language).join(f"“{example}”" for example in examples)
    return say(
        "I have no rule for this question: I am the built-in offline analyst, a set of rules and not a language model. "
        f"What I can answer is, for example, {listed}. For free questions use a model: set `OPENAI_API_KEY` "
        "(or `OPENAI_BASE_URL` and `GENIE_MODEL`), or write `gn.Genie(model=...)`.",
        "我没有能处理这个问题的规则：我是内置的离线分析器，由规则组成，不是语言模型。"
        f"我能回答的例如：{listed}。要自由提问，请使用语言模型：设置 `OPENAI_API_KEY`"
        "（或 `OPENAI_BASE_URL` 与 `GENIE_MODEL`），或使用 `gn.Genie(model=...)`。",
        language,
    )


def too_long_text(most: int, language: str) -> str:
    """That a question is too long for rules, and what to do."""
    return say(
        f"This question has more than {most:,} characters, and I read no more: I am the built-in offline analyst, a set of "
        "rules and not a language model. Ask in fewer words, or use a model: set `OPENAI_API_KEY` (or `OPENAI_BASE_URL` and "
        "`GENIE_MODEL`), or write `gn.Genie(model=...)`.",
        f"这个问题超过 {most:,} 个字符，我不再往下读：我是内置的离线分析器，由规则组成，不是语言模型。"
        "请缩短问题，或使用语言模型：设置 `OPENAI_API_KEY`"
        "（或 `OPENAI_BASE_URL` 与 `GENIE_MODEL`），或使用 `gn.Genie(model=...)`。",
        language,
    )


def _examples(source: Source | None, language: str) -> list[str]:
    if source is None or not source.columns:
        return [
            say("the sum of the squares of 1 to 10", "1到100的和", language),
            say("compound interest of 1000 at 5% for 10 years", "10000元年利率3%复利5年", language),
            say("total by group of a CSV file that you hand over", "（给出 CSV 文件后）按类别汇总", language),
        ]
    measures = sorted(source.of_role("measure"), key=lambda column: column.weight)
    groups, times = source.of_role("category"), source.of_role("time")
    found = []
    if measures and groups:
        how = ("average", "平均") if measures[0].averaged else ("total", "总")
        found.append(
            say(
                f"{how[0]} {measures[0].name} by {groups[0].name}",
                f"按{groups[0].name}统计{measures[0].name}{'平均值' if how[0] == 'average' else '合计'}",
                language,
            )
        )
    if measures and times:
        found.append(say(f"plot {measures[0].name} over time", f"画出{measures[0].name}随时间的趋势图", language))
    if len(measures) > 1:
        found.append(
            say(
                f"correlation between {measures[0].name} and {measures[1].name}",
                f"{measures[0].name}和{measures[1].name}的相关性",
                language,
            )
        )
    return [*found, say("missing values and outliers", "缺失值和异常值", language)][:4]
