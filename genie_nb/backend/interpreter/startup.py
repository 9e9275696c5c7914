"""Runs inside the child kernel at warm-up: sets up charts, tables and output.

It is sent to the child as text and knows nothing of genie_nb; what it prepares is understood by `outputs`.
"""

import contextlib
import dataclasses
import logging
import os
import re
import sys
import warnings
from collections.abc import Hashable
from typing import Any

import matplotlib._text_helpers
import matplotlib.font_manager
import matplotlib.pyplot as plt
import pandas as pd

__all__ = ("set_up",)

FLUSH_S = 0.02
TABLE = "application/vnd.genie.table+json"
UNSHOWN = "application/vnd.genie.unshown+json"
MAX_STREAM, MAX_SHOWN = 1_000_000, 20_000_000
MAX_ROWS, MAX_COLUMNS, MAX_CELL = 30, 50, 120
MAX_UNSHOWN = 100
CHART_DPI = 110
CJK_FONTS = (
    "Noto Sans CJK SC",
    "Source Han Sans SC",
    "Source Han Sans CN",
    "WenQuanYi Micro Hei",
    "WenQuanYi Zen Hei",
    "PingFang SC",
    "Hiragino Sans GB",
    "Heiti SC",
    "Microsoft YaHei",
    "SimHei",
    "Noto Sans SC",
    "Noto Sans CJK JP",
    "Noto Serif CJK SC",
    "Noto Serif SC",
    "Source Han Serif SC",
    "Songti SC",
    "SimSun",
    "AR PL UMing CN",
    "AR PL UKai CN",
    "LXGW WenKai",
    "Droid Sans Fallback",
    "Arial Unicode MS",
)
CJK_FILES = re.compile(
    r"cjk|noto(?:sans|serif)sc|source.?han|wqy|uming|ukai|wenkai|pingfang|hiragino|hei|song|simsun|msyh|fallback|arialuni",
    re.IGNORECASE,
)
"""What the names of files with such fonts hold."""


def set_up_fonts() -> bool:
    """Let charts show Chinese, also under the names of fonts that are not installed; whether a font has it."""
    plt.rcParams["axes.unicode_minus"] = False
    logging.getLogger("matplotlib.font_manager").setLevel(logging.ERROR)
    return use_cjk_font()


def use_cjk_font() -> bool:
    """Take missing glyphs from a font with Chinese characters; whether there is one, listed or on the disk."""
    entries = listed_cjk_fonts()
    if not entries:  # the list may be older than the fonts: matplotlib keeps it
        add_unlisted_fonts()
        entries = listed_cjk_fonts()
    chosen = next((name for name in CJK_FONTS if name in entries), None)
    if chosen is None:
        return False
    fonts = matplotlib.font_manager.fontManager.ttflist
    fonts.extend(dataclasses.replace(entries[chosen], name=name) for name in CJK_FONTS if name not in entries)
    # A glyph that the first family lacks is taken from the next.
    plt.rcParams["font.family"] = ["sans-serif", chosen]
    return True


def listed_cjk_fonts() -> dict[str, Any]:
    """The fonts with Chinese characters that matplotlib knows of, and that are still there."""
    fonts = matplotlib.font_manager.fontManager.ttflist
    return {entry.name: entry for entry in fonts if entry.name in CJK_FONTS and os.path.exists(entry.fname)}


def add_unlisted_fonts() -> None:
    """Tell matplotlib of fonts with Chinese characters that are on the disk and not in its list."""
    manager = matplotlib.font_manager.fontManager
    listed = {entry.fname for entry in manager.ttflist}
    for path in matplotlib.font_manager.findSystemFonts():
        if path not in listed and CJK_FILES.search(os.path.basename(path)):
            with contextlib.suppress(OSError, RuntimeError, ValueError):  # it is damaged, or of another kind
                manager.addfont(path)


def set_up_missing_glyphs(shell: Any, *, found: bool) -> None:
    """Send the characters that charts show as boxes with the cell that drew them, in place of warnings.

    As long as no font was found for them, each cell begins with another look at the disk.
    """
    missing: dict[str, None] = {}

    def remember(codepoint: int, fontnames: str = "") -> None:
        missing[chr(codepoint)] = None

    def look() -> None:
        nonlocal found
        found = found or use_cjk_font()

    def send() -> None:
        if missing and not found:
            shell.display_pub.publish({UNSHOWN: {"characters": "".join(missing)[:MAX_UNSHOWN]}})
        missing.clear()

    matplotlib._text_helpers.warn_on_missing_glyph = remember
    shell.events.register("pre_execute", look)
    shell.events.register("post_execute", send)


def show_open_figures(shell: Any) -> None:
    """Show what the cell drew and did not show, whichever backend it chose."""
    for number in plt.get_fignums():
        bundle, metadata = shell.display_formatter.format(plt.figure(number))
        shell.display_pub.publish(bundle, metadata)
        plt.close(number)


