"""genie_nb."""
