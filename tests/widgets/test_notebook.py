"""A run as a notebook: what is in it and in which order, for runs that tests make up; and its folder on disk."""

import json
import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import nbformat
import pytest
from markdown_it import MarkdownIt
from nbconvert import HTMLExporter
from nbformat import NotebookNode

from genie_nb import events as ev
from genie_nb.errors import RequestError
from genie_nb.parts import (
    CodePart,
    DocumentPart,
    ErrorPart,
    FileRef,
    Hit,
    ImagePart,
    Part,
    Plan,
    PlanStep,
    ProgressPart,
    SearchPart,
    StreamPart,
    TablePart,
)
from genie_nb.widgets.beside import COPIED_BYTES
from genie_nb.widgets.takeaway import run_json, to_html, to_markdown, to_notebook
from tests.widgets.hostile import PAYLOADS, hostile_run
from tests.widgets.sample_runs import FILES, RED_PNG, call, file_ref, numbered, sample_run, started, words
from tests.widgets.test_render import Reader


class Told:
    """A run whose events and files a test says."""

    def __init__(self, events: Iterable[ev.RunEvent], files: dict[str, bytes] = FILES, **tables: str) -> None:
        self.query = ""
        self.events, self.files, self.tables = list(events), files, tables
        self.preamble = "\n".join(f"{name} = read({place!r})" for name, place in tables.items())

    def events_so_far(self) -> list[ev.RunEvent]:
        return self.events

    def read_file(self, name: str, most_bytes: int | None = None) -> bytes:
        if name not in self.files:
            raise RequestError(f"The run has no file {name!r}.")
        return self.files[name][:most_bytes]

    def copy_file(self, name: str, target: Path, most_bytes: int) -> None:
        target.write_bytes(self.read_file(name))


@pytest.fixture(autouse=True)
def _in_a_folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")


def notebook_of(events: Iterable[ev.RunEvent], files: dict[str, bytes] = FILES, **options: bool) -> NotebookNode:
    notebook = nbformat.read(to_notebook(Told(events, files), "run.ipynb", **options), as_version=4)
    nbformat.validate(notebook)
    return notebook


def sources(notebook: NotebookNode) -> list[str]:
    return [cell.source for cell in notebook.cells]


def codes(notebook: NotebookNode) -> list[NotebookNode]:
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def cell(call_id: str, code: str, *shown: Part, task: str | None = None, status: str = "ok") -> Iterator[ev.RunEvent]:
    yield ev.ToolStarted(call_id=call_id, tool="code_interpreter", assignee="executor", task_id=task)
    for part in (CodePart(code=code), *shown):
        yield ev.ToolOutput(call_id=call_id, part=part, task_id=task)
    yield ev.ToolFinished(call_id=call_id, status=status, output="told", task_id=task)  # type: ignore[arg-type]


def asked(*events: ev.RunEvent, query: str = "Q?", files: tuple[FileRef, ...] = ()) -> list[ev.RunEvent]:
    begun = ev.RunStarted(query=query, agent="react", model="m", badge="scripted", files=files)
    return numbered([begun, *events, ev.RunFinished(output="It is **5**.")])


def test_a_run_with_a_bit_of_everything_becomes_a_notebook_in_its_order() -> None:
    notebook = notebook_of(sample_run())
    assert sources(notebook)[0].startswith("# How did sales develop, and where?\n\nWhat the agents ran")
    headings = [line for source in sources(notebook) for line in source.splitlines() if line.startswith("#")]
    assert headings[:8] == [
        "# How did sales develop, and where?",
        "# The code below finds its files by name in this folder, beside the notebook.",
        "# Tables are printed as they were in the run.",
        "## Plan",
        "## Understand",
        "### Look at the file",
        "## Answer",
        "### Compare the regions",
    ]  # fmt: skip
    assert [one.execution_count for one in codes(notebook)] == [1, 2, 3, 4]
    assert codes(notebook)[2].metadata == {"tags": ["raises-exception"]}
    assert "halves" not in str(sources(notebook))
    assert {"8,760 rows, three regions.", "North grew most."} <= set(sources(notebook))
    assert any(source.startswith("> The kernel was replaced") for source in sources(notebook))
    assert notebook.metadata["kernelspec"]["name"] == "python3"
    assert [one.id for one in notebook.cells] == [f"cell-{number:03}" for number in range(len(notebook.cells))]


