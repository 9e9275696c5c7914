"""The jobs of a question: each is a title for the plan and a script of tool calls that ends in a text (see `scripts`).

Whoever runs a script sends the outputs that the conversation already holds, so that nothing has to be remembered between two
replies.

Above: `planner`, `executor`. Below: `scripts`, `cells`, `wording`, `question`.
"""
# ruff: noqa: E501 - a rule, a sentence or a line of written code stands on one line

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from genie_nb.backend.models.analyst.arithmetic import given_code, read_computation
from genie_nb.backend.models.analyst.cells import cell_for, look_cell
from genie_nb.backend.models.analyst.columns import Source
from genie_nb.backend.models.analyst.conversation import MOST_CHARACTERS, Conversation, Script, read_result
from genie_nb.backend.models.analyst.documents import texts_asked, texts_script
from genie_nb.backend.models.analyst.followups import wishes_of
from genie_nb.backend.models.analyst.labels import title_of
from genie_nb.backend.models.analyst.look import unread_times, with_values
from genie_nb.backend.models.analyst.phrases import say, too_long_text, unknown_text
from genie_nb.backend.models.analyst.question import MOST_READ, named_in, source_for, spoken_of
from genie_nb.backend.models.analyst.scripts import (
    DENIED,
    code_call,
    computation_script,
    failure,
    given_script,
    other_script,
    search_script,
    tool_script,
    words_only,
)
from genie_nb.backend.models.analyst.searching import asks_documents, subject_of
from genie_nb.backend.models.analyst.unseen import Seen, learned, unseen
from genie_nb.backend.models.analyst.user_tools import tool_for
from genie_nb.backend.models.analyst.wish import Wish
from genie_nb.backend.models.analyst.wording import answer_text

__all__ = ("Job", "job_of_wish", "jobs_of", "look_job")

MOST_LOOKS = 6
"""So many tables whose columns are unknown are looked at for one question."""


@dataclass(frozen=True)
class Job:
    """One step's work; `script` takes a suffix for its variables."""

    title: str
    stage: str
    script: Callable[[str], Script]
    wish: Wish | None = None


def jobs_of(conversation: Conversation) -> list[Job]:
    """What there is to do for the question; one profiling or explaining job when no rule reads it."""
    if conversation.wish and conversation.earlier and conversation.question == "overview":
        conversation = replace(conversation, question="everything")  # a report, of what was found so far
    question, language = conversation.question, conversation.language
    if len(question) > MOST_CHARACTERS:
        return [_words_job(too_long_text(MOST_CHARACTERS, language), language)]
    stage = say("Compute", "计算", language)
    tool = tool_for(question, conversation.tools)
    if tool is not None:
        return [
            Job(
                say(f"Ask {tool.name}", f"调用 {tool.name}", language),
                stage,
                lambda suffix: tool_script(conversation, tool),
            )
        ]
    computation = read_computation(question)
    if texts := texts_asked(conversation, computed=bool(computation or given_code(question))):
        return [_texts_job(conversation, texts)]
    if subject := _subject(conversation):
        title = say(f"Search for {subject[:80]}", f"搜索{subject[:40]}", language)
        return [Job(title, say("Search", "搜索", language), lambda suffix: search_script(subject, language))]
    if code := given_code(question):
        return [
            Job(
                say("Run the given Python", "运行给出的 Python 代码", language),
                stage,
                lambda suffix: given_script(code, language),
            )
        ]
    wishes = wishes_of(question, conversation.earlier, conversation.sources)
    if computation is not None and not (wishes and _fits_table(wishes)):
        title = say(computation.english, computation.chinese, language)
        return [Job(title, stage, lambda suffix: computation_script(computation, language))]
    source = source_for(question, conversation.sources)
    if blind := unseen(named_in(question, conversation.sources) or conversation.sources)[:MOST_LOOKS]:
        return [_blind_job(conversation, blind)]
    if wishes:
        jobs = [job_of_wish(wish, language) for wish in everywhere(question, wishes, conversation.sources)]
        beside = _texts_beside(conversation, wishes)
        return [*_with_titles(jobs), *([beside] if beside else [])]
    if len(question) > MOST_READ:
        return [_words_job(too_long_text(MOST_READ, language), language)]
    return [_unknown_job(conversation, source)]


def _subject(conversation: Conversation) -> str | None:
    """What is to be searched for: what the question names, or the question itself where folders are all there is to ask."""
    question = conversation.question
    named = subject_of(question) if conversation.scope else None
    if named or conversation.sources or "folders" not in conversation.scope:
        return named
    computed = given_code(question) or read_computation(question)
    return question if asks_documents(question) and not computed else None


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


