"""Incidents in the panel: the list, declaring, one incident's page, what comes after it."""

from hotel_booking.admin.incidents import after, pages, working

handlers = [*pages.handlers, *working.handlers, *after.handlers]
