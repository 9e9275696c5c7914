"""The front of the package: every public name is there, and nothing heavy comes with it."""

import subprocess
import sys
from importlib import import_module

import pytest

import genie_nb


@pytest.mark.parametrize("name", genie_nb.__all__)
def test_every_public_name_can_be_used(name: str) -> None:
    assert getattr(genie_nb, name) is not None
    assert name in dir(genie_nb)


def test_every_public_name_has_one_home() -> None:
    assert set(genie_nb._HOMES) == set(genie_nb.__all__)


def test_a_public_name_is_the_very_thing_of_its_home() -> None:
    for name, home in genie_nb._HOMES.items():
        assert getattr(genie_nb, name) is getattr(import_module(home), name)


def test_another_name_is_refused_with_the_names_that_there_are() -> None:
    with pytest.raises(AttributeError, match=r"genie_nb has no 'aks'. It has: .*ask"):
        genie_nb.aks  # noqa: B018


IMPORTS = {
    "the package alone is next to nothing": (
        "import genie_nb",
        ["pandas", "numpy", "pydantic", "asyncio", "msgspec", "IPython", "ipywidgets"],
    ),
    "the backend knows no notebook": (
        "import pkgutil, importlib, genie_nb.backend as b\n"
        "names = {m.name for m in pkgutil.walk_packages(b.__path__, 'genie_nb.backend.')}\n"
        "for name in names - {'genie_nb.backend.interpreter.startup'}: importlib.import_module(name)",  # it is a child's
        ["ipywidgets", "anywidget", "IPython", "matplotlib", "pandas"],
    ),
    "the front door loads nothing that only some runs need": (
        "import genie_nb; genie_nb.ask",
        [
            *(
                "ipywidgets",
                "anywidget",
                "IPython",
                "pandas",
                "matplotlib",
                "pptx",
                "jinja2",
                "PIL",
                "openai",
                "markdown_it",
                "nh3",
            ),
            *("pygments", "psutil", "opentelemetry", "typer", "fastapi", "starlette", "uvicorn", "httpx", "mcp", "pyarrow"),
            *("genie_nb.backend.tools.deep_search", "genie_nb.backend.tools.functions"),
        ],
    ),
    "a transcript can be folded without the backend": (
        "import genie_nb.transcript",
        ["genie_nb.backend", "genie_nb.widgets", "pydantic", "pandas", "asyncio"],
    ),
}


@pytest.mark.parametrize(("code", "unwanted"), IMPORTS.values(), ids=IMPORTS.keys())
def test_importing_loads_only_what_is_needed(code: str, unwanted: list[str]) -> None:
    told = f"{code}\nimport sys\nprint(*[name for name in {unwanted!r} if name in sys.modules])"

    done = subprocess.run([sys.executable, "-W", "error", "-c", told], capture_output=True, text=True, timeout=300)

    assert (done.returncode, done.stdout.strip(), done.stderr) == (0, "", "")
