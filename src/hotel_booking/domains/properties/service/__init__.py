"""Changing the catalogue: a file per noun. Writes return the row as it now is."""
