"""Addresses of the application's routes, for tests that walk them all."""

from __future__ import annotations

from collections.abc import Mapping

from litestar.routes import HTTPRoute

from hotel_booking.core.languages import LANGUAGES


def address(route: HTTPRoute, samples: Mapping[str, str], *, language: str = "en") -> str:
    """The route's address with the samples; what there is no sample of is a number that nothing has."""
    values = {"language": language, **samples}
    parts = (
        part if isinstance(part, str) else values.get(part.name, _unknown(part.type))
        for part in route.path_components
    )
    return "/" + "/".join(parts)


def addresses(route: HTTPRoute, samples: Mapping[str, str]) -> list[str]:
    """The route's addresses: a page of the site has one in every language."""
    languages = LANGUAGES if route.path.startswith("/{language:str}") else ("en",)
    return [address(route, samples, language=language) for language in languages]


def _unknown(kind: type) -> str:
    return {int: "999999", str: "nothing"}.get(kind, "00000000-0000-0000-0000-000000000000")
