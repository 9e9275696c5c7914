"""The tables at hand: which columns they have and what each is good for.

Above: `matching`, `question`, `code`. Below: `synonyms`.
"""
# ruff: noqa: E501 - a rule, a sentence or a line of written code stands on one line

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any, Literal

from genie_nb.backend.models.analyst.synonyms import ADDITIVE, AVERAGED, CONCEPTS, SNAPSHOTS, SUBJECTS

__all__ = ("Column", "Source", "columns_from", "concepts_of", "part_of", "read_sources", "stacked", "stem", "words_of")

Role = Literal["measure", "category", "time", "id"]

MOST_NAME = 200
"""A column with a longer name is none that a question names."""
CJK = r"\u4e00-\u9fff"
_CURRENCY = r"(?:US\$|[$€£¥￥₹]|USD|EUR|GBP|CNY|RMB|CHF|JPY|Rs\.?)"
_UNIT = r"(?:%|％|‰|°[CF]?|℃|元|万元|亿元|万|亿|[kKM]|kg|g|km|m|cm|mm|kWh|ms|s|h|件|个|人|岁)"
_NUMERIC = re.compile(rf"\(?[-+−]?\s*{_CURRENCY}?\s*[-+−]?\s*\d[\d.,'\s]*(?:[eE][-+]?\d+)?\s*{_CURRENCY}?{_UNIT}?\)?")
_PLAIN = re.compile(r"[-+]?\d+(?:\.\d+)?(?:[eE][-+]?\d+)?")
_MONTHS = r"(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]*"
_DATES = re.compile(
    r"\d{4}[-/.]\d{1,2}(?:[-/.]\d{1,2})?(?:[ T].*)?|\d{1,2}[-/.]\d{1,2}[-/.]\d{2,4}(?: .*)?"
    r"|\d{4}年(?:\s*\d{1,2}月(?:\s*\d{1,2}[日号])?)?|\d{4}\s*年?\s*-?\s*(?:Q|第)\s*[1-4一二三四]\s*(?:季度)?"
    rf"|Q[1-4][ /-]?\d{{4}}|{_MONTHS}[ .,-]+(?:\d{{1,2}},? +)?\d{{2,4}}|\d{{1,2}}[ -]{_MONTHS}[ ,-]+\d{{2,4}}",
    re.IGNORECASE,
)
_ISO_DATE = re.compile(r"\d{4}-\d{2}(?:-\d{2}(?:[ T]\d{2}:\d{2}(?::\d{2}(?:\.\d+)?)?)?)?")
_ID = re.compile(
    r"(?:^|[\s_.-])(?:id|ids|uuid|guid|key|code|zip|zipcode|postcode|postal|phone|tel|sku|isbn|index|no|nr|number|serial|rowid)$"
    r"|^(?:id|index|unnamed: \d+|zip|postal)\b|^(?:respondent|participant|record|row|invoice|ticket|case)$|id号?$|编号|编码|序号|邮编|电话|手机号?|工号|学号|单号|订单号|身份证|代码|^号码$",
    re.IGNORECASE,
)
_YEAR_NAME = re.compile(
    r"(?:^|[\s_])(?:year|yr|fy|année|jahr|año)$|^(?:year|fiscal)\b|年份|年度|^年$|founded|born|birth|established|built|opened|launched|成立|出生|建成",
    re.IGNORECASE,
)
_ORIGIN = r"founded|born|birth|established|built|opened|launched|成立|出生|建成"
_PART_NAME = re.compile(r"^(?:month|quarter|weekday|week|hour|day)$|^(?:月份?|季度|星期|周|小时|时段)$", re.IGNORECASE)
_DATE_NAME = re.compile(r"date|time|day|日期|时间|年月", re.IGNORECASE)


