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


class SignInRequired(Unauthenticated):
    """The page is for staff who have signed in."""

    code = "sign_in_required"


class SecondFactorRequired(Forbidden):
    """The role demands a second factor; until one is set up, only its set-up is open."""

    code = "second_factor_required"


class NoSuchProperty(NotFound):
    """There is no such property, or none that the caller may know of."""

    code = "property_not_found"


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


class FailedAttempt(Unauthenticated):
    """An attempt to prove who somebody is failed, and was counted. `locked` is the member of staff whose
    account it locked, to be told so by mail."""

    code = "failed_attempt"

    def __init__(self, detail: str, *, field: str | None = None, locked: int | None = None) -> None:
        super().__init__(detail, field=field)
        self.locked = locked


class WrongCredentials(FailedAttempt):
    """E-mail and password do not open an account together. Which of the two is wrong is not said."""

    code = "wrong_credentials"


class WrongFactor(FailedAttempt):
    """The code of an app, or the recovery code, is not right, has lapsed, or was used already."""

    code = "wrong_factor"


class LockedOut(Forbidden):
    """Too many failures in a row for this account or from this address: wait, longer each time."""

    code = "locked_out"
    retry_after: int

    def __init__(self, seconds: int) -> None:
        wait = f"{seconds} seconds" if seconds < 100 else f"{-(-seconds // 60)} minutes"
        super().__init__("there were too many failed attempts", fix=f"wait {wait} and try again")
        self.retry_after = seconds


class WrongCode(Invalid):
    """The code of an app that is being set up is not the one expected."""

    code = "wrong_code"


class ConfirmIdentity(Forbidden):
    """The act is dangerous, and it is a while since the member of staff proved who they are."""

    code = "confirm_identity"


class LinkNotValid(NotFound):
    """The link has lapsed, was used, or never was."""

    code = "link_not_valid"


class PasswordTooWeak(Invalid):
    """The password would soon be guessed."""

    code = "password_too_weak"


class SecondFactorNotAvailable(Conflict):
    """Codes of an app need a key to be kept under, and none is configured."""

    code = "second_factor_not_available"


class SecondFactorExists(Conflict):
    """There is an authenticator app already."""

    code = "second_factor_exists"


class PasskeyRefused(Invalid):
    """What the browser sent proves nothing: another challenge, another site, or a passkey unknown here."""

    code = "passkey_refused"


class PasskeyNotFound(NotFound):
    """There is no such passkey, or it is somebody else's."""

    code = "passkey_not_found"


class SessionNotFound(NotFound):
    """There is no such session, or it is somebody else's."""

    code = "session_not_found"


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
