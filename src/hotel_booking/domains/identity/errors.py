"""Why a caller is turned away."""

from __future__ import annotations

from hotel_booking.core.errors import Conflict, Forbidden, Invalid, NotFound, Unauthenticated


class MissingCredentials(Unauthenticated):
    """The route needs a caller and none was named."""

    code = "credentials_required"


class InvalidKey(Unauthenticated):
    """The API key does not exist, has expired or was revoked. Which of the three is not said."""

    code = "invalid_api_key"


class KeyRequired(Unauthenticated):
    """A guest's access token was sent where only an API key opens the door."""

    code = "api_key_required"


class MissingScope(Forbidden):
    """The key is good, but was not given the scope that the route needs."""

    code = "missing_scope"


class MissingPermission(Forbidden):
    """No role that the member of staff has at this property lets them do this."""

    code = "missing_permission"


class SecondFactorRequired(Forbidden):
    """The role demands a second factor; until one is set up, only its set-up is open."""

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


class ScopeNotYours(Forbidden):
    """A key can never grant what it does not have itself."""

    code = "scope_not_yours"


class UnknownProperties(Invalid):
    """A property named as a key's limit does not exist."""

    code = "unknown_property"


class InvalidExpiry(Invalid):
    """The expiry does not lie in the future, or not within ten years."""

    code = "invalid_expiry"


class StaffNotFound(NotFound):
    """There is no such member of staff, or none that the caller may know of."""

    code = "staff_not_found"


class StaffExists(Conflict):
    """The e-mail address has an account already."""

    code = "staff_exists"


class StaffChanged(Conflict):
    """Somebody else changed the account meanwhile. Nothing was overwritten."""

    code = "staff_changed"


class InvalidStaff(Invalid):
    """A name, an e-mail address or a list of roles that cannot be right."""

    code = "invalid_staff"


class GrantNotYours(Forbidden):
    """Nobody gives or takes a role that can do more than they can themselves at that property."""

    code = "grant_not_yours"


class OwnGrants(Forbidden):
    """Nobody changes their own roles, or closes their own account."""

    code = "own_grants"


class LastOwner(Conflict):
    """Somebody has to remain who may do everything at every property."""

    code = "last_owner"
