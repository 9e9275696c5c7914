"""What a question wants of the tables at hand, clause by clause: a list of wishes.

Above: `planner`, `executor`. Below: `settle`, `clauses`, `conditions`, `intents`, `matching`, `columns`.
"""
# ruff: noqa: E501 - a rule, a sentence or a line of written code stands on one line

import re
from collections.abc import Sequence
from dataclasses import replace

from genie_nb.backend.models.analyst.clauses import Clause, split_question
from genie_nb.backend.models.analyst.columns import Column, Source
from genie_nb.backend.models.analyst.conditions import Condition, Op, conditions_in
from genie_nb.backend.models.analyst.intents import AGGREGATES, CHARTS, PERIODS, has, top_count
from genie_nb.backend.models.analyst.leftovers import leftover
from genie_nb.backend.models.analyst.matching import Mention, find_mentions
from genie_nb.backend.models.analyst.settle import settle
from genie_nb.backend.models.analyst.wish import Wish

__all__ = ("MOST_READ", "is_guess", "named_in", "read_question", "source_for", "spoken_of")

MOST_READ = 1_000
"""How many characters of a question the rules for tables read at most."""
_GROUP_BEFORE = re.compile(
    r"(?:\b(?:by|per|each|every|across|which|between|among|within|grouped by|broken down by|split by|different|for all|over)(?: the)?"
    r"|[按各每哪](?:[个种类]|一[个种类])?|不同的?|分|以及|逐)\s*$",
    re.IGNORECASE,
)
_GROUP_MARK = re.compile(
    r"\b(?:by|per|for each|for every|across|grouped|in each|of each|in every)\b|[按各每]", re.IGNORECASE
)
_COUNTED = re.compile(
    r"(?:\b(?:how many|number of|count of|count)(?: the)?(?: different| distinct| unique)?|多少[个种家名位条类]?|几[个种家名位]|有多少)\s*$",
    re.IGNORECASE,
)
_COUNT_NOUN = re.compile(r"(?:订单|客户|员工|学生|病人|患者|用户|交易|产品|商品)(?:数量?|量)")
_BEYOND = re.compile(
    r"\b(?:predict\w*|forecast\w*|why|poem|story|joke|translate|write|e-?mail|recommend\w*|advise|should)\b|预测|为什么|为何|写[一首篇封]|翻译|建议|推荐|笑话",
    re.IGNORECASE,
)
_ALL_SUBJECTS = re.compile(
    r"\b(?:all|each|every|which|per|by) (?:the )?subjects?\b|[各每哪]一?[门个]?(?:科目?|课程?|学科)|所有科目|三科|全科",
    re.IGNORECASE,
)
_AGAIN = re.compile(r"\s*(?:(?:and|now|or|but|same|what about|how about|for|in)\b|那|呢|还有|换成)", re.IGNORECASE)


_ONLY = re.compile(
    r"\bonly\b|\bjust\b|^\s*(?:(?:and|but|now) )?(?:for|(?:what|how) about|in(?! which| what))\b|^\s*and\b|只|仅|其中|^\s*(?:那|换成).|呢\W*$",
    re.IGNORECASE,
)
_EXCEPT = re.compile(
    r"(?:^|; )\s*(?:(?:and|now|but) )?(?:without|excluding|exclude|except|leave out|leaving out|remove|ignor(?:e|ing)|drop|not)\b"
    r"|(?:^|; )\s*(?:再|那|请)?(?:如果)?(?:去掉|去除|除去|除了|排除|剔除|不含|不包括|不算|扣除)",
    re.IGNORECASE,
)
_WHEN = re.compile(r"\bwhen\b|什么时候|何时|哪一?[天日月年]", re.IGNORECASE)


