"""Take it away, end to end: a run on a real kernel, its notebook, and the same numbers from a kernel without genie_nb."""

import asyncio
import json
import re
import shutil
from pathlib import Path

import nbformat
import pandas as pd
import pytest
from nbclient import NotebookClient
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell

import genie_nb as gn
from genie_nb.errors import RequestError
from genie_nb.events import ToolOutput, decode_event
from genie_nb.parts import CodePart
from genie_nb.widgets.labels import labels_for
from tests.fakes import fold

BLOCKED = "import sys; sys.modules['genie_nb'] = None"
"""Any `import genie_nb` fails in a kernel that began with this."""
SALES = [
    (f"2024-{month:02}", region, amount)
    for month in range(1, 13)
    for region, amount in (("North", 100 + 4 * month), ("South", 90 + 9 * month), ("West", 120 + month))
]


@pytest.fixture(autouse=True)
def _in_a_folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")


@pytest.fixture
def sales() -> Path:
    pd.DataFrame(SALES, columns=["month", "region", "revenue"]).to_csv("sales.csv", index=False)
    return Path("sales.csv")


def execute(exported: Path, elsewhere: Path) -> NotebookNode:
    """The notebook as a plain kernel runs it in another folder; what lay beside the original is gone but for its files."""
    elsewhere.mkdir()
    shutil.move(exported, elsewhere)
    if (files := exported.with_name(f"{exported.stem}_files")).exists():
        shutil.move(files, elsewhere)
    notebook = nbformat.read(elsewhere / exported.name, as_version=4)
    nbformat.validate(notebook)
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
    notebook.cells.append(new_code_cell("import genie_nb", metadata={"tags": ["raises-exception"]}))
    client = NotebookClient(
        notebook,
        timeout=300,
        kernel_name="python3",
        extra_arguments=[f"--IPKernelApp.exec_lines={BLOCKED}"],
        resources={"metadata": {"path": str(elsewhere)}},
    )
    asyncio.run(client.async_execute())
    assert notebook.cells.pop().outputs[0].ename == "ModuleNotFoundError"
    return notebook


def printed(notebook: NotebookNode) -> list[str]:
    """What each code cell printed."""
    return [
        "".join(output.text for output in cell.outputs if output.output_type == "stream")
        for cell in notebook.cells
        if cell.cell_type == "code"
    ]


def tables(notebook: NotebookNode) -> list[list[str]]:
    """The cells of every table but for its corner, without how many figures a number was shown with."""
    shown = [
        output.data["text/html"]
        for cell in notebook.cells
        if cell.cell_type == "code"
        for output in cell.outputs
        if "text/html" in output.get("data", {})
    ]
    return [[_plain(cell) for cell in re.findall(r"<t[dh](?: [^>]*)?>(.*?)</t[dh]>", html)[1:]] for html in shown]


def _plain(cell: str) -> str:
    try:
        return f"{float(cell):.6g}"
    except ValueError:
        return cell


def exported(run: gn.Run, name: str = "analysis.ipynb", **options: bool) -> tuple[Path, NotebookNode]:
    assert run.error is None, run.error
    path = run.to_notebook(name, **options)
    return path.absolute(), nbformat.read(path, as_version=4)


def code_that_ran(run: gn.Run) -> list[str]:
    parts = [event.part for event in run.events_so_far() if isinstance(event, ToolOutput)]
    return [part.code.strip("\n") for part in parts if isinstance(part, CodePart)]


@pytest.mark.slow
def test_a_question_about_a_file_gives_the_same_numbers_without_genie_nb(sales: Path, tmp_path: Path) -> None:
    run = gn.ask("Which region grew fastest? Draw it.", files=[sales], show=False).result(120)
    path, notebook = exported(run)
    shutil.rmtree(run.folder)
    sales.unlink()

    again = execute(path, tmp_path / "elsewhere")

    assert printed(again) == printed(notebook)
    assert "RESULT" not in str(printed(again))
    assert tables(again) == tables(notebook)
    assert "100" in str(tables(again))
    assert notebook.cells[-1].cell_type == "markdown"
    assert run.answer.splitlines()[0] in notebook.cells[-1].source
    assert (tmp_path / "elsewhere" / "analysis_files" / "delivered" / run.files[0].name).stat().st_size == run.files[0].size


@pytest.mark.slow
def test_tasks_that_ran_side_by_side_run_again_in_the_order_of_their_turns(sales: Path, tmp_path: Path) -> None:
    run = gn.ask("Total revenue by region. Mean revenue by month. Draw the revenue by region.", files=[sales], show=False)
    path, notebook = exported(run.result(120))

    codes = [cell.source for cell in notebook.cells if cell.cell_type == "code"]
    assert len(run.plan.steps) >= 3  # type: ignore[union-attr]
    assert codes[1:] == code_that_ran(run)
    again = execute(path, tmp_path / "elsewhere")
    assert printed(again) == printed(notebook)
    assert tables(again) == tables(notebook)


@pytest.mark.slow
def test_chinese_names_and_columns_go_with_it(tmp_path: Path) -> None:
    frame = pd.DataFrame(SALES, columns=["月份", "地区", "销售额"])
    frame.to_csv("销售 数据.csv", index=False)
    run = gn.ask("各地区的销售额合计是多少？画图。", files=["销售 数据.csv"], show=False).result(120)
    path, notebook = exported(run, "分析.ipynb")

    again = execute(path, tmp_path / "别处")

    total = frame.groupby("地区")["销售额"].sum()
    assert all(str(value) in str(tables(again)) for value in total)
    assert printed(again)[1:] == printed(notebook)[1:]
    assert printed(again)[0] in ("", f"{labels_for('中')['nb_no_font']}\n")  # as fonts are there, or not
    assert (tmp_path / "别处" / "分析_files" / "销售 数据.csv").is_file()
    assert "Glyph" not in "".join(printed(again))