def _look_script(wish: Wish, suffix: str, loose: str, language: str) -> Script:
    output = yield code_call(
        look_cell(wish, suffix, loose),
        say(
            f"I look at the columns and the first rows of {wish.source.name}.",
            f"先查看 {wish.source.name} 的列和前几行。",
            language,
        ),
    )
    facts = read_result(output)
    if facts is None:
        return failure(output, language)
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
    missed = unread_times(wish)
    if wish.seek:
        thought = say(
            "I look which words of the question are values in the rows.", "先看问题中的哪些词是表中的值。", language
        )
        output = yield code_call(look_cell(wish, suffix, wish.seek), thought)
        wish, unknown = with_values(wish, (read_result(output) or {}).get("named") or {})
        missed += unknown
    title = title_of(wish, language)
    output = yield code_call(
        cell_for(wish, suffix, language), say(f"Now the numbers: {title}.", f"现在计算：{title}。", language)
    )
    facts = read_result(output)
    if facts is None and not DENIED.match(output):
        thought = say(
            "That failed. I try again and clean every column first.",
            "执行失败。先清洗所有用到的列再试一次。",
            language,
        )
        output = yield code_call(cell_for(wish, suffix, language, careful=True), thought)
        facts = read_result(output)
    if facts is None:
        return failure(output, language)
    return answer_text(wish, facts, language, missed)


def _blind_job(conversation: Conversation, blind: Sequence[Source]) -> Job:
    """The job for tables whose columns are not known before they are read: look, then all wishes one by one."""
    language, question = conversation.language, conversation.question

    def script(suffix: str) -> Script:
        seen: list[Seen] = []
        for at, source in enumerate(blind):
            found = yield from learned(source, f"{suffix}_{at + 1}" if at else suffix, question, language)
            if isinstance(found, str) and len(blind) == 1 == len(conversation.sources):
                return found
            seen += found if not isinstance(found, str) else []
        order = [source.file for source in conversation.sources]
        known = [*(entry.source for entry in seen), *(source for source in conversation.sources if source not in blind)]
        known.sort(key=lambda source: order.index(source.file))
        wishes = everywhere(question, wishes_of(question, conversation.earlier, known), known)
        guess = source_for(question, known)
        texts = [] if wishes else [unknown_text(guess, language)]
        wishes = wishes or ([Wish("profile", guess)] if guess else [])
        for at, wish in enumerate(wishes):
            texts.append((yield from _wish_script(wish, f"{suffix}_{at + 1}" if at else suffix, language)))
            remark = next((entry.remark for entry in seen if entry.source == wish.source), "")
            if remark and (at + 1 == len(wishes) or wishes[at + 1].source != wish.source):
                texts.append(remark)
        beside = _texts_beside(conversation, wishes)
        texts += [(yield from beside.script(suffix))] if beside else []
        return "\n\n".join(texts)

    names = say(", ", "、", language).join(source.name for source in blind)
    return Job(
        say(f"Work out the answer from {names}", f"根据 {names} 得出答案", language),
        say("Compute", "计算", language),
        script,
    )


def _texts_job(conversation: Conversation, texts: Sequence[Source]) -> Job:
    names = say(", ", "、", conversation.language).join(text.name for text in texts)
    title = say(f"Look into {names}", f"查看 {names}", conversation.language)
    return Job(title, say("Read", "阅读", conversation.language), lambda suffix: texts_script(conversation, texts))


def _texts_beside(conversation: Conversation, wishes: Sequence[Wish]) -> Job | None:
    """The look at the texts at hand, where one at every table is wanted."""
    texts = [source for source in conversation.sources if source.kind in ("text", "pdf")]
    all_of_them = (
        texts
        and {wish.kind for wish in wishes} == {"profile"}
        and not spoken_of(conversation.question, conversation.sources)
    )
    return _texts_job(conversation, texts) if all_of_them else None


def everywhere(question: str, wishes: list[Wish], sources: Sequence[Source]) -> list[Wish]:
    """The wishes; a look at a table that is not named is one at every table."""
    tables = spoken_of(question, sources) or [source for source in sources if source.tabular and source.columns]
    if [wish.kind for wish in wishes] != ["profile"] or wishes[0].source not in tables:
        return wishes
    return [replace(wishes[0], source=table, notes=()) for table in tables if table.tabular]


def _unknown_job(conversation: Conversation, source: Source | None) -> Job:
    language = conversation.language
    other = next((entry for entry in conversation.sources if not entry.tabular), None)
    if source is None and other is not None:
        title = say(f"Look into {other.name}", f"查看 {other.name}", language)
        return Job(title, say("Look", "查看", language), lambda suffix: other_script(other, language))
    if source is None:
        return _words_job(unknown_text(None, language), language)
    wish = Wish("profile", source)

    def script(suffix: str) -> Script:
        profile = yield from _wish_script(wish, suffix, language)
        return f"{unknown_text(source, language)}\n\n{profile}"

    return Job(title_of(wish, language), say("Look", "查看", language), script)


def _words_job(text: str, language: str) -> Job:
    title, stage = say("Say what can be done", "说明可以做什么", language), say("Answer", "回答", language)
    return Job(title, stage, lambda suffix: words_only(text))
