"""The code interpreter: child kernels and the sessions that run on them."""