@pytest.mark.slow
def test_a_dataframe_goes_with_it_as_it_was_asked_about(tmp_path: Path) -> None:
    frame = pd.DataFrame(SALES, columns=["month", "region", "revenue"])
    run = gn.ask("Total revenue by region", data={"df": frame}, agent="react", show=False).result(120)
    frame["revenue"] = 0
    path, notebook = exported(run)

    again = execute(path, tmp_path / "elsewhere")

    assert printed(again) == printed(notebook)
    assert all(str(total) in str(tables(again)) for total in (1512, 1782, 1518))


WIDE = """import pandas as pd
wide = pd.DataFrame({f"column_{n}": [n * 1.5, n * 2.5] for n in range(12)})
print(wide)"""
SCRIPT = [
    gn.Say("First I look.", calls=[("code_interpreter", {"code": WIDE})]),
    gn.Say("Oh.", calls=[("code_interpreter", {"code": "total = wide.sum().sum()\nwide['nothing']"})]),
    gn.Say("Again.", calls=[("code_interpreter", {"code": "print(total)\nopen('out.txt', 'x').write(str(total))"})]),
    gn.Say("And my tool.", calls=[("exchange_rate", {"currency": "USD"})]),
    gn.Say("It is **264**, see [the file](out.txt)."),
]


@gn.tool
def exchange_rate(currency: str) -> float:
    """How many euros one unit of a currency costs."""
    return {"USD": 0.92}[currency]


@pytest.fixture
def scripted() -> gn.Run:
    genie = gn.Genie(model=gn.ScriptedModel(SCRIPT), agent="react", tools=[exchange_rate])
    return genie.ask("How much?", show=False).result(120)


@pytest.mark.slow
def test_code_that_fails_is_kept_and_the_rest_runs_on(scripted: gn.Run, tmp_path: Path) -> None:
    path, notebook = exported(scripted)
    failing = [cell for cell in notebook.cells if "raises-exception" in cell.metadata.get("tags", [])]

    again = execute(path, tmp_path / "elsewhere")

    assert [cell.outputs[-1].ename for cell in failing] == ["KeyError"]
    assert printed(again) == printed(notebook)
    assert (tmp_path / "elsewhere" / "analysis_files" / "out.txt").read_text() == "264.0"
    assert "0.92" in str([cell.source for cell in notebook.cells if "exchange_rate" in cell.source])
    assert "[the file](analysis_files/delivered/out.txt)" in notebook.cells[-1].source


def test_thoughts_and_failures_are_kept_or_left_out_as_asked(scripted: gn.Run) -> None:
    plain = exported(scripted)[1]
    told = exported(scripted, thoughts=True, failed=False)[1]
    assert "First I look." not in str(plain.cells)
    assert "KeyError" in str(plain.cells)
    assert [cell.source for cell in told.cells if cell.source == "First I look."]
    assert "KeyError" not in str(told.cells)


def test_two_exports_of_one_run_are_equal(scripted: gn.Run) -> None:
    one, two = (scripted.to_notebook(name).read_text("utf-8") for name in ("one.ipynb", "two"))
    assert Path("two.ipynb").exists()
    assert one == two.replace("two_files", "one_files")


def test_the_json_of_a_run_folds_to_the_run(scripted: gn.Run) -> None:
    told = json.loads(scripted.to_json("run.json"))
    assert json.loads(Path("run.json").read_text("utf-8")) == told
    assert (told["query"], told["status"], told["answer"]) == ("How much?", "finished", scripted.answer)
    events = [decode_event(json.dumps(event)) for event in told["events"]]
    assert events == scripted.events_so_far()
    assert fold(events) == scripted.transcript


def test_the_page_and_the_markdown_are_written_where_they_are_asked_for(scripted: gn.Run) -> None:
    assert Path("run.html").exists() is False
    page = scripted.to_html("run.html")
    assert Path("run.html").read_text("utf-8") == page == scripted.to_html()
    assert page.startswith('<!doctype html>\n<html lang="en">')
    assert "<title>How much?</title>" in page
    assert "http://" not in page.replace("http://www.w3.org", "")
    assert Path("run.md").exists() is False
    assert scripted.to_markdown("run.md") == Path("run.md").read_text("utf-8")
    with pytest.raises(RequestError, match="does not exist"):
        scripted.to_json("nowhere/run.json")


@pytest.mark.slow
def test_a_run_on_a_server_is_taken_away_like_one_here(sales: Path, tmp_path: Path) -> None:
    with gn.serve() as server:
        run = (
            gn.connect(server.url)
            .ask("Total revenue by region", files=[sales.rename("销售 #1.csv")], show=False)
            .result(120)
        )
        path = run.to_notebook("analysis.ipynb").absolute()
    notebook = nbformat.read(path, as_version=4)

    again = execute(path, tmp_path / "elsewhere")

    assert (tmp_path / "elsewhere" / "analysis_files" / "销售 #1.csv").is_file()
    assert printed(again) == printed(notebook)
    assert "1782" in str(tables(again))


def test_a_run_that_never_began_says_why() -> None:
    run = gn.ask("What is in it?", files=["nowhere.csv"], show=False).result(120)
    notebook = nbformat.read(run.to_notebook("analysis"), as_version=4)
    assert "nowhere.csv does not exist" in notebook.cells[-1].source
    assert not Path("analysis_files").exists()
    assert [cell.cell_type for cell in notebook.cells] == ["markdown"] * 2