@dataclass(frozen=True)
class Column:
    """One column.

    Attributes:
        name: Its header without blanks and BOM around it, as the code calls it.
        role: `measure` (numbers to compute with), `category`, `time`, or `id` (numbers that are names).
        grain: Of a time: `date`, `year` (whole numbers) or `part` (months or weekdays without a year).
        clean: Whether its values are written so that pandas reads them as they are.
        sign: What stands before and after a number, e.g. `("$", "")` or `("", "%")`.
        flag: Whether its values are yes and no.
        signed: Whether some of its numbers are negative, as in a bank statement.
        dotted: Whether a point stands before three digits in each of its numbers, as in 1.000, which may be a thousand.
        yearly: Whether it was made of columns that are years, so that each of its values is a year's.
    """

    name: str
    role: Role
    grain: Literal["", "date", "year", "part"] = ""
    clean: bool = True
    sign: tuple[str, str] = ("", "")
    flag: bool = False
    signed: bool = False
    yearly: bool = False
    dotted: bool = False

    @property
    def base(self) -> str:
        """The name without a unit in brackets."""
        return re.sub(r"\s*[(（\[].*?[)）\]]\s*", " ", self.name).strip() or self.name

    @property
    def unit(self) -> str:
        """The unit in brackets, or none."""
        found = re.search(r"[(（\[](.*?)[)）\]]\s*$", self.name)
        return found[1].strip() if found else ""

    @property
    def averaged(self) -> bool:
        """Whether a mean says more of it than a sum."""
        if self.sign[1] in ("%", "％") or self.unit in ("%", "°C", "℃", "°F", "C", "hPa"):
            return True
        words = set(words_of(self.base)) | self.meanings
        if {"total", "sum", "amount", "point", "points"} & words or "总" in self.name:
            return False
        return bool(words & AVERAGED) or any(word in self.name for word in AVERAGED if not word.isascii())

    @property
    def meanings(self) -> set[str]:
        """What the header says, as the first words of the synonyms."""
        return {CONCEPTS[at][0] for at in concepts_of(self.name)}

    @property
    def subject(self) -> bool:
        """Whether it is a school subject, one of several columns of marks."""
        return bool(SUBJECTS & (set(words_of(self.base)) | {self.base, *self.meanings}))

    @property
    def snapshot(self) -> bool:
        """Whether it is a state, such as a population, that is not added up over time."""
        return self.role == "measure" and (self.yearly or bool(SNAPSHOTS & self.meanings))

    @property
    def origin(self) -> bool:
        """Whether it says when a thing began, so that it is no axis of time."""
        return re.search(_ORIGIN, self.name, re.IGNORECASE) is not None

    @property
    def weight(self) -> int:
        """How likely it is what a question means that names no measure; lower is likelier."""
        meant = self.meanings
        return next((at for at, name in enumerate(ADDITIVE) if name in meant), len(ADDITIVE))


@dataclass(frozen=True)
class Source:
    """One input: a file or a DataFrame, and the expression that reads it; `wide` is the same before its years were stacked.

    `sheet`: Of a workbook with several sheets, which of them.
    """

    name: str
    kind: str
    read: str
    rows: int | None
    columns: tuple[Column, ...]
    tidy: bool = True
    wide: "Source | None" = None
    sheet: str = ""

    @property
    def file(self) -> str:
        """The name of the file; a sheet's own name also says which sheet it is."""
        return self.name.removesuffix(f" ({self.sheet})") if self.sheet else self.name

    def of_role(self, *roles: str) -> list[Column]:
        """The columns with one of these roles."""
        return [column for column in self.columns if column.role in roles]

    def column(self, name: str) -> Column | None:
        """The column with that name."""
        return next((column for column in self.columns if column.name == name), None)

    @property
    def tabular(self) -> bool:
        """Whether it can be a table."""
        return self.kind in ("csv", "excel", "parquet", "json", "dataframe")


