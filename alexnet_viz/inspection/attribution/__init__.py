"""Which pixels an answer came from, and whether to trust that."""
