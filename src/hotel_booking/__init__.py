"""The Hotel Booking Platform: site, REST API, admin panel, status page and operations."""

__version__ = "0.1.0"