def part_of(name: str) -> str:
    """Of a column that holds a part of the year by itself: `quarter` or `month`."""
    return (
        {"q": "quarter", "季": "quarter", "m": "month", "月": "month"}.get(name[:1].lower(), "")
        if _PART_NAME.search(name)
        else ""
    )


def stem(word: str) -> str:
    """An English word without its plural; good enough to compare two words."""
    word = word.lower().removesuffix("'s").rstrip("'")
    if len(word) > 4 and word.endswith("ies"):
        return word[:-3] + "y"
    if len(word) > 4 and word.endswith(("sses", "shes", "ches", "xes")):
        return word[:-2]
    if len(word) > 6 and word.endswith("ely"):
        return word[:-2]
    if len(word) > 3 and word.endswith("s") and not word.endswith(("ss", "us", "is")):
        return word[:-1]
    return word


def words_of(text: str) -> list[str]:
    """The English words of a header or a sentence, stemmed; `unitPrice` and `unit_price` are two words."""
    text = re.sub(r"([a-z])([A-Z])", r"\1 \2", text)
    return [stem(word) for word in re.findall(r"[A-Za-zÀ-ÿ]+[0-9]*", text)]


@lru_cache(maxsize=4096)
def concepts_of(name: str) -> tuple[int, ...]:
    """Which lines of the synonyms a header belongs to, by its words."""
    words = set(words_of(name)) | {name.lower()}
    plain = name.lower().replace("_", " ")
    cjk = re.search(f"[{CJK}]", name) is not None
    found = []
    for at, terms in enumerate(CONCEPTS):
        for term in terms:
            if (
                (term.isascii() and (stem(term) in words or (" " in term and term in plain)))
                or (cjk and len(term) > 1 and term in name)
                or term == name
            ):
                found.append(at)
                break
    return tuple(found)


def read_sources(section: str) -> list[Source]:
    """The inputs, one JSON object a line; lines that are none are left out."""
    sources = []
    for line in section.splitlines():
        try:
            entry = json.loads(line)
        except (ValueError, RecursionError):
            continue  # a remark between the objects
        if isinstance(entry, dict) and entry.get("read"):
            given = entry.get("columns") or []
            given = [column for column in given if len(str(column.get("name", ""))) <= MOST_NAME]
            names = [str(column.get("name", "")) for column in given]
            columns = columns_from(given)
            tidy = bool(names) and all(name == _tidy(name) for name in names)
            name, kind, read = (str(entry.get(key, "")) for key in ("name", "kind", "read"))
            if kind == "csv" and _titled(names, read):  # its columns are known only once it is read
                columns, read = (), read.replace("pd.read_csv(", "below_titles(")
            if kind == "json" and "typ='series'" in read:
                kind = "object"
            zeros = {
                c["name"]: "str" for c in given if any(re.fullmatch(r"0\d+", text) for text in _texts(c.get("examples")))
            }
            if kind == "csv" and zeros and "dtype=" not in read:  # 01067 is a name and no number
                read = f"{read[:-1]}, dtype={zeros!r})"
            sources.append(stacked(Source(name, kind, read, entry.get("rows"), columns, tidy)))
    return sources


def _titled(names: list[str], read: str) -> bool:
    """Whether the first line of a CSV file is a title and not its header."""
    nameless = sum(name.startswith("Unnamed: ") for name in names)
    return (len(names) == 1 and ("sep=" in read or len(names[0].split()) > 2)) or (
        nameless > 1 and nameless == len(names) - 1
    )


