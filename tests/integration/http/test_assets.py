"""Style sheets and scripts: served under their fingerprints, small, and legible in both themes."""

from __future__ import annotations

import math
import re
import runpy
from io import BytesIO
from pathlib import Path

import pytest
from PIL import Image, ImageChops, ImageStat

from hotel_booking.core.db import Database
from hotel_booking.http.ui import assets
from tests.clients.http_client import client_of, running, settings_for

SOURCE = Path(assets.__file__).parent / "assets"
TOKENS = (SOURCE / "tokens.css").read_text()
TEXTS = ("ink", "ink-2", "ink-3", "accent", "accent-strong", "positive", "notice", "negative", "neutral")
GROUNDS = ("canvas", "surface", "sunken", "raised", "hover")
PAIRS = [
    *((text, ground) for text in TEXTS for ground in GROUNDS),
    *((kind, f"{kind}-soft") for kind in ("positive", "notice", "negative", "neutral")),
    *(("ink", f"{kind}-soft") for kind in ("positive", "notice", "negative", "accent", "brass")),
    *(("ink-2", f"{kind}-soft") for kind in ("positive", "notice", "negative", "accent")),
    ("accent-strong", "accent-soft"),
    ("accent", "accent-soft"),
    ("on-accent", "accent-fill"),
    ("on-accent", "accent-fill-strong"),
    ("on-negative", "negative-fill"),
    ("shell-ink", "shell"),
    ("shell-ink-2", "shell"),
    ("shell-ink", "shell-raised"),
    ("shell-ink-2", "shell-raised"),
    ("shell-brass", "shell-raised"),
]
# What bounds a control, and the first series of a chart, must be seen but not read.
SEEN = [
    *(
        (line, ground)
        for line in ("edge", "accent", "accent-fill")
        for ground in ("canvas", "surface", "sunken")
    ),
    *((f"series-{number}", "surface") for number in (1, 3, 4, 5, 6)),
]


def colour(token: str, theme: str) -> tuple[float, float, float]:
    """A token's relative-luminance-ready linear sRGB in one theme."""
    found = re.search(rf"--{token}: (.+?);", TOKENS)
    assert found, token
    values = re.findall(r"oklch\(([\d.]+|1) ([\d.]+) ([\d.]+)\)", found[1])
    lightness, chroma, hue = map(float, values[-1 if theme == "dark" else 0])
    a, b = chroma * math.cos(math.radians(hue)), chroma * math.sin(math.radians(hue))
    cone_l = (lightness + 0.3963377774 * a + 0.2158037573 * b) ** 3
    cone_m = (lightness - 0.1055613458 * a - 0.0638541728 * b) ** 3
    cone_s = (lightness - 0.0894841775 * a - 1.2914855480 * b) ** 3
    red = 4.0767416621 * cone_l - 3.3077115913 * cone_m + 0.2309699292 * cone_s
    green = -1.2684380046 * cone_l + 2.6097574011 * cone_m - 0.3413193965 * cone_s
    blue = -0.0041960863 * cone_l - 0.7034186147 * cone_m + 1.7076147010 * cone_s
    return (min(max(red, 0), 1), min(max(green, 0), 1), min(max(blue, 0), 1))


def contrast(one: str, other: str, theme: str) -> float:
    """The contrast of two tokens as WCAG has it."""
    lights = sorted(
        sum(part * share for part, share in zip(colour(token, theme), (0.2126, 0.7152, 0.0722), strict=True))
        for token in (one, other)
    )
    return (lights[1] + 0.05) / (lights[0] + 0.05)


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_text_is_legible_on_every_ground(theme: str) -> None:
    assert {pair: round(found, 2) for pair in PAIRS if (found := contrast(*pair, theme)) < 4.5} == {}


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_controls_can_be_seen(theme: str) -> None:
    assert {pair: round(found, 2) for pair in SEEN if (found := contrast(*pair, theme)) < 3} == {}


def test_a_page_is_few_bytes() -> None:
    """At most 60 KB of script and 40 KB of style in gzip, on the page that needs most of it."""
    sizes = {name: len(found.packed or found.body) for name, found in assets.catalogue().items()}
    assert (
        sizes["htmx.js"] + sum(sizes[f"{name}.js"] for name in ("theme", "panel", "charts", "uplot")) < 60_000
    )
    assert sizes["panel.css"] < 40_000


def test_modules_and_sheets_carry_what_they_import() -> None:
    """An import names the fingerprinted file, so that an old module never meets a new one."""
    charts = assets.find("charts.js").body.decode()
    assert f'from "./{assets.find("uplot.js").name}"' in charts
    assert f'import("./{assets.find("charts.js").name}")' in assets.find("panel.js").body.decode()
    sheet = assets.find("panel.css").body.decode()
    assert "@import" not in sheet
    assert "/*" not in sheet
    assert "--accent:" in sheet


def test_templates_use_only_icons_that_are_drawn() -> None:
    """An icon that is not in the sprite would be an empty square."""
    drawn = set(re.findall(r'<symbol id="([\w-]+)"', (SOURCE / "icons.svg").read_text()))
    root = Path(assets.__file__).parents[2]
    used: dict[str, set[str]] = {}
    for path in root.rglob("templates/**/*.html"):
        for name in re.findall(r'\bicon\("([\w-]+)"|icon_name="([\w-]+)"', path.read_text()):
            used.setdefault("".join(name), set()).add(path.name)
    assert {name: where for name, where in used.items() if name not in drawn} == {}


