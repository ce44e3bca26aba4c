"""The parts of the search index that are computed."""