def read_question(question: str, sources: Sequence[Source], before: Wish | None = None) -> list[Wish]:
    """The wishes of a question, in order; empty when no rule reads it. `before` is what it goes on from."""
    source = source_for(question, sources, before.source if before else None)
    if source is None or len(question) > MOST_READ:
        return []
    before = before if before and before.source == source else None
    guess = (("table", source.name),) if before is None and is_guess(question, source, sources) else ()
    question = re.sub(r"[^\S\n]+", " ", question)
    wishes: list[Wish] = []
    text = _without_names(question, sources)
    clauses = split_question(text, source.columns)
    if before is not None:
        clauses[:1] = [replace(clauses[0], fresh=False)]
    for at, clause in enumerate(clauses):
        later = " ".join(other.text for other in clauses[at + 1 :])
        wish = _read_clause(clause, source, wishes[-1] if wishes else before, later)
        if wish is not None and (not wishes or replace(wish, text="", notes=()) != replace(wishes[-1], text="", notes=())):
            wishes.append(replace(wish, notes=(*guess, *wish.notes)))
    return wishes


def source_for(question: str, sources: Sequence[Source], before: Source | None = None) -> Source | None:
    """The table that is named, or else the one whose columns the question names most; what goes on stays with `before`."""
    tables = [source for source in sources if source.tabular]
    if not tables:
        return None
    question = question[:MOST_READ]
    if named := named_in(question, tables):
        return max(named, key=lambda source: _fit(question, source))
    for source in spoken_of(question, tables):
        fitting = [other for other in tables if _fit(question, other) > _fit(question, source)]
        return fitting[0] if fitting else source
    best = max(tables, key=lambda source: _fit(question, source))
    return before if before in tables and (_fit(question, before) or not _fit(question, best)) else best


def named_in(question: str, sources: Sequence[Source]) -> list[Source]:
    """The inputs whose file a question names in full."""
    return [source for source in sources if "." in source.file and source.file.lower() in question.lower()]


def spoken_of(question: str, sources: Sequence[Source]) -> list[Source]:
    """The inputs that a question names, or words of it: a file without its ending, a sheet, a DataFrame."""
    return named_in(question, sources) or [
        source
        for source in sources
        for name in dict.fromkeys((source.file.rsplit(".", 1)[0].lower(), source.sheet.lower()))
        if len(name) > 2 and re.search(rf"(?<![a-z0-9]){re.escape(name)}(?![a-z0-9])", question.lower())
    ]


def is_guess(question: str, source: Source, sources: Sequence[Source]) -> bool:
    """Whether other tables fit a question as well as this one, which it does not name."""
    others = [other for other in sources if other.tabular and other != source]
    if named_in(question, [source]) or source_for(question, [*others, source]) == source:
        return False
    return any(_fit(question, other) >= _fit(question, source) for other in others)


def _fit(question: str, source: Source) -> float:
    return sum(mention.strength for mention in find_mentions(question, source.columns))


def _without_names(question: str, sources: Sequence[Source]) -> str:
    for source in sources:
        if source.sheet:
            sheet = rf"(?:the\s+)?\bsheet\s+[\"'`“]?{re.escape(source.sheet)}[\"'`”]?"
            question = re.sub(sheet, " ", question, flags=re.IGNORECASE)
        if "." in source.file:
            question = re.sub(
                rf"(?:\b(?:in|of|from|for)\s+)?[\"'`“]?{re.escape(source.file)}[\"'`”]?", " ", question, flags=re.IGNORECASE
            )
    only_names = re.fullmatch(r"\s*(?:what(?:'s| is| are)(?: in| inside)?\b)?\W*", question, re.IGNORECASE)
    return "describe" if only_names else question.strip()


