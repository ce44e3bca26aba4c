"""Who uses the platform in tests: HTTP clients, staff in the panel, a browser."""
