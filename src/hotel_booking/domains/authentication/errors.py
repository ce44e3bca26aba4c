"""Why somebody does not get in, or has to prove again who they are."""

from __future__ import annotations

from hotel_booking.core.errors import Conflict, Forbidden, Invalid, NotFound, Unauthenticated


class FailedAttempt(Unauthenticated):
    """An attempt to prove who somebody is failed, and was counted. `locked` is the number of the
    account that it locked, whose owner is to be told so by mail."""

    code = "failed_attempt"

    def __init__(self, detail: str, *, field: str | None = None, locked: int | None = None) -> None:
        super().__init__(detail, field=field)
        self.locked = locked


class WrongCredentials(FailedAttempt):
    """The email address or the password is wrong. Which of the two is not said."""

    code = "wrong_credentials"


class WrongFactor(FailedAttempt):
    """The app's code or the recovery code is wrong, has expired or has already been used."""

    code = "wrong_factor"


class LockedOut(Forbidden):
    """Too many failures in a row for this account or from this address: wait, longer each time."""

    code = "locked_out"
    retry_after: int

    def __init__(self, seconds: int) -> None:
        wait = f"{seconds} seconds" if seconds < 100 else f"{-(-seconds // 60)} minutes"
        super().__init__("there have been too many failed attempts", fix=f"wait {wait} and try again")
        self.retry_after = seconds


class WrongCode(Invalid):
    """The code of the authenticator app being set up is wrong."""

    code = "wrong_code"


class ConfirmIdentity(Forbidden):
    """The action is sensitive, and it is a while since the caller confirmed their identity."""

    code = "confirm_identity"


class LinkNotValid(NotFound):
    """The link has expired, has been used, or never existed."""

    code = "link_not_valid"


class PasswordTooWeak(Invalid):
    """The password is too easy to guess."""

    code = "password_too_weak"


class SecondFactorNotAvailable(Conflict):
    """Authenticator apps need a secret key to be configured, and none is."""

    code = "second_factor_not_available"


class SecondFactorExists(Conflict):
    """An authenticator app is already set up."""

    code = "second_factor_exists"


class PasskeyRefused(Invalid):
    """The passkey was not accepted: wrong challenge, wrong site, or unknown here."""

    code = "passkey_refused"


class PasskeyNotFound(NotFound):
    """There is no such passkey, or it is someone else's."""

    code = "passkey_not_found"


class SessionNotFound(NotFound):
    """There is no such session, or it is someone else's."""

    code = "session_not_found"


class SignInRequired(Unauthenticated):
    """The page is for staff who have signed in."""

    code = "sign_in_required"


class GuestSignInRequired(Unauthenticated):
    """The page is for a guest who has signed in."""

    code = "guest_sign_in_required"