def _read_clause(clause: Clause, source: Source, before: Wish | None, later: str) -> Wish | None:
    text = clause.text
    mentions = find_mentions(text, source.columns)
    time = _time(mentions, source)
    conditions, rest = conditions_in(text, time, [m for m in mentions if m.column.role == "measure"], source.columns)
    mentions = [m for m in mentions if rest[m.start : m.end].strip("·")]
    named, every = rest, mentions
    mentions = _without_counts(_without_limits(mentions, conditions, rest), rest)
    headers = [mention for mention in mentions if mention.strength >= 3 and mention.column.role != "time"]
    rest = _without(rest, headers)  # a header such as `Growth Rate` is no verb
    kind = _kind(rest, mentions)
    period = _period(rest, mentions, time)
    loose = leftover(named, every)
    seek = leftover(named, [m for m in every if m.strength >= 3 or m.end - m.start > 4 or text[m.start : m.end].isascii()])
    drawn = any(has(name, rest) for name in ("chart", "pie", "scatter", "hist"))
    chart = next((name for name in CHARTS if has(name, rest)), "auto") if drawn else ""
    excepted = bool(seek) and not conditions and _EXCEPT.match(text) is not None
    other_rows = kind in ("distinct", "") and (
        (bool(seek or conditions) and _ONLY.search(text) is not None)
        or (bool(conditions) and not (clause.fresh or mentions))
    )
    if before is not None and (excepted or other_rows):
        return _narrowed(before, conditions, replace(before, loose=loose, seek=seek, text=text), more=excepted)
    if before is not None and not mentions and not conditions and not period and kind == "chart":
        return replace(before, chart=chart, only_chart=True, loose=before.loose, notes=())
    if _BEYOND.search(_without(text, mentions)) or (kind == "" and not conditions and not (before and _AGAIN.match(text))):
        return None
    wish = Wish(
        kind,
        source,
        time=time,
        period=period,
        conditions=tuple(conditions),
        chart=chart,
        loose=loose,
        seek=seek,
        text=text,
        share=has("share", rest),
    )
    wish = replace(wish, notes=_guessed_limits(text, conditions, every, source))
    wish = replace(wish, n=top_count(rest), ascending=has("bottom", rest) and not has("top", rest))
    wish = _with_columns(wish, rest, mentions)
    wish = _inherit(wish, before, clause, later)
    return settle(wish, rest)


def _narrowed(before: Wish, conditions: Sequence[Condition], named: Wish, *, more: bool) -> Wish:
    """The wish before it for other rows: of a new time, of the values now named, or without them."""
    fresh = {(condition.column, condition.op) for condition in conditions}
    both = (*(c for c in before.conditions if (c.column, c.op) not in fresh), *conditions)
    if named.seek and not (more or _EXCEPT.search(before.text)):
        return replace(before, conditions=both, loose=named.loose, seek=named.seek, text=named.text, notes=())
    loose, seek = (" ".join(filter(None, pair)) for pair in ((before.loose, named.loose), (before.seek, named.seek)))
    return replace(before, conditions=both, loose=loose, seek=seek, text=f"{before.text}; {named.text}", notes=())


def _without(text: str, mentions: Sequence[Mention]) -> str:
    for mention in mentions:
        text = text[: mention.start] + "_" * (mention.end - mention.start) + text[mention.end :]
    return text


def _without_limits(mentions: list[Mention], conditions: Sequence[Condition], text: str) -> list[Mention]:
    """The mentions without a column that is only named to set a limit, as in `orders with revenue over 300`."""
    limited = {condition.column for condition in conditions if condition.op in (">", ">=", "<", "<=")}
    others = [m for m in mentions if m.column.role == "measure" and m.column.name not in limited]
    named = any(has(name, text) for name in AGGREGATES if name != "count")
    if not limited or (named and not others):
        return mentions
    return [m for m in mentions if m.column.name not in limited]


def _guessed_limits(
    text: str, conditions: Sequence[Condition], mentions: Sequence[Mention], source: Source
) -> tuple[tuple[str, str], ...]:
    """Notes on the columns of limits that name none, as in `orders over 300`, where there are several to choose from."""
    named = {m.column.name for m in mentions} | {column.name for column in source.columns if "age" in column.meanings}
    limited = dict.fromkeys(c.column for c in conditions if c.op in (">", ">=", "<", "<=") and c.values != ("0",))
    several = len(source.of_role("measure")) > 1 and re.search(r"\d", text) is not None
    return tuple(("limit", name) for name in limited if name and several and name not in named)


