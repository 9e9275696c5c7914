"""The rules of the house: sizes, words, and who may know whom."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import genie_nb

HOUSE = Path(genie_nb.__file__).parent
FILES = sorted(HOUSE.rglob("*.py"))
LONGEST_FILE, LONGEST_FUNCTION, MOST_PARAMETERS = 600, 60, 5
BANNED = {"manager", "helper", "helpers", "util", "utils", "info", "data"}
GIVEN = {"data_received"}
"""Names that a library gives: asyncio calls a protocol by them."""
KNOWN_ONLY_TO = {
    "openai": {"backend/models/openai.py"},
    "jupyter_client": {"backend/interpreter/"},
    "mcp": {"backend/mcp/", "backend/server/mcp_routes.py", "backend/server/offer"},
}
MAY_CATCH_EVERYTHING = {"backend/runs.py", "backend/tools/base.py"}

Function = ast.FunctionDef | ast.AsyncFunctionDef


def place(path: Path) -> str:
    return path.relative_to(HOUSE).as_posix()


def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def functions(path: Path) -> Iterator[Function]:
    return (node for node in ast.walk(tree(path)) if isinstance(node, Function))


def words(name: str) -> set[str]:
    return set(re.sub(r"([a-z0-9])([A-Z])", r"\1_\2", name).lower().split("_"))


every_file = pytest.mark.parametrize("path", FILES, ids=place)


def test_there_is_a_house() -> None:
    assert len(FILES) > 40
    assert HOUSE / "backend" / "runs.py" in FILES


@every_file
def test_a_file_is_not_too_long(path: Path) -> None:
    assert len(path.read_text(encoding="utf-8").splitlines()) <= LONGEST_FILE


@every_file
def test_no_function_is_too_long(path: Path) -> None:
    lengths = {node.name: (node.end_lineno or 0) - node.lineno + 1 for node in functions(path)}

    assert {name: length for name, length in lengths.items() if length > LONGEST_FUNCTION} == {}


@every_file
def test_no_function_takes_too_many_arguments_by_position(path: Path) -> None:
    counted = {node.name: _positional(node) for node in functions(path)}

    assert {name: count for name, count in counted.items() if count > MOST_PARAMETERS} == {}


@every_file
def test_booleans_are_given_by_name(path: Path) -> None:
    by_position = [
        f"{node.name}({argument.arg})"
        for node in functions(path)
        for argument in (*node.args.posonlyargs, *node.args.args)
        if isinstance(argument.annotation, ast.Name) and argument.annotation.id == "bool"
    ]

    assert by_position == []


@every_file
def test_every_room_says_what_it_owns(path: Path) -> None:
    assert ast.get_docstring(tree(path))


@every_file
def test_every_room_says_what_it_gives(path: Path) -> None:
    given = {
        target.id
        for node in tree(path).body
        if isinstance(node, ast.Assign)
        for target in node.targets
        if isinstance(target, ast.Name)
    }
    statements = [node for node in tree(path).body if not isinstance(node, ast.Expr)]

    assert "__all__" in given or not statements


@every_file
def test_no_file_class_or_function_has_a_word_that_says_nothing(path: Path) -> None:
    named = [node.name for node in ast.walk(tree(path)) if isinstance(node, Function | ast.ClassDef)]

    assert {name for name in (path.stem, *named) if words(name) & BANNED} <= GIVEN


@every_file
def test_everything_is_caught_only_where_a_run_is_driven_or_a_tool_is_called(path: Path) -> None:
    caught = {
        handler.lineno
        for handler in ast.walk(tree(path))
        if isinstance(handler, ast.ExceptHandler) and {"Exception", "BaseException"} & _caught(handler)
    }
    allowed = place(path) in MAY_CATCH_EVERYTHING or _catches_for_another_thread(path)

    assert allowed or caught == set()


@every_file
def test_a_library_is_imported_only_where_it_is_known(path: Path) -> None:
    strangers = {name for name in _imported(path) if not _may_know(place(path), name)}

    assert strangers == set()


@every_file
def test_imports_are_absolute(path: Path) -> None:
    assert [node.lineno for node in ast.walk(tree(path)) if isinstance(node, ast.ImportFrom) and node.level] == []


def _positional(node: Function) -> int:
    names = [argument.arg for argument in (*node.args.posonlyargs, *node.args.args)]
    return len([name for name in names if name not in ("self", "cls")])


def _caught(handler: ast.ExceptHandler) -> set[str]:
    if handler.type is None:
        return {"BaseException"}
    return {node.id for node in ast.walk(handler.type) if isinstance(node, ast.Name)}


def _catches_for_another_thread(path: Path) -> bool:
    """`@tool` carries whatever a function raised over to the thread that called it, where the tool's box catches it."""
    return place(path) == "backend/tools/functions.py"


def _imported(path: Path) -> set[str]:
    found: set[str] = set()
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Import):
            found |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module.split(".")[0])
    return found


def _may_know(where: str, library: str) -> bool:
    if library in ("ipywidgets", "anywidget", "IPython"):
        return not where.startswith("backend/") or where == "backend/interpreter/startup.py"
    return library not in KNOWN_ONLY_TO or any(where.startswith(room) for room in KNOWN_ONLY_TO[library])
