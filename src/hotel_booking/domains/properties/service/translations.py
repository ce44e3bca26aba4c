"""Texts in other languages: a row for each object, language and field. Nothing written is nothing stored."""

from __future__ import annotations

from collections.abc import Mapping

from hotel_booking.core.db import Transaction
from hotel_booking.core.errors import Invalid
from hotel_booking.core.languages import LANGUAGES
from hotel_booking.domains.properties.types import TranslatedKind, check_texts

_LONGEST = {"name": 200, "description": 5000}


async def write(
    tx: Transaction,
    *,
    property_id: int,
    kind: TranslatedKind,
    object_id: int,
    language: str,
    texts: Mapping[str, str],
) -> bool:
    """Set the texts of one object in one language; an empty one is taken away. Whether anything changed.

    The caller has made sure that the object belongs to the property. Raises `Invalid` naming the field.
    """
    if language not in LANGUAGES:
        raise Invalid(f"{language!r} is not a supported language", field="language")
    for field, text in texts.items():
        if field not in _LONGEST:
            raise Invalid("only names and descriptions are translated", field=field)
        if len(text) > _LONGEST[field]:
            raise Invalid(f"the text is longer than {_LONGEST[field]} characters", field=field)
    texts = dict(texts)
    check_texts(texts)
    removed = await tx.execute(
        "DELETE FROM translation WHERE kind = $1 AND object_id = $2 AND language = $3 AND field = ANY ($4)",
        kind,
        object_id,
        language,
        [field for field, text in texts.items() if not text],
    )
    kept = {field: text for field, text in texts.items() if text}
    written = await tx.execute(
        "INSERT INTO translation (property_id, kind, object_id, language, field, content)"
        " SELECT $1, $2, $3, $4, * FROM unnest($5::text[], $6::text[])"
        " ON CONFLICT (kind, object_id, language, field) DO UPDATE SET content = excluded.content"
        "    WHERE translation.content <> excluded.content",
        property_id,
        kind,
        object_id,
        language,
        list(kept),
        list(kept.values()),
    )
    return removed + written > 0


async def forget(tx: Transaction, *, kind: TranslatedKind, object_id: int) -> None:
    """Remove the texts of an object that goes itself."""
    await tx.execute("DELETE FROM translation WHERE kind = $1 AND object_id = $2", kind, object_id)


_NEWER = {
    "property": "UPDATE property SET version = version + 1 WHERE id = $1",
    "room_type": "UPDATE room_type SET version = version + 1 WHERE id = $1",
}


async def raise_version(tx: Transaction, kind: TranslatedKind, object_id: int) -> None:
    """Whoever edits a property or room type meanwhile is told that its texts have changed."""
    await tx.execute(_NEWER[kind], object_id)
