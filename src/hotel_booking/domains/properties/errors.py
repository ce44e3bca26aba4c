"""Why the catalogue did not change."""

from __future__ import annotations

from hotel_booking.core.errors import Conflict, Invalid, NotFound


class AlreadyExists(Conflict):
    """The name is taken. Nothing was created."""

    code = "already_exists"


class InUse(Conflict):
    """Something else depends on it; the detail says what. Nothing changed."""

    code = "in_use"


class ChangedMeanwhile(Conflict):
    """Someone else changed it since it was read. Nothing changed."""

    code = "changed_meanwhile"


class NotAPhoto(Invalid):
    """The file is not a picture that can be shown. Nothing was saved."""

    code = "not_a_photo"


class NoSuchItem(NotFound):
    """The property has nothing with that code or number."""

    code = "not_found"


class NoSuchProperty(NotFound):
    """There is no such property, or not one the caller may see."""

    code = "property_not_found"
