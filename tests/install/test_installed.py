"""From the built wheel, in empty environments: with the newest, the lowest and all libraries, a question is worked on."""

import json
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from genie_nb.backend.models.base import ToolCallRequest
from tests.install.environments import ROOT, Environment, built_wheel, interpreter, why_no_index
from tests.install.lowest import LOWEST, lowest_of
from tests.model_server import ModelServer, sse_reply

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1500)]

ANSWER = "North has 40 and South has 20."
CODE = "import pandas as pd\nprint(pd.read_csv('sales.csv').groupby('region').amount.sum())"


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> str:
    why = why_no_index(tmp_path_factory.mktemp("index"))
    if why:
        pytest.skip(why)
    return str(built_wheel(tmp_path_factory.mktemp("wheel")))


@pytest.fixture
def model() -> Iterator[ModelServer]:
    """A model that runs code and reads what came of it."""
    call = ToolCallRequest("c1", "code_interpreter", json.dumps({"code": CODE}))
    with ModelServer([sse_reply("I add them up.", [call]), sse_reply(ANSWER)]) as server:
        yield server


def python(version: str) -> str:
    found = interpreter(version)
    if found is None:
        pytest.skip(f"There is no Python {version} with venv on this machine.")
    return found


def ask(environment: Environment, model: ModelServer, *parts: str) -> dict[str, Any]:
    """What comes of the offline analyst in a notebook, and of a model; and of other parts."""
    told = environment.ask("notebook", *parts)
    told |= environment.ask("model", OPENAI_BASE_URL=model.url, GENIE_MODEL="tiny")
    return told


def check(told: dict[str, Any], model: ModelServer) -> None:
    notebook = told["notebook"]
    assert "40" in notebook["answer"]
    assert "20" in notebook["answer"]
    assert notebook["views"] == 1
    (record,) = notebook["records"]
    assert "40" in record
    assert notebook["exports"] == ["run.html", "run.ipynb", "run.json"]
    assert "5" in notebook["chat"]
    assert ".html" in notebook["report"]
    assert told["model"] == {"status": "finished", "answer": ANSWER, "error": ""}
    assert any("North    40" in str(message) for message in model.requests[-1].json["messages"])


@pytest.mark.parametrize("version", ["3.11", "3.13"])
def test_the_base_alone_works_on_a_question_and_names_what_is_missing(
    version: str, wheel: str, model: ModelServer, tmp_path: Path
) -> None:
    environment = Environment(python(version), tmp_path)
    environment.install(wheel)

    told = ask(environment, model, "missing")

    check(told, model)
    assert {"fastapi", "uvicorn", "mcp", "openpyxl", "pypdf", "python-pptx", "jupyterlab"} & set(told["installed"]) == set()
    missing = told["missing"]
    install = 'pip install "genie_nb[{0}]".'.format
    assert missing["server"] == f'SettingsError: gn.serve needs the extra "server": {install("server")}'
    assert missing["excel"] == f'The workbook a.xlsx needs the extra "reports": {install("reports")}'
    assert missing["pdf"] == f'The PDF document a.pdf needs the extra "reports": {install("reports")}'
    assert f'A report as slides needs the extra "reports": {install("reports")}' in missing["slides' calls"]
    assert f'needs the extra "reports": {install("reports")}' in missing["slides"]
    (note,) = missing["mcp"]
    assert note == f'The MCP server no-such-program needs the extra "mcp": {install("mcp")} Its tools are left out.'
    assert "5" in missing["mcp's answer"]


def test_pip_install_from_the_checkout_works_on_a_question(wheel: str, model: ModelServer, tmp_path: Path) -> None:
    environment = Environment(sys.executable, tmp_path)
    environment.install(str(ROOT))

    check(ask(environment, model), model)


def test_the_lowest_versions_work_on_a_question_and_say_what_their_kernel_lacks(
    wheel: str, model: ModelServer, tmp_path: Path
) -> None:
    environment = Environment(python("3.11"), tmp_path)
    environment.install("-r", str(LOWEST), f"genie_nb[server,reports,otel] @ {Path(wheel).as_uri()}")

    told = ask(environment, model, "server")

    check(told, model)
    (note,) = told["notebook"]["notes"]
    assert note.startswith("With ipykernel 6.29.5, a click in the view of a run")
    assert told["server"]["status"] == "finished"
    assert "40" in told["server"]["answer"]
    floors = lowest_of((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    assert {name: told["installed"].get(name) for name in ("pandas", "pyarrow", "numpy", "openai", "ipykernel")} == {
        "pandas": "2.2.3", "pyarrow": "16.1.0", "numpy": "1.26.0", "openai": "1.55.3", "ipykernel": "6.29.5",
    }  # fmt: skip
    assert floors["pandas"] == "2.2.3"


def test_all_extras_of_today_work_on_a_question(wheel: str, model: ModelServer, tmp_path: Path) -> None:
    environment = Environment(sys.executable, tmp_path)
    environment.install(f"genie_nb[all] @ {Path(wheel).as_uri()}")

    told = ask(environment, model, "server", "extras")

    check(told, model)
    assert told["notebook"]["notes"] == []
    assert "40" in told["server"]["answer"]
    assert any(name.endswith(".pptx") for name in told["extras"]["files"])
    assert told["extras"]["notes"] == []


def test_the_lowest_versions_are_those_that_the_project_names() -> None:
    lines = LOWEST.read_text(encoding="utf-8").splitlines()[1:]
    pinned = dict(line.split("==") for line in lines)
    floors = lowest_of((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    declared = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["dependencies"]

    assert len(floors) >= len(declared)
    assert {name: floor for name, floor in floors.items() if not _same(pinned[name], floor)} == {}, "make lock"


def _same(pinned: str, floor: str) -> bool:
    """Whether a version is the first that a floor allows: 3.0.0 of 3."""
    return (pinned + ".").startswith(floor + ".")