def test_equal_runs_at_other_times_under_other_ids_give_equal_notebooks() -> None:
    one = to_notebook(Told(sample_run()), "run.ipynb").read_text("utf-8")
    later = [
        type(event)(**{name: getattr(event, name) for name in event.__struct_fields__} | {"run_id": "other", "at": 7.0})
        for event in sample_run()
    ]
    assert to_notebook(Told(later), "run.ipynb").read_text("utf-8") == one


TABLE = TablePart(columns=("", "name", "n"), dtypes=("", "str", "int64"), rows=(("0", "东", "7"), ("1", "b", "12")),
                  total_rows=9, total_columns=2)  # fmt: skip
SVG = b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>"
OUTPUTS: dict[str, tuple[Part, dict[str, Any]]] = {
    "printed": (StreamPart(text="a\nb\n"), {"output_type": "stream", "name": "stdout", "text": "a\nb\n"}),
    "coloured": (StreamPart(text="\x1b[31mr\x1b[0m\x1b[1G"), {"output_type": "stream", "name": "stdout", "text": "r"}),
    "warned": (StreamPart(text="w", stream="stderr"), {"output_type": "stream", "name": "stderr", "text": "w"}),
    "png": (ImagePart(content=b"\x89PNG", alt="chart"), {"data": {"image/png": "iVBORw==", "text/plain": "chart"}}),
    "jpeg": (
        ImagePart(content=b"\xff", media_type="image/jpeg"),
        {"data": {"image/jpeg": "/w==", "text/plain": "image/jpeg"}},
    ),
    "text": (DocumentPart(text="5"), {"data": {"text/plain": "5"}}),
    "json": (DocumentPart(text='{"a":1}', media_type="application/json"), {"data": {"text/plain": '{"a":1}'}}),
    "markdown": (
        DocumentPart(text="**a** <b>", media_type="text/markdown"),
        {"data": {"text/markdown": "**a** &lt;b>", "text/plain": "**a** <b>"}},
    ),
    "html": (
        DocumentPart(text="<p>a</p>\n<script>x</script><p>b &lt; c</p>", media_type="text/html"),
        {"data": {"text/html": "<p>a</p>\n<p>b &lt; c</p>", "text/plain": "a\nb < c"}},
    ),
    "error without its last line": (
        ErrorPart(name="KeyError", message="'x'", traceback="Cell In[2]"),
        {"output_type": "error", "traceback": ["Cell In[2]", "KeyError: 'x'"]},
    ),
    "error": (
        ErrorPart(name="KeyError", message="'x'", traceback="Cell In[2]\nKeyError: 'x'"),
        {"output_type": "error", "ename": "KeyError", "evalue": "'x'", "traceback": ["Cell In[2]\nKeyError: 'x'"]},
    ),
}  # fmt: skip


@pytest.mark.parametrize(("part", "expected"), OUTPUTS.values(), ids=OUTPUTS)
def test_what_code_showed_is_a_real_output(part: Part, expected: dict[str, Any]) -> None:
    [output] = codes(notebook_of(asked(*cell("c1", "x", part))))[-1].outputs
    assert {name: output[name] for name in expected} == expected


def test_a_table_is_html_and_aligned_text() -> None:
    [output] = codes(notebook_of(asked(*cell("c1", "x", TABLE))))[-1].outputs
    assert "<th" in output.data["text/html"]
    assert output.data["text/plain"] == "   name   n\n0    东   7\n1     b  12\n\n2 of 9 rows × 2 columns"


