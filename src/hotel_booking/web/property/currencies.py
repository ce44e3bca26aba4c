"""The currencies that a hotel's prices can be compared in, as options of a form; kept until the rates
change."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal

import msgspec
from litestar.datastructures import State
from markupsafe import Markup

from hotel_booking.core.db import Transaction
from hotel_booking.core.locales import locale_of
from hotel_booking.core.lru_cache import LruCache
from hotel_booking.domains.exchange.compare import Exchange
from hotel_booking.domains.exchange.queries import exchange_rates
from hotel_booking.domains.rates.content import Marked

MOST_KEPT = 300

KeptCurrencies = LruCache[tuple[int, str, str], "Currencies"]


class Currencies(msgspec.Struct, frozen=True):
    """What one euro is worth, and an option for each currency but the hotel's own, by its code."""

    per_euro: Mapping[str, Decimal]
    by_code: Mapping[str, str]

    def compared(self, chosen: str | None, own: str) -> bool:
        """Whether amounts in the hotel's own currency can be said in the chosen one."""
        return chosen is not None and Exchange(chosen, self.per_euro).compares(own)

    def options(self, chosen: str | None) -> Markup:
        """The options; the chosen one is marked."""
        return Markup(  # noqa: S704 - made of codes and of Babel's names, which are escaped below
            "\n        ".join(
                option.replace('">', '" selected>', 1) if code == chosen else option
                for code, option in self.by_code.items()
            )
        )


async def currencies_of(tx: Transaction, state: State, found: Marked, language: str) -> Currencies:
    """Those for a hotel's page; one statement where the rates have changed."""
    kept: KeptCurrencies = state.property_currencies
    own = found.property.currency
    key = found.rates_mark, own, language
    known = kept.get(key)
    if known is not None:
        return known
    per_euro = await exchange_rates(tx)
    names = locale_of(language).currencies
    option = Markup('<option value="{0}">{0} · {1}</option>')
    by_code = {
        code: str(option.format(code, names.get(code, code))) for code in sorted(per_euro) if code != own
    }
    return kept.keep(key, Currencies(per_euro, by_code))