def _without_counts(mentions: list[Mention], text: str) -> list[Mention]:
    """The mentions without a column that only resembles a count of rows, as `数量` does in `订单数量`."""
    counts = [match.span() for match in _COUNT_NOUN.finditer(text)]
    return [m for m in mentions if not any(start < m.start and m.end <= end for start, end in counts)]


def _time(mentions: Sequence[Mention], source: Source) -> Column | None:
    named = [m.column for m in mentions if m.column.role == "time" and m.column.grain != "part"]
    dated = [column for column in source.of_role("time") if column.grain != "part"]
    return (named or sorted(dated, key=lambda column: column.grain != "date") or [None])[0]  # type: ignore[list-item]


def _kind(text: str, mentions: Sequence[Mention]) -> str:
    measures = [m for m in mentions if m.column.role == "measure"]
    if has("quality", text):
        return "quality"
    if has("correlation", text) and (len(measures) >= 2 or not [m for m in mentions if m.column.role == "category"]):
        return "correlation"
    if has("scatter", text) and len(measures) >= 2:
        return "correlation"
    if has("compare", text) and not (has("top", text) and top_count(text)):
        return "compare"
    if has("growth", text) and (measures or not re.search(r"\bgrowth (?:rate )?by\b", text)):
        return "growth"
    if has("distribution", text):
        return "distribution"
    if has("trend", text):
        return "trend"
    return _plain_kind(text, mentions, measures=bool(measures))


def _plain_kind(text: str, mentions: Sequence[Mention], *, measures: bool) -> str:
    """The kinds that ordinary words ask for: totals, tops, lists, a look at the table."""
    counts = has("count", text) and not measures
    if has("profile", text) and not measures and not (mentions and _GROUP_MARK.search(text)):
        return "profile"
    if has("min", text) and has("max", text):
        return "aggregate"
    if (has("top", text) or has("bottom", text)) and not (
        counts and not re.search(r"\b(?:which|most|least|top)\b|[哪最前]", text, re.IGNORECASE)
    ):
        return "top"
    if has("distinct", text) and not measures and mentions and not _GROUP_MARK.search(text):
        return "distinct"
    if any(has(name, text) for name in AGGREGATES) or has("share", text):
        return "aggregate"
    if has("chart", text):
        return "chart"
    if has("profile", text):
        return "profile"
    return "aggregate" if measures or _GROUP_MARK.search(text) else ("distinct" if mentions else "")


def _period(text: str, mentions: Sequence[Mention], time: Column | None) -> str:
    if time is None or time.grain == "part":
        return ""
    if has("decade", text):
        return "decade"
    if time.grain == "year":
        grouped = any(m.column == time and _GROUP_BEFORE.search(text[: m.start]) for m in mentions)
        return "year" if grouped or has("year", text) or _WHEN.search(text) else ""
    found = next((name for name in PERIODS if has(name, text)), "")
    if not found and any(m.column == time and _GROUP_BEFORE.search(text[: m.start]) for m in mentions):
        found = "auto"
    return found


_IN_EACH = re.compile(r"(?:\b(?:each|every|per)|[各每]一?个?)\s*$", re.IGNORECASE)
_EITHER = re.compile(r"\bwhether\b|\bor not\b|\bvs\b|是否|与否", re.IGNORECASE)
_NOT = re.compile(r"(?:\bnot|n't|\bnon-?|[不未非]|没有?)\s*$", re.IGNORECASE)


def _is_divisor(column: Column, between: str) -> bool:
    """Whether a column stands behind another as its divisor: revenue per unit."""
    divided = re.fullmatch(r"\s*(?:per|/|divided by|除以)\s*", between, re.IGNORECASE)
    return bool(divided) and column.role == "measure" and not column.averaged