def test_an_svg_is_an_image_that_runs_nothing() -> None:
    [output] = codes(notebook_of(asked(*cell("c1", "x", ImagePart(content=SVG, media_type="image/svg+xml")))))[-1].outputs
    assert set(output.data) == {"text/html", "text/plain"}
    assert output.data["text/html"].startswith('<img class="gnb-picture" src="data:image/svg+xml;base64,')


def test_code_of_parallel_tasks_stands_in_the_order_of_its_turns_with_what_belongs_to_it() -> None:
    events = [
        started(),
        ev.PlanUpdated(
            plan=Plan(steps=(PlanStep(id="a", title="A", stage="Work"), PlanStep(id="b", title="B", stage="Work")))
        ),
        ev.TaskStarted(task_id="ta", title="A", assignee="executor", step_id="a"),
        ev.TaskStarted(task_id="tb", title="B", assignee="executor", step_id="b"),
        *words("m1", "thought of A", "tool_thought", "ta"),
        ev.ToolStarted(call_id="a1", tool="code_interpreter", assignee="executor", task_id="ta"),
        *words("m2", "thought of B", "tool_thought", "tb"),
        ev.ToolStarted(call_id="b1", tool="code_interpreter", assignee="executor", task_id="tb"),
        ev.ToolOutput(call_id="b1", part=CodePart(code="b1"), task_id="tb"),
        ev.ToolOutput(call_id="a1", part=CodePart(code="a1"), task_id="ta"),
        ev.ToolFinished(call_id="b1", status="ok", task_id="tb"),
        ev.ToolFinished(call_id="a1", status="ok", task_id="ta"),
        *cell("b2", "b2", task="tb"),
        *words("m3", "A found it", "summary", "ta"),
        ev.TaskFinished(task_id="ta", status="completed", summary="A found it"),
        ev.TaskFinished(task_id="tb", status="failed", summary="B gave up"),
        ev.RunFinished(output="done"),
    ]
    told = sources(notebook_of(numbered(events), thoughts=True))
    assert told[1:] == [
        "## Plan\n\n- ○ A (not started)\n- ○ B (not started)",
        "## Work\n\n### B",
        "thought of B",
        "b1",
        "### A",
        "thought of A",
        "a1",
        "A found it",
        "### B (continued)",
        "b2",
        "> **Failed:** B gave up",
        "## Answer\n\ndone",
    ]


UNENDED = {
    "timeout": [*cell("c1", "while True: pass", ErrorPart(name="timeout", message="stopped at its limit of 5 s"))],
    "died": [*cell("c1", "while True: pass", ErrorPart(name="died", message="the process ended"))],
    "cancelled": [*cell("c1", "while True: pass", status="cancelled")],
    "still running": [*cell("c1", "while True: pass")][:-1],
}


@pytest.mark.parametrize("events", UNENDED.values(), ids=UNENDED)
def test_code_that_never_came_to_an_end_is_shown_and_not_run(events: list[ev.RunEvent]) -> None:
    notebook = notebook_of(asked(*cell("c0", "1 + 1"), *events))
    assert [one.source for one in codes(notebook)] == ["1 + 1"]
    assert "did not come to an end in the run" in sources(notebook)[2]
    assert "```python\nwhile True: pass\n```" in sources(notebook)[2]


def test_calls_of_other_tools_are_markdown_with_arguments_output_and_pictures() -> None:
    shown = [ImagePart(content=RED_PNG, alt="red"), DocumentPart(text="a ```` b"), TABLE]
    events = [
        *call("c1", "deep_search", '{"query": "销售"}', [], output="Two pages."),
        *call("c2", "draw", "not json", shown),
    ]
    search, drawn = notebook_of(asked(*events)).cells[1:3]
    assert search.source == (
        "A call of the tool `deep_search`, which cannot be made again from here:\n\n"
        '```json\n{\n  "query": "销售"\n}\n```\n\n```text\nTwo pages.\n```'
    )
    assert "```json\nnot json\n```" in drawn.source
    assert "![red](attachment:picture-1.png)" in drawn.source
    assert "`````text\na ```` b\n`````" in drawn.source
    assert "| 0 | 东 | 7 |" in drawn.source
    assert list(drawn.attachments) == ["picture-1.png"]


