"""What the account's pages say where something does not work, in the guest's language, and the lists that
they offer. An error of the business is English and for programs; here its code finds the words."""

from __future__ import annotations

from collections.abc import Iterable

from hotel_booking.core import bidi
from hotel_booking.core.errors import DomainError
from hotel_booking.core.locales import locale_of
from hotel_booking.core.names import has_unshown
from hotel_booking.core.phone import phone_shown
from hotel_booking.domains.authentication.errors import LockedOut, PasswordTooWeak
from hotel_booking.domains.authentication.service.passwords import LONGEST, SHORTEST
from hotel_booking.domains.authentication.types import OpenSession
from hotel_booking.domains.guests.service.details import LONGEST_WISHES
from hotel_booking.domains.guests.types import LONGEST_NAME
from hotel_booking.http.i18n.catalogues import translations
from hotel_booking.http.ui.forms import Form, FormProblems
from hotel_booking.http.visitors import browser_and_system
from hotel_booking.web.i18n.refused_texts import not_shown
from hotel_booking.web.refused import Words


def failed(form: Form, error: DomainError, language: str) -> Form:
    """The form with what is wrong, beside its field where it has one."""
    if isinstance(error, FormProblems):
        return form  # it stands beside its fields already
    field = error.field if error.field in form.names() else ""
    form.wrong(field or "", words_of(error, language, form))
    return form


def words_of(error: DomainError, language: str, form: Form | None = None) -> str:
    """What happened and what to do, in a sentence or two."""
    if isinstance(error, LockedOut):
        return _waiting(error.retry_after, language)
    if error.code == PasswordTooWeak.code:
        return _too_weak(form.value("password") if form else "", language)
    if said := _of_code(error.code, language):
        return said
    if form and error.field and has_unshown(form.value(error.field)):
        return not_shown(language)
    return _about_field(error.field, language)


def reworded(language: str) -> Words:
    """The sentences for errors that are known by their codes and fields alone, in a language."""

    def words(code: str, field: str, seconds: int) -> str:
        if code == LockedOut.code and seconds:
            return _waiting(seconds, language)
        if code == FormProblems.code and field == "password":
            return translations(language).gettext("Please fill this in.")
        return _of_code(code, language) or _about_field(field, language)

    return words


def _of_code(code: str, language: str) -> str:
    _ = translations(language).gettext
    match code:
        case "wrong_credentials":
            return _("The email address or password isn’t correct.")
        case "password_too_weak":
            return _too_weak("x" * SHORTEST, language)
        case "passkey_refused":
            return _("We don’t recognise this passkey. Please use another one, or sign in another way.")
        case "link_not_valid":
            return _("This link has expired or has already been used. Please ask for a new one.")
        case "email_not_the_same":
            return _("This isn’t the email address of your account.")
        case "not_to_be_erased_yet":
            return _("You still have an upcoming stay or an open balance, so nothing has been deleted.")
    return ""


def _about_field(field: str | None, language: str) -> str:
    _ = translations(language).gettext
    match field:
        case "email":
            return _("Please enter an email address such as name@example.com.")
        case "given_name" | "family_name":
            return longest_name(LONGEST_NAME, language)
        case "phone":
            return no_phone(language)
        case "wishes":
            return longest_text(LONGEST_WISHES, language)
        case "country" | "language" | "currency":
            return _("Please choose from the list.")
    return _("That didn’t work. Please try again.")


def longest_name(number: int, language: str) -> str:
    """How a name is asked for that is too long, or no name."""
    text = translations(language).ngettext(
        "Please enter a name of up to {number} character on one line.",
        "Please enter a name of up to {number} characters on one line.",
        number,
    )
    return text.format(number=number)


def longest_text(number: int, language: str) -> str:
    """What a text may be at most."""
    text = translations(language).ngettext(
        "Up to {number} character, plain text only.", "Up to {number} characters, plain text only.", number
    )
    return text.format(number=number)


def unread_phone(kept: str, language: str) -> str:
    """What is said of a telephone number that was kept as it was typed."""
    said = translations(language).gettext(
        "We couldn’t recognise this telephone number, so we’ve saved it as you typed it: {number}"
    )
    return said.format(number=f"{bidi.FIRST_STRONG}{phone_shown(kept)}{bidi.END}")  # it may be words of any


def no_phone(language: str) -> str:
    """How a telephone number is asked for where something else was typed."""
    said = translations(language).gettext(
        "Please enter a telephone number, such as {number}, or leave this empty."
    )
    return said.format(number=f"{bidi.LEFT_TO_RIGHT}+351 21 123 4567{bidi.END}")


def need(form: Form, language: str, *names: str) -> None:
    """Note the fields that have to be filled in and are not."""
    for name in names:
        if not form.value(name).strip():
            form.wrong(name, translations(language).gettext("Please fill this in."))


def device_of(session: OpenSession, language: str) -> str:
    """The browser of a session, for people."""
    _ = translations(language).gettext
    browser, system = browser_and_system(session.user_agent)
    if browser and system:
        return _("{browser} on {system}").format(browser=browser, system=system)
    return browser or system or _("Unknown browser")


def currencies(codes: Iterable[str], language: str) -> list[tuple[str, str]]:
    """Currencies by their codes, with their names."""
    names = locale_of(language).currencies
    return [(code, f"{code} · {names.get(code, code)}") for code in sorted(codes)]


def _waiting(seconds: int, language: str) -> str:
    ngettext = translations(language).ngettext
    minutes = -(-seconds // 60)
    if seconds < 100:
        return ngettext(
            "Too many attempts. Please wait {number} second, then try again.",
            "Too many attempts. Please wait {number} seconds, then try again.",
            seconds,
        ).format(number=seconds)
    return ngettext(
        "Too many attempts. Please wait {number} minute, then try again.",
        "Too many attempts. Please wait {number} minutes, then try again.",
        minutes,
    ).format(number=minutes)


def _too_weak(typed: str, language: str) -> str:
    texts = translations(language)
    if len(typed) < SHORTEST:
        return texts.ngettext(
            "Please use at least {number} character for your password.",
            "Please use at least {number} characters for your password.",
            SHORTEST,
        ).format(number=SHORTEST)
    if len(typed) > LONGEST:
        return texts.ngettext(
            "Please use no more than {number} character for your password.",
            "Please use no more than {number} characters for your password.",
            LONGEST,
        ).format(number=LONGEST)
    return texts.gettext(
        "This password is too easy to guess. Three or four unrelated words are easy to remember and hard to "
        "guess."
    )
