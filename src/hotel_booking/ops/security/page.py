"""The audit as one page that needs nothing else, to be attached to a change or an incident."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from html import escape

from hotel_booking.core.counting import count
from hotel_booking.ops.security.checks import Result

_STYLE = """
:root { color-scheme: light dark; --ink: #1c1f24; --paper: #fff; --line: #d8dce2; --soft: #5b6470;
  --good: #14682f; --bad: #a61b1b; --open: #8a5a00 }
@media (prefers-color-scheme: dark) { :root { --ink: #e8eaee; --paper: #14171c; --line: #333a44;
  --soft: #a2abb8; --good: #6fd08c; --bad: #ff9d94; --open: #f0bf5f } }
body { font: 16px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--paper);
  max-width: 60rem; margin: 0 auto; padding: 1.5rem 1rem 3rem }
h1 { font-size: 1.5rem; margin: 0 0 .25rem } p { margin: .25rem 0; color: var(--soft) }
section { border-top: 1px solid var(--line); padding: .9rem 0 }
h2 { font-size: 1rem; margin: 0; display: flex; gap: .75rem } strong { flex: 0 0 7.25rem }
ul { margin: .5rem 0 0; padding-left: 1.25rem }
li, code { overflow-wrap: anywhere }
.passed strong { color: var(--good) } .findings strong { color: var(--bad) }
.not-checked strong { color: var(--open) } code { font: .875rem ui-monospace, monospace }
"""


def page(results: Sequence[Result], *, at: datetime, release: str) -> str:
    """HTML, with what is wrong first."""
    order = {"findings": 0, "not checked": 1, "passed": 2}
    parts = [_section(result) for result in sorted(results, key=lambda one: order[one.outcome])]
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>Security audit</title><style>{_STYLE}</style></head><body>"
        f"<h1>Security audit</h1><p>{at:%Y-%m-%d %H:%M} UTC, hotel-booking {escape(release)}."
        f" {summary(results)}</p>"
        f"{''.join(parts)}</body></html>\n"
    )


def summary(results: Sequence[Result]) -> str:
    """How many of each."""
    of = {
        word: sum(result.outcome == word for result in results)
        for word in ("passed", "findings", "not checked")
    }
    return (
        f"{count(len(results), 'check')}: {of['passed']} passed, {of['findings']} with findings,"
        f" {of['not checked']} not checked."
    )


def _section(one: Result) -> str:
    body = ""
    if one.findings:
        more = [f"and {one.more} more"] if one.more else []
        body = "<ul>" + "".join(f"<li>{escape(line)}</li>" for line in [*one.findings, *more]) + "</ul>"
    if one.why:
        body += f"<p>{escape(one.why)}</p>"
    if one.fix:
        body += f"<p><code>{escape(one.fix)}</code></p>"
    kind = one.outcome.replace(" ", "-")
    return (
        f'<section class="{kind}"><h2><strong>{one.outcome}</strong> {escape(one.title)}</h2>{body}</section>'
    )
