"""Run the lessons and keep their outputs: `make notebooks`."""

import sys
from pathlib import Path

import nbformat
from nbclient import NotebookClient

HERE = Path(__file__).parent


def main() -> None:
    """Run each lesson, or those that are named, in a fresh kernel."""
    names = sys.argv[1:] or sorted(str(path) for path in HERE.glob("[0-9][0-9]_*.ipynb"))
    for name in names:
        notebook = nbformat.read(name, as_version=4)
        NotebookClient(notebook, timeout=120, kernel_name="python3", resources={"metadata": {"path": str(HERE)}}).execute()
        for cell in notebook.cells:
            cell.metadata.pop("execution", None)  # it holds times
        notebook.metadata.pop("widgets", None)  # the record is what is kept of a run, not its view
        nbformat.write(notebook, name)
        sys.stdout.write(f"{name}\n")


if __name__ == "__main__":
    main()
