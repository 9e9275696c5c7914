"""Servers of other makes, beside ours, for the benchmarks of the stream."""

__all__ = ()
