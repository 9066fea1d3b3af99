"""The page's own files: nothing from elsewhere, nothing that its policy forbids, colours that can be told."""

import re

import pytest

from ecgpipe.page.layout import LEADS
from ecgpipe.web.app import STATIC

TEXTS = {path.name: path.read_text() for path in STATIC.iterdir()}
PINK = (1.0, 0.82, 0.82)  # paper, as grids tint it


def luminance(rgb: tuple[float, ...]) -> float:
    """WCAG 2.2, relative luminance."""
    linear = [value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4 for value in rgb]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: tuple[float, ...], other: tuple[float, ...]) -> float:
    low, high = sorted([luminance(one), luminance(other)])
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("name", TEXTS)
def test_nothing_is_taken_from_elsewhere(name):
    outside = set(re.findall(r"(?:https?:)?//[\w.-]+\.\w+[^\s\"')]*", TEXTS[name]))
    assert outside <= {"http://www.w3.org/2000/svg"}  # a name, not an address


def test_the_page_has_no_script_or_style_within_it():
    page = TEXTS["index.html"]
    assert not re.search(r"<script(?![^>]*\bsrc=)|<style|\sstyle=|\son\w+=|javascript:", page)
    for script in (text for name, text in TEXTS.items() if name.endswith(".js")):
        assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function", script)


def test_every_lead_has_a_colour_of_its_own_that_can_be_read_on_white_and_seen_on_paper():
    found = dict(re.findall(r"\.lead-(\w+) \{ --lead: #(\w{6});", TEXTS["style.css"]))
    assert set(found) == set(LEADS) and len(set(found.values())) == len(LEADS)
    for colour in found.values():
        rgb = tuple(int(colour[k : k + 2], 16) / 255 for k in (0, 2, 4))
        assert contrast(rgb, (1.0, 1.0, 1.0)) >= 4.5 and contrast(rgb, PINK) >= 3.0
