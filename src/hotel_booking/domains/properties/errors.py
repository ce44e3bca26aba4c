"""Why the catalogue did not change."""

from __future__ import annotations

from hotel_booking.core.errors import Conflict, Invalid, NotFound


class AlreadyExists(Conflict):
    """The name is taken. Nothing was made."""

    code = "already_exists"


class InUse(Conflict):
    """Something else needs it as it is; the detail says where. Nothing changed."""

    code = "in_use"


class ChangedMeanwhile(Conflict):
    """Somebody else changed it since it was read. Nothing changed."""

    code = "changed_meanwhile"


class NotAPhoto(Invalid):
    """The file is no picture that can be shown. Nothing was kept."""

    code = "not_a_photo"


class NoSuchThing(NotFound):
    """The property has nothing of that code or number."""

    code = "not_found"


class NoSuchProperty(NotFound):
    """There is no such property, or none that the caller may know of."""

    code = "property_not_found"
