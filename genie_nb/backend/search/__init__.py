"""Search: engines behind one protocol, a reader of pages, and the loop that asks, reads, judges and answers."""
