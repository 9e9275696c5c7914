"""What cells show: text as it is printed, charts, tables, errors."""

import os
import sys
import threading
from collections.abc import Callable
from typing import Any

import pytest

from genie_nb.parts import DocumentPart, ImagePart, Part, StreamPart, TablePart

PNG = b"\x89PNG\r\n\x1a\n"


def test_names_of_a_cell_are_there_in_the_next(shared: Any) -> None:
    shared.run("kept = 20")
    assert shared.run("kept + 1").only(DocumentPart) == DocumentPart(text="21")


def test_a_session_starts_with_no_names_but_ipythons(open_session: Callable[[], Any]) -> None:
    ran = open_session().run("print([name for name in dir() if not name.startswith('_')])")
    assert ran.text() == "['In', 'Out', 'exit', 'get_ipython', 'open', 'quit']\n"


def test_cells_run_in_the_runs_folder_with_clean_arguments(shared: Any) -> None:
    ran = shared.run("import os, sys\nopen('made.txt', 'w').write('x')\nprint(sys.argv)")
    assert ran.text() == "['']\n"
    assert (shared.folder / "made.txt").read_text() == "x"


def test_prints_arrive_while_the_cell_still_runs(shared: Any) -> None:
    os.mkfifo(shared.folder / "gate")
    released = threading.Event()

    def open_gate() -> None:
        (shared.folder / "gate").write_text("go on")

    def seen(part: Part) -> None:
        if isinstance(part, StreamPart) and "before" in part.text:
            released.set()
            threading.Thread(target=open_gate, daemon=True).start()

    code = "print('before')\nprint('after', open('gate').read())"
    ran = shared.backend.do(shared.cell(code, seen=seen))
    assert released.is_set()
    assert ran.text() == "before\nafter go on\n"
    assert ran.end.status == "ok"


def test_both_streams_keep_their_names(shared: Any) -> None:
    ran = shared.run("import sys\nprint('out')\nprint('err', file=sys.stderr)")
    assert (ran.text("stdout"), ran.text("stderr")) == ("out\n", "err\n")


CHARTS = {
    "left-open": "import matplotlib.pyplot as plt\nplt.plot([1, 2])\nNone",
    "shown": "import matplotlib.pyplot as plt\nplt.plot([1, 2])\nplt.show()",
    "pandas": "import pandas as pd\npd.Series([1, 2]).plot()\nNone",
}


@pytest.mark.parametrize("code", CHARTS.values(), ids=CHARTS)
def test_a_figure_is_shown_once_as_png_and_closed(shared: Any, code: str) -> None:
    ran = shared.run(code)
    picture = ran.only(ImagePart)
    assert (picture.media_type, picture.content[:8]) == ("image/png", PNG)
    assert picture.alt == "<Figure size 704x528 with 1 Axes>"
    assert ran.text("stderr") == ""
    assert shared.run("import matplotlib.pyplot as plt\nplt.get_fignums()").only(DocumentPart).text == "[]"


def test_a_figure_is_shown_whichever_backend_its_cell_chose(open_session: Callable[[], Any]) -> None:
    code = "import matplotlib\nmatplotlib.use('Agg')\nimport matplotlib.pyplot as plt\nplt.plot([1])\nplt.show()"
    ran = open_session().run(code)
    assert ran.only(ImagePart).content.startswith(PNG)
    assert ran.text("stderr") == ""


def test_a_figure_is_shown_although_its_cell_raised(shared: Any) -> None:
    ran = shared.run("import matplotlib.pyplot as plt\nplt.plot([1, 2])\n1 / 0")
    assert ran.only(ImagePart).content.startswith(PNG)
    assert ran.end.status == "error"


def test_an_svg_is_shown_as_svg(shared: Any) -> None:
    code = "from IPython.display import SVG\nSVG('<svg xmlns=\"http://www.w3.org/2000/svg\"><text>图</text></svg>')"
    picture = shared.run(code).only(ImagePart)
    assert picture.media_type == "image/svg+xml"
    assert "图" in picture.content.decode()


