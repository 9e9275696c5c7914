"""Every import is declared where it belongs: in the base, or in the extra of the part that imports it."""

import ast
import re
import subprocess
import sys
import tomllib
from functools import cache
from importlib import metadata
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from genie_nb.backend.extras import EXTRAS
from tests.test_house import FILES, place, tree

ROOT = Path(__file__).parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
PARTS = {
    "backend/server/": {"server"},
    "backend/server/offer": {"mcp"},
    "backend/server/mcp_routes.py": {"mcp"},
    "backend/mcp/": {"mcp"},
    "backend/fetching.py": {"mcp"},
    "backend/reports/deck": {"reports"},
    "backend/reports/preview.py": {"reports"},
    "backend/pdf_look.py": {"reports"},
    "backend/search/pdf_text.py": {"reports"},
    "backend/search/pages.py": {"search"},
    "backend/tracing.py": {"otel"},
}
"""Which extras a part may use beside the base. `fetching` has a door for MCP's HTTP library, and imports it there only."""
USED_BY_OTHERS = {
    "httptools": "uvicorn speaks HTTP by it",
    "ipykernel": "the code interpreter's process is one",
    "jupyterlab": "`genie-nb lab` starts it",
    "numpy": "the code interpreter offers it to models by name",
    "openpyxl": "pandas reads Excel by it",
    "python-multipart": "starlette reads forms by it",
}
"""Libraries that no file of ours imports, and why they are declared."""
NEEDED_WITH_THE_DOORS = ("session", "chat", "network", "magics", "cli", "cli.doctor", "widgets.stage", "widgets.takeaway")


@cache
def declared(extra: str = "") -> dict[str, Requirement]:
    """The requirements of the base, or of an extra, by name."""
    lines = PROJECT["optional-dependencies"][extra] if extra else PROJECT["dependencies"]
    return {canonicalize_name(one.name): one for one in map(Requirement, lines)}


@cache
def owners() -> dict[str, set[str]]:
    """The distributions that bring a module."""
    return {module: set(map(canonicalize_name, names)) for module, names in metadata.packages_distributions().items()}


def imported(path: Path) -> dict[str, int]:
    """The modules of others that a file imports, at any depth, with their lines."""
    found: dict[str, int] = {}
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Import):
            found |= {alias.name: node.lineno for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found[node.module] = node.lineno
        elif isinstance(node, ast.Call) and getattr(node.func, "id", "") == "import_module":
            found |= {arg.value: node.lineno for arg in node.args if isinstance(arg, ast.Constant)}
    roots = {str(module).partition(".")[0]: line for module, line in found.items()}
    return {root: line for root, line in roots.items() if root not in {*sys.stdlib_module_names, "genie_nb"}}


def allowed(path: Path) -> set[str]:
    extras = {extra for room, extras in PARTS.items() if place(path).startswith(room) for extra in extras}
    return {name for extra in ("", *extras) for name in declared(extra)}


@pytest.mark.parametrize("path", FILES, ids=place)
def test_what_a_part_imports_is_declared_for_that_part(path: Path) -> None:
    undeclared = {name: line for name, line in imported(path).items() if not owners().get(name, {name}) & allowed(path)}

    assert undeclared == {}


def test_what_is_declared_is_imported_or_has_its_reason() -> None:
    used = {owner for path in FILES for name in imported(path) for owner in owners().get(name, ())}
    unused = {name for extra in ("", *EXTRAS) for name in declared(extra)} - used

    assert unused == set(USED_BY_OTHERS)


def test_the_extra_all_holds_what_a_person_can_install() -> None:
    (everything,) = map(Requirement, PROJECT["optional-dependencies"]["all"])

    assert everything.extras == set(EXTRAS)
    assert set(PROJECT["optional-dependencies"]) == {*EXTRAS, "all", "bench", "test"}


def test_the_installed_package_says_what_the_project_says() -> None:
    said = {
        str(requirement) for requirement in map(Requirement, metadata.requires("genie_nb") or ()) if not requirement.marker
    }

    assert said == {str(requirement) for requirement in declared().values()}, "Install it again: make .venv/ready"


BLOCKED = """
import sys
from importlib import import_module

class Missing:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {blocked!r}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)

sys.meta_path.insert(0, Missing())
for name in {doors!r}:
    import_module(f"genie_nb.{{name}}")
"""


def test_the_doors_open_with_the_base_alone() -> None:
    extras = {name for extra in EXTRAS for name in declared(extra)} - set(declared())
    blocked = {module for module, names in owners().items() if names & extras and not names & set(declared())}
    assert {"fastapi", "mcp", "httpx2", "pptx", "openpyxl", "pypdf", "opentelemetry"} <= blocked
    code = BLOCKED.format(blocked=blocked, doors=NEEDED_WITH_THE_DOORS)

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=50)

    assert (done.returncode, done.stderr) == (0, "")


LOCKS = ("requirements.lock", "requirements-test.lock")


@pytest.mark.parametrize("name", LOCKS)
def test_a_lock_file_pins_with_hashes_and_holds_no_address(name: str) -> None:
    lines = (ROOT / name).read_text(encoding="utf-8").splitlines()
    pins = [line for line in lines if not line.startswith(" ")]

    assert len(pins) > 100
    assert [line for line in pins if not re.match(r"[a-z0-9-]+==\S+( ; .+)? \\$", line)] == []
    assert [line for line in lines if line.startswith(" ") and not line.startswith("    --hash=sha256:")] == []


def test_the_lab_and_the_tests_have_the_same_versions() -> None:
    lab, test = ({line for line in (ROOT / name).read_text().splitlines() if "==" in line} for name in LOCKS)

    assert lab < test


def test_the_lab_gets_none_of_the_tests_libraries() -> None:
    lab = (ROOT / "requirements.lock").read_text(encoding="utf-8")
    pinned = set(re.findall(r"^([a-z0-9-]+)==", lab, re.MULTILINE))

    assert set(declared("all")) == {"genie-nb"}
    assert pinned & {"mypy", "playwright", "pytest", "ruff", "hypothesis", "uv"} == set()
    assert {name for extra in ("", *EXTRAS) for name in declared(extra)} <= pinned
