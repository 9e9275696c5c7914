"""The notebook's side: one run as a live view, and as the record that stays in the cell."""