def cell_text(value: object) -> str:
    """A table's cell as text."""
    text = f"{value:.10g}" if isinstance(value, float) else str(value)
    return text if len(text) <= MAX_CELL else text[: MAX_CELL - 1] + "…"


def label_text(label: Hashable) -> str:
    """A column's name as text; the levels of a name are joined."""
    return " / ".join(map(str, label)) if isinstance(label, tuple) else str(label)


def table_bundle(frame: pd.DataFrame) -> dict[str, Any]:
    """A DataFrame's head as columns (the index first), dtypes and rows of text."""
    head = frame.iloc[:MAX_ROWS, :MAX_COLUMNS]
    names = ["" if name is None else label_text(name) for name in head.index.names]
    keys = list(head.index) if head.index.nlevels > 1 else [(key,) for key in head.index]
    columns = [head.iloc[:, place].tolist() for place in range(head.shape[1])]
    return {
        TABLE: {
            "columns": names + [label_text(label) for label in head.columns],
            "dtypes": [""] * len(names) + [str(dtype) for dtype in head.dtypes],
            "rows": [
                [cell_text(value) for value in (*key, *(column[row] for column in columns))] for row, key in enumerate(keys)
            ],
            "total_rows": len(frame),
            "total_columns": frame.shape[1],
        }
    }


def series_bundle(series: pd.Series) -> dict[str, Any]:
    """A Series' head as a table of one column."""
    return table_bundle(series.to_frame("" if series.name is None else series.name))


def set_up_tables(shell: Any) -> None:
    """Send DataFrames and Series as tables beside their plain text, and not as HTML."""
    formatter = shell.display_formatter
    formatter.mimebundle_formatter.for_type(pd.DataFrame, table_bundle)
    formatter.mimebundle_formatter.for_type(pd.Series, series_bundle)
    formatter.formatters["text/html"].for_type(pd.DataFrame, lambda _: None)
    pd.set_option("display.width", 160)
    pd.set_option("display.max_columns", MAX_COLUMNS)
    pd.set_option("display.max_rows", 60)
    pd.set_option("display.max_colwidth", 80)
    pd.set_option("display.unicode.east_asian_width", True)


def set_up_charts(shell: Any) -> None:
    """Show figures as PNG at a readable size."""
    shell.run_line_magic("matplotlib", "inline")
    plt.rcParams["figure.dpi"] = CHART_DPI
    warnings.filterwarnings("ignore", message="Glyph .* missing from")
    warnings.filterwarnings("ignore", message=".*non-interactive, and thus cannot be shown")
    shell.events.register("post_execute", lambda: show_open_figures(shell))


def set_up_streams() -> None:
    """Send output as it is written."""
    streams: tuple[Any, ...] = (sys.stdout, sys.stderr)
    for stream in streams:
        stream.flush_interval = FLUSH_S


def set_up_messages(shell: Any) -> None:
    """Send what can be sent: giant texts without their middle, which would hold up whoever reads them; whole characters."""
    session = shell.kernel.session
    msg = session.msg

    def cut(kind: str, content: Any = None, *args: Any, **named: Any) -> Any:
        if kind == "stream":
            content = content | {"text": without_middle(content["text"], MAX_STREAM)}
        elif kind in ("display_data", "update_display_data", "execute_result"):
            content = content | {"data": {key: without_middle(value, MAX_SHOWN) for key, value in content["data"].items()}}
        named |= {name: whole_characters(named[name]) for name in named.keys() & {"metadata"}}
        return msg(kind, whole_characters(content), *args, **named)

    session.msg = cut


def whole_characters(value: Any) -> Any:
    """A message's value with U+FFFD for each lone surrogate: no encoding has one, and the whole message would be lost."""
    if isinstance(value, str):
        return value if value.isascii() else value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    if isinstance(value, dict):
        return {whole_characters(name): whole_characters(inner) for name, inner in value.items()}
    if isinstance(value, list | tuple):
        return [whole_characters(inner) for inner in value]
    return value


def without_middle(value: Any, most: int) -> Any:
    """A text's two ends, if it is longer than anybody reads; anything else as it is."""
    if not isinstance(value, str) or len(value) <= most:
        return value
    return f"{value[: most // 2]}\n… {len(value) - most} characters left out …\n{value[-most // 2 :]}"


def set_up(shell: Any) -> None:
    """Prepare the kernel of this shell."""
    sys.argv = [""]
    set_up_streams()
    set_up_messages(shell)
    set_up_charts(shell)
    set_up_missing_glyphs(shell, found=set_up_fonts())
    set_up_tables(shell)
    # The first table and the first chart of a session would pay for what is loaded late.
    shell.display_formatter.format(pd.DataFrame({"a": [1.5], "b": ["x"]}))
    shell.display_formatter.format(plt.figure())
    plt.close("all")