def _with_columns(wish: Wish, text: str, mentions: Sequence[Mention]) -> Wish:
    """The mentioned columns as measures and groups."""
    measures: list[Column] = []
    groups: list[Column] = []
    notes = list(wish.notes)
    counted = has("count", text)
    for at, mention in enumerate(mentions):
        column = mention.column
        led = _GROUP_BEFORE.search(text[: mention.start]) is not None
        before = mentions[at - 1] if at else None
        if _is_divisor(column, text[before.end : mention.start] if before and before.column in measures else ""):
            wish = replace(wish, per=column)
            continue
        if column.flag and not led and wish.kind == "aggregate" and not wish.share and not _EITHER.search(text):
            op: Op = "no" if _NOT.search(text[: mention.start]) else "yes"
            wish = replace(wish, conditions=(*wish.conditions, Condition(column.name, op, (op,))))
            continue
        if wish.kind == "top" and _IN_EACH.search(text[: mention.start]) and column.role == "category":
            wish = replace(wish, within=column)
        if mention.others and (column.role == "measure" or mention.others[0].name.startswith(f"{column.name}.")):
            notes.append(
                (
                    "ambiguous",
                    "|".join([wish.text[mention.start : mention.end], column.name, *(c.name for c in mention.others)]),
                )
            )
        if column == wish.time and column.grain != "part":
            continue
        if column.role == "measure" and not (
            led and measures and wish.kind in ("aggregate", "distribution", "compare", "chart")
        ):
            measures.append(column)
        elif (
            column.role == "id"
            and (not led or has("mean", text))
            and not (counted and _COUNTED.search(text[: mention.start]))
        ):
            notes.append(("id", column.name))
        elif counted and _COUNTED.search(text[: mention.start]) and not led:
            measures.append(column)
        else:
            groups.append(column)
    if not measures and _ALL_SUBJECTS.search(wish.text):
        measures = [column for column in wish.source.of_role("measure") if column.subject]
        groups = [column for column in groups if column.role != "time"]
        if measures and wish.kind in ("top", "aggregate", "compare"):
            wish = replace(wish, kind="aggregate", aggregates=wish.aggregates or ("mean",))
    return replace(wish, measures=tuple(dict.fromkeys(measures)), groups=tuple(dict.fromkeys(groups)), notes=tuple(notes))


def _inherit(wish: Wish, before: Wish | None, clause: Clause, later: str) -> Wish:
    """What the clause leaves out, from the clause before it; a missing measure also from what follows."""
    if before is None or wish.kind in ("profile", "quality"):
        if not wish.measures and later and wish.kind in ("top", "aggregate") and not has("count", clause.text):
            ahead = [m.column for m in find_mentions(later, wish.source.columns) if m.column.role == "measure"]
            wish = replace(wish, measures=tuple(ahead[:1]))
        return wish
    bare = not wish.measures and not wish.groups and not wish.period
    if not wish.measures and not has("count", clause.text):
        wish = replace(wish, measures=before.measures, aggregates=before.aggregates)
    if wish.kind == "" and (wish.loose or wish.conditions):
        wish = replace(wish, kind=before.kind)
    led = re.match(r"\s*(?:by|per|for each)\b|.{0,4}[按各每]", before.text, re.IGNORECASE) is not None and not clause.fresh
    bare = bare or (led and not wish.groups and not wish.period)
    if bare or (wish.kind == "top" and not wish.groups and not wish.period and not clause.fresh):
        wish = replace(wish, groups=before.groups, period=before.period if wish.kind != "growth" else "")
    if not wish.conditions and not clause.fresh:
        wish = replace(
            wish,
            conditions=before.conditions,
            loose=" ".join(filter(None, (before.loose, wish.loose))),
            seek=" ".join(filter(None, (before.seek, wish.seek))),
        )
    return wish
