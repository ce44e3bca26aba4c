"""Incidents in the panel: the list, declaring, one incident's page, what comes after it, maintenance."""

from hotel_booking.admin.incidents import after, pages, windows, working

handlers = [*pages.handlers, *working.handlers, *after.handlers, *windows.handlers]
