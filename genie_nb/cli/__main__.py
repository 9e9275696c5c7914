"""`python -m genie_nb.cli`."""

from genie_nb.cli import main

__all__ = ()

main()
