"""The codes of countries and currencies that are taken, at every door: in the panel, the API, the site and by
commands."""

from __future__ import annotations

from hotel_booking.core.errors import Invalid

# ISO 3166-1 alpha-2, as assigned; and XK, which the standard leaves to its users and which the EU, banks and
# the makers of maps use for Kosovo: hotels and guests there have no other.
COUNTRIES = frozenset(
    "AD AE AF AG AI AL AM AO AQ AR AS AT AU AW AX AZ BA BB BD BE BF BG BH BI BJ BL BM BN BO BQ BR BS BT BV BW"
    " BY BZ CA CC CD CF CG CH CI CK CL CM CN CO CR CU CV CW CX CY CZ DE DJ DK DM DO DZ EC EE EG EH ER ES ET"
    " FI FJ FK FM FO FR GA GB GD GE GF GG GH GI GL GM GN GP GQ GR GS GT GU GW GY HK HM HN HR HT HU ID IE IL"
    " IM IN IO IQ IR IS IT JE JM JO JP KE KG KH KI KM KN KP KR KW KY KZ LA LB LC LI LK LR LS LT LU LV LY MA"
    " MC MD ME MF MG MH MK ML MM MN MO MP MQ MR MS MT MU MV MW MX MY MZ NA NC NE NF NG NI NL NO NP NR NU NZ"
    " OM PA PE PF PG PH PK PL PM PN PR PS PT PW PY QA RE RO RS RU RW SA SB SC SD SE SG SH SI SJ SK SL SM SN"
    " SO SR SS ST SV SX SY SZ TC TD TF TG TH TJ TK TL TM TN TO TR TT TV TW TZ UA UG UM US UY UZ VA VC VE VG"
    " VI VN VU WF WS XK YE YT ZA ZM ZW".split()
)

# What is written for a country that has another code: the EU's own, domains of the internet, codes of old.
_MEANT = {"UK": "GB", "EL": "GR", "AC": "SH", "TA": "SH", "IC": "ES", "EA": "ES", "DG": "IO", "CP": "FR",
          "CQ": "GG", "BU": "MM", "DD": "DE", "FX": "FR", "TP": "TL", "ZR": "CD", "NT": "SA"}  # fmt: skip

# ISO 4217, active currencies that can be paid in.
CURRENCIES = frozenset(
    "AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BGN BHD BIF BMD BND BOB BRL BSD BTN BWP BYN BZD CAD CDF"
    " CHF CLP CNY COP CRC CUP CVE CZK DJF DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GNF GTQ GYD"
    " HKD HNL HTG HUF IDR ILS INR IQD IRR ISK JMD JOD JPY KES KGS KHR KMF KPW KRW KWD KYD KZT LAK LBP LKR LRD"
    " LSL LYD MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MYR MZN NAD NGN NIO NOK NPR NZD OMR PAB PEN PGK"
    " PHP PKR PLN PYG QAR RON RSD RUB RWF SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP STN SVC SYP SZL THB TJS"
    " TMT TND TOP TRY TTD TWD TZS UAH UGX USD UYU UZS VES VND VUV WST XAF XCD XOF XPF YER ZAR ZMW ZWG".split()
)


def check_country(code: str, *, field: str = "country", error: type[Invalid] = Invalid) -> None:
    """Raise `error` unless it is a country's code; it names the code that was meant, where that is known."""
    if code not in COUNTRIES:
        meant = _MEANT.get(code)
        fix = f"use {meant}" if meant else "an ISO 3166-1 code of two letters, such as PT"
        raise error(f"unknown country {code!r}", field=field, fix=fix)


def check_currency(code: str, *, field: str = "currency", error: type[Invalid] = Invalid) -> None:
    """Raise `error` unless it is an active ISO 4217 currency."""
    if code not in CURRENCIES:
        raise error(f"unknown currency {code!r}", field=field, fix="an ISO 4217 code such as EUR")