def test_a_search_is_a_list_with_links_and_progress_is_over() -> None:
    hits = (
        Hit(title="One [a]", source="https://example.org/a", number=1),
        Hit(title="<b>", source="javascript:alert(1)"),
        Hit(title="Plan", source="notes/计划.md#Costs"),
    )
    shown = [
        SearchPart(stage="queries", queries=("growth", "成本")),
        ProgressPart(done=1, total=2),
        SearchPart(stage="hits", query="growth", engine="e", hits=hits, note="one engine failed"),
    ]
    searched = notebook_of(asked(*call("c1", "deep_search", "{}", shown))).cells[1].source
    assert "- growth\n- 成本\n\n- growth\n  - &#91;1&#93; [One a](https://example.org/a)\n" in searched
    assert "\n  - &lt;b> `javascript:alert(1)`\n  - Plan `notes/计划.md#Costs`\n\none engine failed" in searched
    [output] = codes(notebook_of(asked(*cell("c1", "x", *shown[1:]))))[-1].outputs
    assert output.data["text/plain"].startswith("- growth\n")


ENDS = {
    "working": ([], "The run has not ended"),
    "failed": ([ev.RunFailed(code="model", message="The key was refused.")], "> **Failed:** The key was refused."),
    "stopped": ([ev.RunCancelled(reason="You stopped it.")], "> **Stopped:** You stopped it."),
}


@pytest.mark.parametrize(("end", "said"), ENDS.values(), ids=ENDS)
def test_a_run_without_an_answer_exports_what_there_is_and_says_so(end: list[ev.RunEvent], said: str) -> None:
    notebook = notebook_of(numbered([started(), *cell("c1", "1 + 1"), *end]))
    assert said in sources(notebook)[-1]
    assert [one.source for one in codes(notebook)] == ["1 + 1"]


def test_a_question_of_many_lines_has_a_short_title() -> None:
    title = sources(notebook_of(asked(query="First line $5.\n<b>Second</b>\n" + "word " * 60)))[0]
    first = title.splitlines()[0]
    assert first.startswith("# First line <span>&#36;</span>5. &lt;b>Second")
    assert len(first) < 150
    assert "\n> &lt;b>Second&lt;/b>\n" in title


def test_fixed_words_are_in_the_language_of_the_question() -> None:
    notebook = notebook_of(asked(*cell("c1", "print('北')", ImagePart(content=RED_PNG)), query="销售额是多少？"))
    assert sources(notebook)[-1].startswith("## 回答\n\n")
    assert "fontManager" in codes(notebook)[0].source


# On disk


def ref(name: str, size: int = 3, sha256: str = "") -> FileRef:
    return FileRef(name=name, size=size, media_type="text/csv", sha256=sha256)


def test_inputs_lie_where_the_code_finds_them_and_deliverables_in_a_folder_of_their_own() -> None:
    events = [
        ev.RunStarted(query="Q?", agent="react", model="m", badge="b", files=(ref("数据.csv"),)),
        *cell("c1", "x"),
        ev.FileCreated(file=ref("图 1.png")),
        ev.FileCreated(file=ref("tmp.bin")),
        ev.RunFinished(output="![图](图%201.png) and ![](https://evil.example/x.png)", files=(ref("out/a.csv"),)),
    ]
    files = {"数据.csv": b"a,b", "图 1.png": RED_PNG, "tmp.bin": b"1", "out/a.csv": b"1,2", ".inputs/df.arrow": b"ARROW"}
    run = Told(numbered(events), files, df=".inputs/df.arrow")
    notebook = nbformat.read(to_notebook(run, "a b.ipynb"), as_version=4)
    folder = Path("a b_files")
    assert {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()} == {
        ".genie_nb.json",
        "数据.csv",
        ".inputs/df.arrow",
        "delivered/图 1.png",
        "delivered/out/a.csv",
    }
    assert 'os.chdir("a b_files")' in codes(notebook)[0].source
    assert codes(notebook)[1].source.endswith("df = read('.inputs/df.arrow')")
    assert "![图](a%20b_files/delivered/图%201.png) and &#33;[](https://evil.example/x.png)" in sources(notebook)[-1]
    assert "- [out/a.csv](a%20b_files/delivered/out/a.csv)" in sources(notebook)[-1]