def stacked(source: Source) -> Source:
    """The table with columns such as `2019`, `2020` turned into rows of a year and a value; any other as it is."""
    years = [
        column for column in source.columns if column.role == "measure" and re.fullmatch(r"(?:19|20)\d\d年?", column.name)
    ]
    if len(years) < 2 or not source.tidy:
        return source
    kept = tuple(column for column in source.columns if column not in years)
    names = [column.name for column in kept]
    stem_name = source.name.rsplit(".", 1)[0]
    value = stem_name if stem_name and stem_name not in names else "value"
    year = "年份" if re.search(f"[{CJK}]", "".join((value, *names))) else "year"
    read = f"{source.read}.melt(id_vars={names!r}, value_vars={[column.name for column in years]!r}, var_name={year!r}, value_name={value!r})"
    columns = (*kept, Column(year, "time", "year", clean=False), replace(years[0], name=value, clean=False, yearly=True))
    return replace(source, read=read, columns=columns, rows=(source.rows or 0) * len(years) or None, wide=source)


def columns_from(entries: Sequence[Mapping[str, Any]]) -> tuple[Column, ...]:
    """Columns from their names, kinds and examples."""
    return tuple(
        _column(_tidy(str(entry.get("name", ""))), str(entry.get("kind", "text")), _texts(entry.get("examples")))
        for entry in entries
    )


def _texts(examples: Any) -> list[str]:
    return [str(value).strip() for value in examples or [] if value is not None and str(value).strip()]


def _tidy(name: str) -> str:
    return name.strip("\ufeff \t\r\n")


def _column(name: str, kind: str, examples: list[str]) -> Column:
    numeric = bool(examples) and sum(bool(_NUMERIC.fullmatch(text)) for text in examples) * 5 >= len(examples) * 3
    dated = bool(examples) and sum(bool(_DATES.fullmatch(text)) for text in examples) * 2 >= len(examples)
    if all(re.fullmatch(r"\d+(?:\.\d+)?", text) for text in examples) and not _DATE_NAME.search(name):
        dated, kind = False, "number" if kind == "date" and examples else kind  # 1727.5 is no month of 1727
    if _PART_NAME.search(name) and not dated:
        return Column(name, "time", "part")
    if kind == "bool":
        return Column(name, "category", flag=True)
    if _is_year(name, examples, kind):
        return Column(name, "time", "year", all(re.fullmatch(r"\d{4}", text) for text in examples))
    if kind == "date" or dated or (_DATE_NAME.search(name) and _compact_dates(examples)):
        return Column(name, "time", "date", all(_ISO_DATE.fullmatch(text) for text in examples))
    if kind == "number" or numeric:
        if _ID.search(name) or (examples and all(re.fullmatch(r"0\d+|\d{11,}", text) for text in examples)):
            return Column(name, "id")
        clean = all(_PLAIN.fullmatch(text) for text in examples) and kind == "number"
        signed = any(re.match(r"[-−(]", text) for text in examples)
        dotted = bool(examples) and all(re.fullmatch(r"-?[1-9]\d{0,2}\.\d{3}", text) for text in examples)
        return Column(name, "measure", "", clean, _sign(examples), signed=signed, dotted=dotted)
    return Column(name, "id" if _ID.search(name) and words_of(name)[-1:] != ["code"] else "category")


def _is_year(name: str, examples: list[str], kind: str) -> bool:
    years = [re.fullmatch(r"(?:1[5-9]|20|21)\d\d(?:\.0)?年?", text) is not None for text in examples]
    return bool(_YEAR_NAME.search(name)) and (all(years) if years else kind == "number")


def _compact_dates(examples: list[str]) -> bool:
    return bool(examples) and all(re.fullmatch(r"(?:19|20)\d\d[01]\d(?:[0-3]\d)?", text) for text in examples)


def _sign(examples: list[str]) -> tuple[str, str]:
    """The currency before, or the sign after, if every example has it."""
    for pattern, before in ((rf"[-(]?({_CURRENCY})", True), (r".*?(%|％|€|£|元)\)?", False)):
        found = {match[1] if (match := (re.match if before else re.fullmatch)(pattern, text)) else "" for text in examples}
        if len(found) == 1 and (sign := found.pop()):
            return (sign, "") if before else ("", sign if sign in ("%", "％", "元") else f" {sign}")
    return ("", "")
