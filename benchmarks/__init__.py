"""One script a claim, peers beside us in the same run; each prints a table and writes JSON."""