ABSENT = {
    "too large": (ref("big.csv", COPIED_BYTES + 1), {}, "files of more than 256.0 MB are not copied."),
    "gone": (ref("gone.csv"), {}, "The run has no file 'gone.csv'."),
    "outside": (ref("../../evil.csv"), {"../../evil.csv": b"x"}, "leads out of the folder"),
}


@pytest.mark.parametrize(("file", "files", "why"), ABSENT.values(), ids=ABSENT)
def test_an_input_that_cannot_be_copied_is_named_with_the_reason(file: FileRef, files: dict[str, bytes], why: str) -> None:
    notebook = notebook_of(asked(*cell("c1", "x"), files=(file,)), files)
    assert why in sources(notebook)[1]
    assert [path.name for path in Path("run_files").iterdir()] == [".genie_nb.json"]


def test_an_input_that_the_run_changed_is_said_to_be_changed() -> None:
    told = sources(notebook_of(asked(*cell("c1", "x"), files=(file_ref("sales.csv"), ref("report.md", 3, "0" * 64)))))[1]
    assert [("changed" in line) for line in told.splitlines()[2:]] == [False, True]


NAMES = [
    "/etc/evil",
    "../evil",
    "a/../../evil",
    "..",
    ".",
    "",
    "a//b",
    ".hidden",
    "a\\..\\..\\evil",
    "nul\0",
    ".genie_nb.json",
]


@pytest.mark.parametrize("name", NAMES)
def test_no_name_of_a_file_leads_out_of_the_folder(name: str, tmp_path: Path) -> None:
    before = sorted(tmp_path.rglob("*"))
    end = ev.RunFinished(output=f"![x]({name})", files=(ref(name), ref("good.csv")))
    begun = ev.RunStarted(query="Q?", agent="react", model="m", badge="b", files=(ref(name),))
    run = Told(numbered([begun, *cell("c1", "x"), end]), {name: b"EVIL", "good.csv": b"good"})
    to_notebook(run, "run.ipynb")
    new = {path.relative_to(tmp_path / "work").as_posix() for path in tmp_path.rglob("*")} - {
        path.relative_to(tmp_path / "work").as_posix() for path in before if path != tmp_path / "work"
    }
    assert {name for name in new if not name.startswith("run")} <= {"."}
    assert b"EVIL" not in [path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()]
    assert Path("run_files/delivered/good.csv").read_bytes() == b"good"


def test_a_link_in_the_folder_is_not_followed(tmp_path: Path) -> None:
    run = Told(numbered([started(), *cell("c1", "x"), ev.RunFinished(output="", files=(ref("a.csv"),))]), {"a.csv": b"new"})
    to_notebook(run, "run.ipynb")
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "a.csv").write_bytes(b"mine")
    (Path("run_files") / "delivered" / "a.csv").unlink()
    (Path("run_files") / "delivered").rmdir()
    (Path("run_files") / "delivered").symlink_to(tmp_path / "elsewhere")
    to_notebook(run, "run.ipynb")
    assert (tmp_path / "elsewhere" / "a.csv").read_bytes() == b"mine"


def test_another_run_under_the_same_name_replaces_what_was_ours_and_nothing_else() -> None:
    first = asked(*cell("c1", "x"), files=(ref("old.csv"),))
    to_notebook(Told(first, {"old.csv": b"old"}), "run.ipynb")
    (Path("run_files") / "mine.txt").write_text("mine")
    second = [
        msgspec.structs.replace(event, run_id="another")
        for event in asked(*cell("c1", "y"), files=(ref("new.csv"), ref("old.csv")))
    ]
    to_notebook(Told(second, {"new.csv": b"new"}), "run.ipynb")
    assert sorted(os.listdir("run_files")) == [".genie_nb.json", "mine.txt", "new.csv"]
    assert codes(nbformat.read("run.ipynb", as_version=4))[1].source == "y"


