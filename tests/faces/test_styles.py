"""Colours by the design's figures, weight by its budgets, vendored files by their hashes."""

from __future__ import annotations

import gzip
import hashlib
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
STATIC = ROOT / "static"
TOKENS = (STATIC / "css/tokens.css").read_text()
SHEETS = ("tokens", "base", "components", "data")
# what stands on what, and the contrast that it needs (WCAG 2.2: 4.5 for text, 3 for edges and rings)
PAIRS = (
    [(text, ground, 4.5) for text in ("text", "muted", "link") for ground in ("bg", "surface", "surface2")]
    + [(kind, f"{kind}-bg", 4.5) for kind in ("ok", "info", "warn", "bad", "idle")]
    + [("text", f"{kind}-bg", 4.5) for kind in ("ok", "info", "warn", "bad")]
    + [("header-text", "header", 4.5), ("header-muted", "header", 4.5), ("header-muted", "header-field", 4.5)]
    + [("on-accent", "accent", 4.5), ("on-accent", "accent-hover", 4.5), ("text", "code-bg", 4.5)]
    + [("on-test", "test", 4.5), ("on-test", "test-stripe", 4.5), ("on-live", "live", 4.5), ("test", "header", 3)]
    + [(line, ground, 3) for line in ("edge", "focus") for ground in ("bg", "surface")]
    + [("bad", "surface", 4.5), ("warn", "warn-bg", 4.5)]
)


def blocks() -> list[dict[str, str]]:
    """Return the values of light, dark by the system, dark by choice."""
    bodies = re.findall(r"color-scheme: (?:light|dark);(.*?)\}", TOKENS, re.S)
    return [dict(re.findall(r"--([a-z0-9-]+): ([^;]+);", body)) for body in bodies]


def luminance(colour: str) -> float:
    parts = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    red, green, blue = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    high, low = sorted((luminance(one), luminance(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


def test_both_dark_blocks_say_the_same() -> None:
    _, by_system, by_choice = blocks()
    assert by_system == by_choice


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_contrast_is_what_the_design_asks_for(scheme: str) -> None:
    light, dark, _ = blocks()
    colours = light if scheme == "light" else {**light, **dark}
    low = {
        (text, ground): round(contrast(colours[text], colours[ground]), 2)
        for text, ground, needed in PAIRS
        if contrast(colours[text], colours[ground]) < needed
    }
    assert low == {}


def test_only_the_tokens_name_colours() -> None:
    for name in SHEETS[1:]:
        text = re.sub(r"/\*.*?\*/", "", (STATIC / f"css/{name}.css").read_text(), flags=re.S)
        found = set(re.findall(r"#[0-9a-fA-F]{3,8}\b", text)) - {"#ffffff"}  # paper: QR codes and print
        assert found == set(), name


def test_every_custom_property_that_is_used_is_defined() -> None:
    defined = set(re.findall(r"(--[a-z0-9-]+):", TOKENS))
    for sheet in (STATIC / "css").glob("*.css"):
        assert set(re.findall(r"var\((--[a-z0-9-]+)", sheet.read_text())) <= defined, sheet.name


def test_own_styles_and_scripts_stay_within_the_budget() -> None:
    styles = b"".join((STATIC / f"css/{name}.css").read_bytes() for name in SHEETS)
    assert len(gzip.compress(styles)) <= 10_000
    scripts = b"".join(path.read_bytes() for path in (STATIC / "js").glob("*.js"))
    assert len(gzip.compress(scripts)) <= 6_000


@pytest.mark.parametrize("folder", ["static/vendor", "tests/faces/vendor"])
def test_vendored_files_are_what_they_were_and_all_are_listed(folder: str) -> None:
    listed = re.findall(r"^\| `([^`]+)` .*`([0-9a-f]{64})` \|$", (ROOT / folder / "VENDORED.md").read_text(), re.M)
    for name, digest in listed:
        assert hashlib.sha256((ROOT / folder / name).read_bytes()).hexdigest() == digest, name
    present = {path.name for path in (ROOT / folder).iterdir() if path.suffix not in (".md", ".txt")}
    assert present <= {name for name, _ in listed}


def test_every_icon_that_a_page_names_is_in_the_sprite() -> None:
    drawn = set(re.findall(r'symbol id="([^"]+)"', (STATIC / "img/icons.svg").read_text()))
    pages = "".join(path.read_text() for path in (ROOT / "templates").rglob("*.html"))
    named = set(re.findall(r'{% icon "([a-z-]+)"', pages)) | set(re.findall(r'symbol="([a-z-]+)"', pages))
    assert named <= drawn