def test_a_dataframe_is_shown_as_a_table_with_its_index_first(shared: Any) -> None:
    code = """import pandas as pd
pd.DataFrame({'城市': ['北京', 'x' * 500], 'value': [0.1 + 0.2, None]}, index=pd.Index([7, 8], name='id'))"""
    assert shared.run(code).only(TablePart) == TablePart(
        columns=("id", "城市", "value"),
        dtypes=("", "str", "float64"),
        rows=(("7", "北京", "0.3"), ("8", "x" * 119 + "…", "nan")),
        total_rows=2,
        total_columns=2,
    )


TABLES = {
    "long": ("pd.DataFrame({'a': range(1000)})", 2, 30, 1000, 1),
    "wide": ("pd.DataFrame([range(200)])", 51, 1, 1, 200),
    "empty": ("pd.DataFrame()", 1, 0, 0, 0),
    "series": ("pd.Series([1, 2], name='a')", 2, 2, 2, 1),
    "two-levels": ("pd.DataFrame({'a': [1], 'b': [2], 'c': [3]}).set_index(['a', 'b'])", 3, 1, 1, 1),
    "same-names": ("pd.DataFrame([[1, 2]], columns=['a', 'a'])", 3, 1, 1, 2),
    "tuples-as-index": ("pd.DataFrame({'a': [1]}, index=pd.Index([(1, 2, 3)], tupleize_cols=False))", 2, 1, 1, 1),
}


@pytest.mark.parametrize(("code", "columns", "rows", "total_rows", "total_columns"), TABLES.values(), ids=TABLES)
def test_a_tables_head_says_how_much_more_there_is(
    shared: Any, code: str, columns: int, rows: int, total_rows: int, total_columns: int
) -> None:
    table = shared.run(f"import pandas as pd\n{code}").only(TablePart)
    assert (len(table.columns), len(table.rows)) == (columns, rows)
    assert (table.total_rows, table.total_columns) == (total_rows, total_columns)
    assert all(len(row) == columns for row in table.rows)


DOCUMENTS = {
    "html": ("from IPython.display import HTML\nHTML('<b>x</b>')", DocumentPart(text="<b>x</b>", media_type="text/html")),
    "markdown": (
        "from IPython.display import Markdown\nMarkdown('*x*')",
        DocumentPart(text="*x*", media_type="text/markdown"),
    ),
    "json": (
        "from IPython.display import JSON\nJSON({'a': 1})",
        DocumentPart(text='{"a":1}', media_type="application/json"),
    ),
    "repr": ("'北京'", DocumentPart(text="'北京'")),
    "no-address": ("class C: pass\nC()", DocumentPart(text="<__main__.C>")),
}


@pytest.mark.parametrize(("code", "part"), DOCUMENTS.values(), ids=DOCUMENTS)
def test_a_value_is_shown_in_its_richest_form(shared: Any, code: str, part: DocumentPart) -> None:
    assert shared.run(code).parts == [part]


def test_an_update_of_a_display_is_shown_once_as_it_was_last(shared: Any) -> None:
    code = """h = display('start', display_id=True)
print('below')
for step in range(500):
    h.update(step)"""
    ran = shared.run(code)
    assert [part.text for part in ran.redrawn.parts] == ["499", "below\n"]
    assert ran.redraws < 50


def test_what_a_cell_clears_is_gone_and_its_last_frame_stands(shared: Any) -> None:
    code = """from IPython.display import clear_output
import matplotlib.pyplot as plt
for step in range(100):
    clear_output(wait=True)
    print('step', step)
    plt.plot([step])
    plt.show()"""
    ran = shared.run(code)
    printed, chart = ran.redrawn.parts
    assert printed.text == "step 99\n"
    assert isinstance(chart, ImagePart)
    assert len(ran.parts) < 100


def test_clearing_at_the_end_leaves_nothing_unless_it_waits_for_more(shared: Any) -> None:
    code = "from IPython.display import clear_output\nprint('here')\nclear_output(wait=%s)"
    assert [part.text for part in shared.run(code % True).redrawn.parts] == ["here\n"]
    assert shared.run(code % False).redrawn.parts == []


def test_a_bar_that_draws_itself_anew_stands_as_it_was_last(shared: Any) -> None:
    code = """import sys, time
for step in range(1, 41):
    sys.stderr.write(f'\\r{step:3}/40 ' + '#' * step)
    sys.stderr.flush()
    time.sleep(0.005)
    if step == 20: print('half', flush=True)
_ = sys.stderr.write('\\n')"""
    bar, half = shared.run(code).redrawn.parts
    assert half == StreamPart(text="half\n")
    assert bar == StreamPart(text=f" 40/40 {'#' * 40}\n", stream="stderr")


