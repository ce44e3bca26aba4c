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
        super().__init__("there have been too many failed attempts", fix=f"wait {wait} and try again")
        self.retry_after = seconds


class WrongCode(Invalid):
    """The code of an app that is being set up is not the one expected."""

    code = "wrong_code"


class ConfirmIdentity(Forbidden):
    """The act is dangerous, and it is a while since somebody proved who they are."""

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


class SignInRequired(Unauthenticated):
    """The page is for staff who have signed in."""

    code = "sign_in_required"


class GuestSignInRequired(Unauthenticated):
    """The page is for a guest who has signed in."""

    code = "guest_sign_in_required"
