"""`%load_ext genie_nb`: a question as a sentence in a cell.

    %%genie --file sales.csv
    Which region grew fastest? Draw it.

Above: nothing. Below: `session`.
"""

import shlex
from typing import Any

from IPython.core.magic import Magics, line_cell_magic, magics_class, needs_local_scope
from IPython.core.magic_arguments import argument, magic_arguments, parse_argstring

from genie_nb.errors import RequestError
from genie_nb.session import Genie, Run

__all__ = ("load_ipython_extension",)


@magics_class
class GenieMagics(Magics):
    """The magics of genie_nb."""

    @magic_arguments()
    @argument("--file", "-f", action="append", default=[], help="A file to look at; may be given several times.")
    @argument("--data", "-d", action="append", default=[], help="A DataFrame variable to hand over; several times.")
    @argument("--agent", "-a", default=None, help="plan_solve, react or report.")
    @argument("--model", "-m", default=None, help="A model's name; offline is the built-in analyst.")
    @argument("--name", "-n", default="run", help="The variable that the run is kept in (default: run).")
    @argument("question", nargs="*", help="The question; in %%%%genie it is the cell's text.")
    @needs_local_scope
    @line_cell_magic
    def genie(self, line: str, cell: str | None = None, local_ns: dict[str, Any] | None = None) -> None:
        """Ask, show the live view, and keep the run in a variable."""
        options = parse_argstring(self.genie, line if cell is not None else _quoted(line))
        shell: Any = self.shell
        names: dict[str, Any] = {**shell.user_ns, **(local_ns or {})}
        missing = [name for name in options.data if name not in names]
        if missing:
            raise RequestError(f"There is no variable {missing[0]!r} to hand over.")
        frames = {name: names[name] for name in options.data}
        question = cell.strip() if cell is not None else " ".join(options.question)
        run: Run = Genie(model=options.model, agent=options.agent).ask(question, files=options.file, data=frames)
        shell.user_ns[options.name] = run


def _quoted(line: str) -> str:
    """The line with quotes that shells would trip over, e.g. in "what's in it", made harmless."""
    try:
        shlex.split(line)
    except ValueError:
        return line.replace("'", "\\'").replace('"', '\\"')
    return line


def load_ipython_extension(shell: Any) -> None:
    """Register the magics and warm a Python kernel up."""
    shell.register_magics(GenieMagics)
    Genie()
