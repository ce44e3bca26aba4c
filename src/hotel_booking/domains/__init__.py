"""The business, with no HTTP in it."""