def test_an_error_is_told_by_the_cells_own_lines(shared: Any) -> None:
    ran = shared.run("import pandas as pd\nframe = pd.DataFrame({'a': [1]})\nframe['b']")
    assert (ran.error.name, ran.error.message) == ("KeyError", "'b'")
    assert "----> 3 frame['b']" in ran.error.traceback
    assert "File pandas/core/" in ran.error.traceback
    assert ran.end.status == "error"
    assert "KeyError" in ran.end.message
    assert not ran.end.state_lost


ERRORS = {
    "own-code": "def f(x):\n    return 1 / x\nf(0)",
    "library": "import pandas as pd\npd.read_csv('missing.csv')",
    "stdlib": "import json\njson.loads('{')",
    "syntax": "1 +",
    "chained": "try:\n    1 / 0\nexcept ZeroDivisionError as e:\n    raise ValueError('x') from e",
    "group": "raise ExceptionGroup('several', [ValueError('b')])",
    "module-of-the-run": "open('mine.py', 'w').write('def f(): return 1 / 0')\nimport mine\nmine.f()",
    "input": "input('name?')",
    "exit": "raise SystemExit(3)",
    "warning": "import warnings\nwarnings.warn('careful')\n1 / 0",
}


@pytest.mark.parametrize("code", ERRORS.values(), ids=ERRORS)
def test_an_error_names_no_path_of_the_machine_and_has_no_colours(shared: Any, code: str) -> None:
    ran = shared.run(code)
    said = f"{ran.error.message}\n{ran.error.traceback}\n{ran.text('stderr')}"
    assert ran.end.status == "error"
    for secret in (sys.prefix, sys.base_prefix, "/tmp", str(shared.folder), "ipykernel_", "\x1b", "/IPython/"):
        assert secret not in said


def test_input_is_refused_in_words(shared: Any) -> None:
    assert "does not support input" in shared.run("input('name?')").error.message


def test_a_giant_message_is_cut_where_it_is_made(shared: Any) -> None:
    ran = shared.run("print('a' * 50_000_000, end='end')")
    assert ran.end.status == "ok"
    assert ran.text().startswith("aaa")
    assert len(ran.text()) < 300_000
    assert "more characters not shown" in ran.text("stdout") + ran.text("stderr")


def test_a_message_that_is_too_large_for_the_loop_is_lost_with_a_word(shared: Any) -> None:
    code = (
        "shell = get_ipython()\nshell.kernel.session.send(shell.kernel.iopub_socket, 'display_data', "
        "{'data': {'image/svg+xml': ['x' * 40_000_000]}, 'metadata': {}}, parent=shell.parent_header)"
    )
    ran = shared.run(code)
    assert "is lost" in ran.text("stderr")
    assert shared.run("print('still here')").text() == "still here\n"


HALF = "\\ud800"


@pytest.mark.parametrize(
    ("code", "shown"),
    [
        (f'print("before"); print("a{HALF}b"); print("after")', [StreamPart(text="before\na�b\nafter\n")]),
        (f'import sys; sys.stderr.write("a{HALF}b"); None', [StreamPart(text="a�b", stream="stderr")]),
        ('print("\\ud83d\\ude00")', [StreamPart(text="😀\n")]),
        (
            f'from IPython.display import display, JSON; display(JSON({{"k{HALF}": ["v{HALF}"]}}))',
            [DocumentPart(text='{"k�":["v�"]}', media_type="application/json")],
        ),
    ],
    ids=["printed", "on stderr", "two halves", "displayed"],
)
def test_half_a_character_takes_nothing_around_it_along(shared: Any, code: str, shown: list[Part]) -> None:
    ran = shared.run(code)
    assert ran.parts == shown
    assert ran.end.status == "ok"


def test_half_a_character_in_an_errors_message_leaves_the_error_what_it_is(shared: Any) -> None:
    error = shared.run(f'raise ValueError("a{HALF}b")').error
    assert (error.name, error.message) == ("ValueError", "a�b")
    assert error.traceback.endswith("ValueError: a�b")