def test_a_second_export_keeps_copies_that_the_run_can_give_no_more() -> None:
    files = {"sales.csv": b"a", ".inputs/df.arrow": b"ARROW"}
    run = Told(asked(*cell("c1", "x"), files=(ref("sales.csv"), ref("gone.csv"))), files, df=".inputs/df.arrow")
    one = to_notebook(run, "run.ipynb").read_text("utf-8")
    files.clear()
    assert to_notebook(run, "run.ipynb").read_text("utf-8") == one
    assert Path("run_files/sales.csv").read_bytes() == b"a"
    lost = sources(nbformat.read(to_notebook(run, "other.ipynb"), as_version=4))[1]
    assert "- `df` is not here: The run has no file '.inputs/df.arrow'. Put it into the folder `other_files`" in lost


def make_folder(*files: str) -> None:
    Path("run_files").mkdir()
    for name in files:
        (Path("run_files") / name).write_text("mine")


THEIRS = {
    "a folder with files": lambda: make_folder("mine.txt"),
    "a broken marker": lambda: make_folder(".genie_nb.json"),
    "a file": lambda: Path("run_files").write_text("mine"),
    "a link": lambda: Path("run_files").symlink_to(Path("..")),
}


@pytest.mark.parametrize("make", THEIRS.values(), ids=THEIRS)
def test_a_folder_that_is_not_ours_is_left_alone(make: Any) -> None:
    make()
    before = sorted(Path("..").rglob("*"))
    with pytest.raises(RequestError, match="'run_files' was not made by genie_nb"):
        to_notebook(Told(sample_run()), "run.ipynb")
    assert sorted(Path("..").rglob("*")) == before


