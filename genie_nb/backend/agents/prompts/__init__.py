"""The prompts: one short Markdown file a role and language; `$name` marks what is filled in."""

from functools import cache
from importlib.resources import files
from string import Template

from genie_nb.backend.context import Language

__all__ = ("prompt",)


def prompt(role: str, language: Language, **filled: str) -> str:
    """The prompt for a role in a language."""
    return _template(role, language).substitute(filled)


@cache
def _template(role: str, language: Language) -> Template:
    return Template(files(__package__).joinpath(language, f"{role}.md").read_text(encoding="utf-8"))
