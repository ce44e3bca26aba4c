"""The kinds of accounts that people sign in to, and all in which they differ. The mechanism is one: it takes
a kind as its second argument and knows no more of staff and guests than stands here.

Names of tables and columns are constants of ours, never anything that was sent. `a` is the row of the account
in conditions and lists.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Literal

import msgspec

from hotel_booking.core.errors import Unauthenticated
from hotel_booking.domains.authentication.errors import GuestSignInRequired, SignInRequired

Door = Literal["", "guest_"]


class LinkKind(msgspec.Struct, frozen=True, kw_only=True):
    """A kind of mailed link. `lapsed` is what is said, and what to do, where one opens nothing any more."""

    lasts: timedelta
    lapsed: tuple[str, str] = (
        "this link has expired or has already been used",
        "request a new one on the sign-in page",
    )
    # A fresh one makes earlier ones void. Else they stay good until they lapse: mails overtake each other.
    replaces: bool = False
    # It goes to an address that is not, or not yet, the account's.
    proves_address: bool = False


class AccountKind(msgspec.Struct, frozen=True, kw_only=True):
    """A kind of account. Its tables are called after it: staff_session, guest_token."""

    name: Literal["staff", "guest"]
    accounts: str  # the table, with its columns email, password_hash and password_changed_at
    owner: str  # the column by which sessions, links and passkeys name the account
    open: str  # condition: the account may be entered
    about: str  # array of what a guesser of its password would try first,
    guessed: tuple[str, ...]  # beside these words
    # Condition: something beside the password, or the mailed link, is owed. With `steps` a session has a
    # level: before the second step it opens nothing.
    second_factor: str
    steps: bool
    site_name: str  # what devices call us, for a passkey
    # Attempts are counted apart: who fails at the site locks no member of staff out of the panel.
    door: Door

    lifetime: timedelta  # of a session, at most
    idle: timedelta  # it ends unused
    use_noted_every: timedelta
    most_sessions: int | None  # of one account: the longest unused ones end
    confirmed_for: timedelta  # dangerous acts need a proof that is no older

    links: Mapping[str, LinkKind]
    # What may be asked for, and the kinds of link that answer it: where there is an account, and where not.
    asked: Mapping[str, tuple[str | None, str | None]]
    # Links carry the address that they were mailed to, for it may have no account yet; else it is the
    # account's.
    addressed: bool
    used_links_stay: bool  # marked as used, with what the audit log tells of them; else they are removed
    links_kept: timedelta  # after they have lapsed

    sign_in_required: type[Unauthenticated]

    @property
    def sessions(self) -> str:
        """The table of sessions."""
        return f"{self.name}_session"

    @property
    def tokens(self) -> str:
        """The table of mailed links."""
        return f"{self.name}_token"

    @property
    def passkeys(self) -> str:
        """The table of passkeys."""
        return f"{self.name}_passkey"

    @property
    def challenges(self) -> str:
        """The table of what passkeys were asked to sign."""
        return f"{self.name}_challenge"


STAFF = AccountKind(
    name="staff",
    accounts="staff",
    owner="staff_id",
    open="a.active",
    about="ARRAY[a.email, a.name]",
    guessed=("hotel", "booking", "panel"),
    second_factor=(
        "(a.totp_confirmed_at IS NOT NULL OR EXISTS (SELECT FROM staff_passkey k WHERE k.staff_id = a.id))"
    ),
    steps=True,
    site_name="Hotel panel",
    door="",
    lifetime=timedelta(hours=12),
    idle=timedelta(hours=2),
    use_noted_every=timedelta(minutes=1),
    most_sessions=None,
    confirmed_for=timedelta(minutes=10),
    links={
        "invitation": LinkKind(
            lasts=timedelta(days=7),
            lapsed=(
                "this invitation has expired or has already been used",
                "ask the person who invited you for a new one",
            ),
            replaces=True,
        ),
        "password_reset": LinkKind(lasts=timedelta(hours=1), replaces=True),
    },
    asked={"staff_password": ("password_reset", None)},
    addressed=False,
    used_links_stay=True,
    links_kept=timedelta(days=30),
    sign_in_required=SignInRequired,
)

GUESTS = AccountKind(
    name="guest",
    accounts="guest_account",
    owner="account_id",
    open="true",
    about="ARRAY[a.email, a.given_name, a.family_name]",
    guessed=("hotel", "booking"),
    second_factor="false",
    steps=False,
    site_name="Hotel Booking",
    door="guest_",
    lifetime=timedelta(days=30),
    idle=timedelta(days=14),
    use_noted_every=timedelta(minutes=5),
    most_sessions=50,
    confirmed_for=timedelta(minutes=15),
    links={
        "register": LinkKind(lasts=timedelta(days=1), proves_address=True),
        "sign_in": LinkKind(lasts=timedelta(minutes=30)),
        "password": LinkKind(lasts=timedelta(hours=1)),
        "new_email": LinkKind(lasts=timedelta(days=1), proves_address=True),
    },
    asked={
        "sign_in": ("sign_in", None),
        # Who has an account already and registers again is let in to it, and nobody else learns that.
        "register": ("sign_in", "register"),
        "password": ("password", None),
    },
    addressed=True,
    used_links_stay=False,
    links_kept=timedelta(0),
    sign_in_required=GuestSignInRequired,
)

KINDS = (STAFF, GUESTS)
