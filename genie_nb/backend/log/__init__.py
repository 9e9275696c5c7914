"""Logs: the entries of runs, and stores that outlive the process."""

__all__ = ()
