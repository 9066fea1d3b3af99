"""The page in a real browser: sent, looked at, corrected, changed and saved by mouse, by keyboard and on a phone.

The tests use one page after the other; each leaves it as it found it.
"""

import time
from pathlib import Path

import pytest

from ecgpipe.formats.csv import read_series
from ecgpipe.web.limits import Limits
from ecgpipe.web.reader import read_page
from tests import browser as browsers
from tests.web_server import served

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(browsers.installed() is None, reason=f"no browser: none of {', '.join(browsers.NAMES)}"),
]
NAME = "..\\<img src=x onerror=document.title='harmed'>.png"  # what a file may be called
BUSY = "document.querySelector('#picture').getAttribute('aria-busy') === 'true'"
VIEW = "document.querySelector('#view')"
VIEWBOX = "document.querySelector('#view').getAttribute('viewBox').split(' ').map(Number)"


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch, served(Limits(upload_mb=5), read_page) as web:
        patch.setattr("tempfile.tempdir", str(tmp_path_factory.mktemp("sent")))
        yield f"http://127.0.0.1:{web.port}/"


@pytest.fixture(scope="module")
def saved(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("saved")


@pytest.fixture(scope="module")
def tab(base, saved, tiny_dataset, tmp_path_factory):
    """The page with one picture that was read."""
    file = tmp_path_factory.mktemp("named") / NAME
    file.write_bytes(next(tiny_dataset.root.rglob("*.png")).read_bytes())
    with browsers.browser(tmp_path_factory.mktemp("browser")) as tab:
        tab.call("Browser.setDownloadBehavior", behavior="allow", downloadPath=str(saved))
        tab.size(1400, 1000)
        tab.open(base)
        tab.wait("document.querySelector('#formats button')")
        tab.choose("#choose", file)
        tab.wait(f"document.querySelectorAll('#drawn path').length >= 13 && !({BUSY})", 60)
        yield tab


def text(tab, selector: str) -> str:
    return tab.run(f"document.querySelector({selector!r}).textContent")


def click(tab, selector: str) -> None:
    tab.run(f"document.querySelector({selector!r}).click()")


def choose_window(tab, number: int | None) -> None:
    value = "" if number is None else str(number)
    tab.run(f"document.querySelector('#window').value = '{value}'")
    tab.run("document.querySelector('#window').dispatchEvent(new Event('change'))")


def undo(tab) -> None:
    click(tab, "#edits button")
    tab.wait("!document.querySelector('#edits li')")


def test_the_picture_is_shown_with_every_lead_named_on_it_and_in_the_table(tab):
    named = tab.run("[...document.querySelectorAll('#drawn text')].map(t => t.textContent).join()")
    assert named == "I,II,III,aVR,aVL,aVF,V1,V2,V3,V4,V5,V6,II"
    assert tab.run("document.querySelectorAll('#leads tr').length") == 12
    assert tab.run("document.querySelector('#paper').href.baseVal").startswith("blob:")
    colours = tab.run("[...document.querySelectorAll('#drawn > g')].map(g => getComputedStyle(g.children[0]).stroke)")
    assert len(set(colours)) == 12  # one a lead, the strip of lead II as that
    assert "25 mm/s, 10 mm/mV" in text(tab, "#quality")


def test_the_name_of_a_file_is_text_and_nothing_else(tab):
    assert "onerror" in text(tab, "#pages .name") and "onerror" in text(tab, "#picture-title")
    assert not tab.run("Boolean(document.querySelector('#pages img'))") and tab.run("document.title") == "ecgpipe"


def test_keys_zoom_and_move_the_picture(tab):
    tab.run("document.querySelector('#view').focus()")
    whole = tab.run(VIEWBOX)
    tab.press("+", 2)
    near = tab.run(VIEWBOX)
    assert near[2] < whole[2] / 1.9
    tab.press("ArrowRight")
    assert tab.run(VIEWBOX)[0] > near[0]
    tab.press("0")
    assert tab.run(VIEWBOX) == whole


def test_a_wheel_zooms_about_the_pointer_and_a_drag_moves(tab):
    left, top, width, height = tab.run(f"(r => [r.x, r.y, r.width, r.height])({VIEW}.getBoundingClientRect())")
    x, y = left + width / 4, top + height / 4
    at = f"new DOMPoint({x}, {y}).matrixTransform(document.querySelector('#view').getScreenCTM().inverse()).x"
    before = tab.run(at)
    tab.call("Input.dispatchMouseEvent", type="mouseWheel", x=x, y=y, deltaX=0, deltaY=-400)
    tab.wait(f"{VIEWBOX}[2] < 0.7 * document.querySelector('#paper').width.baseVal.value")
    assert tab.run(at) == pytest.approx(before, abs=3)
    left = tab.run(VIEWBOX)[0]
    tab.drag((x, y), (x + 30, y), (x + 60, y))
    assert tab.run(VIEWBOX)[0] < left
    click(tab, "#fit")


def test_a_lead_can_be_seen_alone(tab):
    click(tab, "#leads .lead-V2 button")
    assert tab.run("document.querySelectorAll('#drawn.one > .chosen').length") == 1
    assert tab.run("document.querySelector('#leads .lead-V2 button').getAttribute('aria-pressed')") == "true"
    assert text(tab, "#window option:checked").startswith("V2, 5.0 to 7.5")
    click(tab, "#leads .lead-V2 button")
    assert not tab.run("document.querySelector('#drawn').classList.contains('one')")


def test_a_stretch_is_redrawn_by_keyboard_alone(tab):
    choose_window(tab, 7)
    click(tab, "input[value=draw]")
    tab.run("document.querySelector('#view').focus()")
    tab.press("ArrowRight", 3, shift=True)
    tab.press("ArrowUp", 4)
    tab.press("Enter")
    tab.press("ArrowRight", 5, shift=True)
    tab.press("Enter")
    assert text(tab, "#say") == "V2, 5.80 s, 0.20 mV, 2 points"
    tab.run("document.querySelector('#use').focus()")
    tab.press("Enter")
    tab.wait("document.querySelector('#edits li')")
    assert text(tab, "#edits li").startswith("lead V2 redrawn from 5.300 to 5.80")
    undo(tab)
    click(tab, "input[value=move]")
    choose_window(tab, None)


def test_a_stretch_is_redrawn_and_blanked_by_mouse(tab):
    place = (
        "(([x, y]) => { const p = new DOMPoint(x, y).matrixTransform(document.querySelector('#view').getScreenCTM());"
    )
    place += " return [p.x, p.y] })(document.querySelectorAll('#drawn > g')[0].children[0].getAttribute('d')"
    place += ".slice(1).split('L').map(p => p.split(' ').map(Number))[%d])"
    one, other = tab.run(place % 300), tab.run(place % 600)
    middle = ((one[0] + other[0]) / 2, one[1] - 10)
    click(tab, "input[value=draw]")
    tab.drag(tuple(one), middle, tuple(other))
    click(tab, "#use")
    tab.wait("document.querySelector('#edits li')")
    assert text(tab, "#edits li").startswith("lead I redrawn from 0.")  # the nearest lead was taken
    undo(tab)
    click(tab, "input[value=mark]")
    tab.drag(tuple(one), middle, tuple(other))
    click(tab, "#blank")
    tab.wait("document.querySelector('#edits li')")
    assert text(tab, "#edits li").startswith("lead I blanked from 0.")
    assert "edited" in text(tab, "#leads .lead-I")
    assert tab.run("document.querySelector('#read-again').textContent") == "Read again, drop 1 edit"
    undo(tab)
    click(tab, "input[value=move]")
    choose_window(tab, None)


def test_a_wrong_correction_gets_a_line_and_a_right_one_is_read_again(tab):
    tab.run("document.querySelector('#layout').value = '5x5'")
    click(tab, "#read-again")
    tab.wait("document.querySelector('#again-error').textContent")
    assert "found 5x5, expected 3x4" in text(tab, "#again-error")
    assert tab.run("document.querySelector('#layout').getAttribute('aria-invalid')") == "true"
    tab.run("document.querySelector('#layout').value = '3x4+1R(II)'; document.querySelector('#gain').value = '5'")
    click(tab, "#read-again")
    tab.wait(f"document.querySelector('#quality').textContent.includes(' 5 mm/mV') && !({BUSY})", 60)
    assert text(tab, "#again-error") == ""
    click(tab, "#forget")
    tab.wait(f"document.querySelector('#quality').textContent.includes('10 mm/mV') && !({BUSY})", 60)


def test_a_file_is_saved(tab, saved):
    tab.run("[...document.querySelectorAll('#formats button')].find(b => b.textContent === 'CSV').click()")
    until = time.monotonic() + 20
    while not (saved / "ecg-1.csv").is_file():
        assert time.monotonic() < until
        time.sleep(0.05)
    tab.wait("document.querySelector('#say').textContent === 'ecg-1.csv saved.'")
    assert read_series(saved / "ecg-1.csv").shape == (12, 5000)


def test_a_screen_reader_finds_landmarks_and_every_control_has_a_name(tab):
    roles = tab.roles()
    kinds = {role for role, _ in roles}
    assert {"banner", "main", "complementary", "contentinfo", "status"} <= kinds
    assert ("region", "Pictures") in roles
    controls = ("button", "textbox", "combobox", "spinbutton", "checkbox", "radio", "link", "progressIndicator")
    assert not [(role, name) for role, name in roles if role in controls and not name.strip()]
    headings = [name for role, name in roles if role == "heading"]
    assert headings[:2] == ["ecgpipe", "Pictures"] and "Correct, and read again" in headings


def test_the_focus_goes_through_the_page_in_its_order_and_is_seen(tab):
    tab.run("document.querySelector('.skip').focus(); scrollTo(0, 0)")
    tab.press("Tab", shift=True)
    order = []
    for _ in range(14):
        tab.press("Tab")
        order.append(tab.run("document.activeElement.id || document.activeElement.className"))
        outline = "getComputedStyle(document.activeElement.classList.contains('unseen') ?"
        outline += " document.activeElement.previousElementSibling : document.activeElement).outlineStyle"
        tab.wait(f"{outline} !== 'none'", 5)
    places = [order.index(name) for name in ("skip", "choose", "open", "remove", "zoom-in", "fit", "traces", "view")]
    assert places == sorted(places)


@pytest.mark.parametrize("width", [360, 390])
def test_nothing_is_cut_off_on_a_phone(tab, width):
    tab.size(width, 800, touch=True)
    try:
        assert tab.run("document.documentElement.scrollWidth") <= width
        small = """[...document.querySelectorAll('button, select, input:not(.unseen), label.button')]
            .map(e => [e.id || e.textContent, e.getBoundingClientRect()])
            .filter(([, r]) => r.width && (r.right > innerWidth || r.left < 0)).map(([name]) => name)"""
        assert tab.run(small) == []
        assert tab.run("getComputedStyle(document.querySelector('label.photo')).display") != "none"
    finally:
        tab.size(1400, 1000)


def test_files_that_cannot_be_read_are_said_beside_their_names(tab, tmp_path):
    for name, content in (("notes.png", b"text"), ("empty.png", b""), ("large.png", bytes(6_000_000))):
        (tmp_path / name).write_bytes(content)
    tab.choose("#choose", *(tmp_path / name for name in ("notes.png", "empty.png", "large.png")))
    tab.wait("document.querySelectorAll('#pages .failed').length === 3", 30)
    said = tab.run("[...document.querySelectorAll('#pages .failed')].map(li => li.textContent).join('|')")
    for line in ("Not read: not a picture", "the file is empty", "6.0 MB, expected at most 5 MB"):
        assert line in said
    while tab.run("document.querySelectorAll('#pages .failed .remove').length"):
        before = tab.run("document.querySelectorAll('#pages li').length")
        click(tab, "#pages .failed .remove")
        tab.wait(f"document.querySelectorAll('#pages li').length < {before}")


def test_the_session_goes_on_after_a_reload_and_ends_with_the_tab(tab, base):
    tab.open(base)
    tab.wait(f"document.querySelectorAll('#drawn path').length >= 13 && !({BUSY})")
    click(tab, "#end")
    tab.wait("!document.querySelector('#over').hidden")
    assert "All its files are deleted" in text(tab, "#over")
    assert tab.run("sessionStorage.length") == 0


def test_nothing_was_asked_of_another_machine_and_the_browser_complained_of_nothing(tab, base):
    assert not [url for url in tab.asked if not url.startswith((base, f"blob:{base}"))]
    assert not [line for line in tab.said if "422" not in line]  # the wrong correction