@pytest.mark.parametrize("marked", [False, True], ids=["an-empty-folder", "the-folder-of-another-export"])
def test_a_folder_behind_a_link_is_never_claimed(marked: bool, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    run = Told(asked(*cell("c1", "x"), files=(ref("a.csv"),)), {"a.csv": b"new"})
    if marked:
        to_notebook(run, elsewhere / "run.ipynb")
        (elsewhere / "run_files" / "a.csv").write_bytes(b"mine")
        elsewhere /= "run_files"
    before = {path: path.read_bytes() for path in elsewhere.iterdir()}
    Path("run_files").symlink_to(elsewhere)
    with pytest.raises(RequestError, match="'run_files' was not made by genie_nb"):
        to_notebook(run, "run.ipynb")
    assert {path: path.read_bytes() for path in elsewhere.iterdir()} == before


def test_a_marker_that_is_a_link_claims_nothing(tmp_path: Path) -> None:
    """Somebody else's marker does not make a folder ours."""
    run = Told(asked(*cell("c1", "x"), files=(ref("a.csv"),)), {"a.csv": b"new"})
    to_notebook(run, "other.ipynb")
    make_folder("a.csv")
    (Path("run_files") / ".genie_nb.json").symlink_to(Path("..") / "other_files" / ".genie_nb.json")
    with pytest.raises(RequestError, match="'run_files' was not made by genie_nb"):
        to_notebook(run, "run.ipynb")
    assert (Path("run_files") / "a.csv").read_text() == "mine"


@pytest.mark.parametrize(
    ("path", "why"),
    [
        ("nowhere/run.ipynb", "'nowhere' does not exist"),
        (".", "is a folder"),
        ("", "is a folder"),
        ("folder.ipynb", "is a folder"),
    ],
)
def test_a_path_that_cannot_be_written_is_refused_with_one_sentence(path: str, why: str) -> None:
    Path("folder.ipynb").mkdir()
    with pytest.raises(RequestError, match=why):
        to_notebook(Told(sample_run()), path)
    assert os.listdir(".") == ["folder.ipynb"]


def test_a_notebook_is_written_whole_or_not_at_all(monkeypatch: pytest.MonkeyPatch) -> None:
    Path("run.ipynb").write_text("before")

    def no_room(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", no_room)
    with pytest.raises(RequestError, match="No space left on device"):
        to_notebook(Told(asked()), "run.ipynb")
    assert os.listdir(".") == ["run.ipynb"]
    assert Path("run.ipynb").read_text() == "before"


# Hostile words


SHOWN_TAGS = {
    *("a", "blockquote", "code", "div", "em", "h1", "h2", "h3", "li", "ol", "p", "pre", "span", "strong"),
    *("table", "tbody", "td", "th", "thead", "tr", "ul"),
}
IMAGE = '<img src=x onerror="window.__owned=1">'
FENCES = (
    "```\n{}\n```",
    "~~~\n{}\n~~~",
    "$$\n```\n{}\n```\n$$",
    "- ```\n  {}\n  ```",
    "> ```\n{}",
    "    ```\n{}\n    ```",
    "```\n{}",
    "``` `\n{}\n```",
    "\x0b```\n{}\n```",
    "\u2028```\n{}\n```",
    "<!--\n```\n{}\n```\n-->",
    "[^1]: ```\n{}",
    "\\[\n```\n{}\n```\n\\]",
    "```\r{}\r```",
    "\\begin{{x}}\n```\n{}\n```\n\\end{{x}}",
    "`\n```\n{}\n```\n`",
    "```\n````\n{}",
    "~~~ a`b\n{}\n~~~",
    "-    ```\n{}\n```",
    "```\n{}\n\t```\n{}",
    "<div>\n```\n{}\n```\n</div>",
    "```\0\n{}\n```",
    "```\n{}\n```\x0b\n{}\n```",
    '[a]: /x\n"```\n{}\n```"',
)
"""Code blocks that one reader of Markdown may see, and another not."""


def page_of(notebook: NotebookNode) -> str:
    """The notebook as nbconvert shows it, which sanitises nothing."""
    exporter = HTMLExporter(template_name="basic")
    return str(exporter.from_notebook_node(notebook)[0])


@pytest.mark.parametrize("payload", PAYLOADS.values(), ids=PAYLOADS)
def test_hostile_words_stay_words_where_nothing_is_sanitised(payload: str) -> None:
    shown = [
        DocumentPart(text=payload, media_type=media_type) for media_type in ("text/html", "text/markdown", "text/plain")
    ]
    events = [
        ev.NoteAdded(text=payload),
        *cell("c1", "x", *shown, StreamPart(text=payload), ErrorPart(name="E", message=payload)),
        *call("c2", "tool", json.dumps({"a": payload}), shown, output=payload),
        *words("m1", f"```\n{payload}\n```\n{payload}", "answer"),
    ]
    assert_harmless(notebook_of(asked(*events, query=f"What? {payload}")))


@pytest.mark.parametrize("fence", FENCES)
def test_no_code_block_lets_anything_through(fence: str) -> None:
    text = fence.format(IMAGE, IMAGE)
    assert_harmless(
        notebook_of(
            asked(*cell("c1", "x", DocumentPart(text=text, media_type="text/markdown")), *words("m1", text, "answer"))
        )
    )


def assert_harmless(notebook: NotebookNode) -> None:
    for tag, attributes in Reader(page_of(notebook)).tags:
        assert tag in SHOWN_TAGS
        assert not [name for name in attributes if name.startswith("on") or name in ("srcdoc", "srcset", "formaction")]
        assert str(attributes.get("src", "data:image/")).startswith("data:image/")
        assert str(attributes.get("href", "#")).lower().startswith(("#", "http://", "https://", "mailto:"))


def test_a_whole_hostile_run_can_be_taken_away() -> None:
    run = Told(hostile_run(PAYLOADS.values()))
    nbformat.validate(nbformat.read(to_notebook(run, "run.ipynb", thoughts=True), as_version=4))
    assert "<script" not in to_html([run])
    assert "<script" not in MarkdownIt().render(to_markdown([run]))
    assert len(json.loads(run_json(run))["events"]) == len(run.events)
