"""What a setting is: a field of a Struct, described for its page and for the errors of its reader."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any, Literal, get_args, get_origin, get_type_hints

import msgspec
from msgspec import Meta


class ConfigError(Exception):
    """The environment cannot be used. `problems` says, one a line, what to change."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


def described(
    does: str,
    *,
    takes: str = "",
    refused: str = "",
    must_be: str = "",
    demo: object = msgspec.UNSET,
    **bounds: Any,
) -> Meta:
    """What a setting does, takes and refuses, as the page tells it; how its `pattern` is said (`must_be`);
    its default in a demonstration, where that is another; `bounds` are msgspec's."""
    extra = {"takes": takes, "refused": refused, "demo": demo, "must_be": must_be}
    return Meta(description=does, extra=extra, **bounds)


class Setting(msgspec.Struct, frozen=True):
    """One declaration above: a HOTEL_ variable. `type` is what its text is made into."""

    name: str
    type: Any
    default: object
    demo: object
    does: str
    takes: str
    refused: str
    must_be: str
    low: int | None
    high: int | None
    choices: tuple[str, ...]

    @property
    def variable(self) -> str:
        """What it is called in the environment."""
        return f"HOTEL_{self.name.upper()}"


def declared(settings: type[msgspec.Struct]) -> Iterator[Setting]:
    """Every setting of the Struct that a HOTEL_ variable sets: its own, then what it inherits."""
    hints = get_type_hints(settings, include_extras=True)
    own = settings.__annotations__
    for field in sorted(msgspec.structs.fields(settings), key=lambda field: field.name not in own):
        hint = hints[field.name]
        kind = next((arm for arm in get_args(hint) if get_origin(arm) is Annotated), hint)
        if get_origin(kind) is not Annotated:
            continue
        plain, meta = get_args(kind)
        extra = meta.extra
        choices = get_args(plain) if get_origin(plain) is Literal else ()
        yield Setting(
            name=field.name,
            type=kind,
            default=field.default,
            demo=field.default if extra["demo"] is msgspec.UNSET else extra["demo"],
            does=meta.description,
            takes=extra["takes"],
            refused=extra["refused"],
            must_be=extra["must_be"],
            low=meta.ge,
            high=meta.le,
            choices=("true", "false") if plain is bool else choices,
        )
