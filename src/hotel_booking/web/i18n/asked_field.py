"""A field of a guest's search as HTML, with what is wrong about it below: the search box and a hotel's page
have five of them each, so they are written here and not by a template."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Protocol

from markupsafe import Markup, escape

from hotel_booking.web.i18n.written import written_in


class Fields(Protocol):
    """What was typed, and a sentence for each field that is wrong."""

    @property
    def typed(self) -> Mapping[str, str]:
        """By the fields' names."""

    @property
    def errors(self) -> Mapping[str, str]:
        """By the fields' names; none for a field that is right."""


def asked_field(language: str) -> Callable[..., Markup]:
    """What writes a field in a language."""
    write = written_in(language)

    def field(asked: Fields, form: str, name: str, label: str, kind: str, more: str = "") -> Markup:
        """`form` is what its ids begin with; `label` and `more`, its other attributes, are HTML."""
        key, error = f"{form}-{name}", asked.errors.get(name)
        invalid = wrong = below = ""
        if error:
            invalid, wrong = " invalid", f' aria-invalid="true" aria-describedby="{key}-below"'
            below = f'<p class="error" id="{key}-below">{write.text(error)}</p>\n'
        typed = escape(asked.typed[name])
        return Markup(  # noqa: S704 - escaped, or HTML of ours
            f'<div class="field{invalid}">\n<label for="{key}">{label}</label>\n'
            f'<input id="{key}" name="{name}" type="{kind}" value="{typed}"{more}{wrong}>\n'
            f"{below}</div>"
        )

    return field
