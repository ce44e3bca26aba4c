"""The business itself, by its services."""
