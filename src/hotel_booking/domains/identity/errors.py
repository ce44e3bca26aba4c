"""Why a caller is turned away."""

from __future__ import annotations

from hotel_booking.core.errors import Conflict, Forbidden, Invalid, NotFound, Unauthenticated


class MissingCredentials(Unauthenticated):
    """The call needs credentials and none were sent."""

    code = "credentials_required"


class InvalidKey(Unauthenticated):
    """The API key does not exist, has expired or was revoked. Which of the three is not said."""

    code = "invalid_api_key"


class KeyRequired(Unauthenticated):
    """A guest's access token was sent where an API key is required."""

    code = "api_key_required"


class MissingScope(Forbidden):
    """The key is valid, but lacks the scope that the call needs."""

    code = "missing_scope"


class MissingPermission(Forbidden):
    """No role that the member of staff has at this property lets them do this."""

    code = "missing_permission"


class SecondFactorRequired(Forbidden):
    """The role requires a second factor; until one is set up, nothing else is available."""

    code = "second_factor_required"


class PropertyNotAllowed(Forbidden):
    """The key is limited to other properties."""

    code = "property_not_allowed"


class TimeMayNotBeSimulated(Forbidden):
    """`Hotel-Simulated-Time` was sent in production, or without the scope clock:simulate."""

    code = "simulated_time_not_allowed"


class KeyNotFound(NotFound):
    """There is no such API key."""

    code = "key_not_found"


class KeyNotActive(Conflict):
    """The key has expired or was revoked, so it cannot be rotated."""

    code = "key_not_active"


class KeyReplaced(Conflict):
    """The key was rotated already: another one took its place, with the rights and the expiry that it had."""

    code = "key_replaced"


class ScopeNotYours(Forbidden):
    """A key can't grant what it does not have itself."""

    code = "scope_not_yours"


class UnknownProperties(Invalid):
    """A property that the key is to be limited to does not exist."""

    code = "unknown_property"


class InvalidExpiry(Invalid):
    """The expiry is not in the future, or not within ten years."""

    code = "invalid_expiry"


class StaffNotFound(NotFound):
    """There is no such member of staff, or not one the caller may see."""

    code = "staff_not_found"


class StaffExists(Conflict):
    """The email address already has an account."""

    code = "staff_exists"


class StaffChanged(Conflict):
    """Someone else changed the account in the meantime. Nothing was overwritten."""

    code = "staff_changed"


class InvalidStaff(Invalid):
    """A name, an email address or a list of roles is not valid."""

    code = "invalid_staff"


class GrantNotYours(Forbidden):
    """Nobody can grant or revoke a role that can do more than they can at that property."""

    code = "grant_not_yours"


class OwnGrants(Forbidden):
    """Nobody can change their own roles or close their own account."""

    code = "own_grants"


class LastOwner(Conflict):
    """At least one owner of the whole group has to remain."""

    code = "last_owner"
