"""The job worker and its schedule."""
