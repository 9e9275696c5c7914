"""Programs that tests start."""

import subprocess

__all__ = ("Program",)


class Program(subprocess.Popen[str]):
    """A program that is ended when its `with` is left by an error: the one that it waits for would not come."""

    def __exit__(self, kind: object, *rest: object) -> None:
        """Wait for its end."""
        if kind is not None:
            self.kill()
        super().__exit__(kind, *rest)  # type: ignore[arg-type]