def test_no_template_styles_or_scripts_inline() -> None:
    """The policy of the pages would not let it run."""
    root = Path(assets.__file__).parents[2]
    inline = re.compile(
        r"<[^>]*\s(?:style|on[a-z]+)=|<style|<script(?![^>]*\bsrc=)(?![^>]*application/(?:ld\+)?json)"
    )
    found = [
        f"{path.name}: {match[0][:60]}"
        for folder in ("http/ui", "admin")
        for path in (root / folder).rglob("templates/**/*.html")
        if "mail" not in path.parts
        for match in inline.finditer(path.read_text())
    ]
    assert found == []


def test_an_email_address_is_typed_from_the_left_on_arabic_pages_too() -> None:
    """Browsers know that of telephone numbers alone: in a line that runs from the right, what is typed of an
    address jumps about its dots and its @."""
    root = Path(assets.__file__).parents[2]
    fields = [
        field
        for folder in ("web", "status")
        for path in (root / folder).rglob("templates/**/*.html")
        for field in re.findall(r"<input(?:{%.*?%}|{{.*?}}|[^>{])*>", path.read_text())
        if ('type="email"' in field or 'inputmode="email"' in field) and " hidden" not in field
    ]
    assert len(fields) >= 5
    assert [field for field in fields if 'dir="ltr"' not in field] == []


async def test_an_asset_is_kept_for_ever_and_is_packed(db: Database, database_url: str) -> None:
    """Under its fingerprint, with an entity tag, in gzip for those who take it; else nothing."""
    async with running(settings_for(database_url)) as (app, _), client_of(app) as client:
        where = assets.address("panel.css")
        answer = await client.get(where, headers={"accept-encoding": "gzip"})
        assert answer.status_code == 200
        assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"
        assert answer.headers["content-type"].startswith("text/css")
        assert answer.headers["content-encoding"] == "gzip"
        assert answer.content == assets.find("panel.css").body
        plain = await client.get(where, headers={"accept-encoding": "identity"})
        assert "content-encoding" not in plain.headers
        assert plain.content == answer.content
        again = await client.get(where, headers={"if-none-match": answer.headers["etag"]})
        assert (again.status_code, again.content) == (304, b"")
        script = await client.get(assets.address("panel.js"))
        assert script.headers["content-type"].startswith("text/javascript")
        for name in ("panel.css", "panel.000000000000.css", "..%2Frender.py", "tokens.css/x", "%00"):
            assert (await client.get(f"/assets/{name}")).status_code == 404, name


async def test_browsers_and_phones_find_the_icons_under_the_names_they_know(
    db: Database, database_url: str
) -> None:
    """On the status page's own host too; asked again, they are not sent again."""
    async with (
        running(settings_for(database_url, status_host="status.hotel.example")) as (app, _),
        client_of(app) as client,
    ):
        for path, kind in (
            ("/favicon.ico", "image/x-icon"),
            ("/apple-touch-icon.png", "image/png"),
            ("/apple-touch-icon-precomposed.png", "image/png"),
        ):
            answer = await client.get(path)
            assert answer.status_code == 200, path
            assert answer.headers["content-type"] == kind
            assert answer.headers["cache-control"] == "public, max-age=86400"
            assert "set-cookie" not in answer.headers
            with Image.open(BytesIO(answer.content)) as picture:
                assert picture.format == ("ICO" if kind.endswith("icon") else "PNG")
            again = await client.get(path, headers={"if-none-match": answer.headers["etag"]})
            assert (again.status_code, again.content) == (304, b"")
            head = await client.head(path)
            assert (head.status_code, head.content) == (200, b"")
            status = await client.get(path, headers={"host": "status.hotel.example"})
            assert status.content == answer.content
        assert (await client.get("/favicon.png")).status_code == 404


def test_the_icons_are_drawn_from_the_mark() -> None:
    """Whoever changes the mark draws them anew: `scripts/icons`."""
    icons = runpy.run_path(str(SOURCE.parents[4] / "scripts" / "icons"))
    svg = (SOURCE / "favicon.svg").read_text()
    for name, drawn in (
        ("favicon.ico", icons["favicon"](svg)),
        ("apple-touch-icon.png", icons["touch"](svg)),
    ):
        with Image.open(SOURCE / name) as there, Image.open(BytesIO(drawn)) as new:
            assert there.size == new.size
            differences = ImageChops.difference(there.convert("RGB"), new.convert("RGB"))
            assert max(ImageStat.Stat(differences).mean) < 2, name
    with Image.open(SOURCE / "favicon.ico") as icon:
        assert icon.info["sizes"] == {(16, 16), (32, 32), (48, 48)}
    with Image.open(SOURCE / "apple-touch-icon.png") as icon:
        assert icon.size == (180, 180)
        assert icon.convert("RGBA").getchannel("A").getextrema() == (255, 255)  # iOS puts black behind


async def test_the_styleguide_shows_every_component_outside_production(
    db: Database, database_url: str
) -> None:
    """Each macro of the design system is on the page that documents it, and the page is not a hotel's."""
    text = (SOURCE.parent / "templates" / "macros.html").read_text()
    macros = set(re.findall(r"{% macro ([a-z]\w*)\(", text))
    guide = (SOURCE.parents[2] / "admin/templates/styleguide/styleguide.html").read_text()
    within = {"icon", "initials", "badge", "field"}
    assert {name for name in macros if f"ui.{name}(" not in guide} - within == set()
    async with running(settings_for(database_url)) as (app, _), client_of(app) as client:
        for query, opening in (
            ("", '<html lang="en" dir="ltr">'),
            ("?dir=rtl&theme=dark", '<html lang="en" dir="rtl" data-theme="dark">'),
            ("?dir=%22%3E&theme=%22%3E", '<html lang="en" dir="ltr">'),
        ):
            answer = await client.get(f"/styleguide{query}")
            assert answer.status_code == 200
            assert opening in answer.text
