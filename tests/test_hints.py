"""What is said of a page beforehand is taken strictly: a layout's name says one form, everything else one line."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ecgpipe.base.errors import ParamsError
from ecgpipe.page.layout import CABRERA, KIT, LEADS
from ecgpipe.recognize.hints import GAINS_MM_PER_MV, MOST_STRIPS, SPEEDS_MM_PER_S, Form, Hints, parse_form
from ecgpipe.synth.compose import compose_layout


@st.composite
def forms(draw: st.DrawFn) -> Form:
    plain = draw(st.sampled_from(sorted(MOST_STRIPS)))
    rhythm = draw(st.lists(st.sampled_from(LEADS), max_size=MOST_STRIPS[plain], unique=True))
    rows, columns = map(int, plain.split("x"))
    return Form(rows, columns, tuple(rhythm))


@given(forms())
def test_every_form_is_what_its_name_says(form):
    assert parse_form(str(form)) == form


@given(st.text(st.sampled_from("0123456789x+R(),IVaLF -"), max_size=16) | st.text(max_size=16))
def test_a_text_is_the_name_of_a_form_or_refused(text):
    try:
        form = parse_form(text)
    except ParamsError as error:
        assert text in str(error)
    else:
        assert str(form) == text


@pytest.mark.parametrize(
    "name", ["3x4", "3x4+1R(II)", "3x4+3R(V1,II,V5)", "6x2", "6x2+1R(II)", "12x1", "6x1", "3x1", "3x2"]
)
def test_names_are_those_of_simulated_layouts_and_of_the_kit(name):
    form = parse_form(name)
    assert compose_layout(f"{form.rows}x{form.columns}", form.rhythm, pitch_mm=15.0).name == name
    assert str(parse_form(KIT.name)) == KIT.name


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("", "layout: found , expected 3x4, 6x2"),
        ("4x3", "found 4x3, expected 3x4, 6x2"),
        ("3X4", "found 3X4"),
        ("3x4+II", "found 3x4+II"),
        ("3x4+1R", "found 3x4+1R"),
        ("3x4+1R()", "a strip of lead ''"),
        ("3x4+1R(2)", "a strip of lead '2'"),
        ("3x4+2R(II)", "found 2R but 1 named in 3x4+2R(II), expected a lead for each"),
        ("3x4+0R(II)", "found 0R but 1 named"),
        ("3x4+4R(II,V1,V2,V5)", "found 4 rhythm strips in 3x4+4R(II,V1,V2,V5), expected at most 3 below 3x4"),
        ("6x2+3R(II,V1,V5)", "expected at most 2 below 6x2"),
        ("12x1+1R(II)", "expected at most 0 below 12x1"),
        ("3x4+2R(II,II)", "two strips of one lead"),
        ("03x4", "found 03x4"),
    ],
)
def test_a_name_of_no_known_layout_is_one_line_that_says_what_was_expected(name, words):
    with pytest.raises(ParamsError) as error:
        parse_form(name)
    assert words in str(error.value) and "\n" not in str(error.value)


@pytest.mark.parametrize("speed", SPEEDS_MM_PER_S)
@pytest.mark.parametrize("gain", GAINS_MM_PER_MV)
def test_texts_become_hints(speed, gain):
    hints = Hints.parsed("6x2", f"{speed:g}", f"{gain:.1f}", "aVL,I,-aVR,II,aVF,III,V1,V2,V3,V4,V5,V6")
    assert hints == Hints("6x2", speed, gain, (*CABRERA, *LEADS[6:]))
    assert hints.form == Form(6, 2)


def test_what_is_not_given_is_not_known():
    assert Hints.parsed() == Hints() == Hints(None, None, None, None)
    assert Hints().form is None


@pytest.mark.parametrize(
    ("texts", "words"),
    [
        ({"layout": "5x5"}, "layout: found 5x5"),
        ({"speed": "30"}, "speed: found 30, expected 12.5, 25, 50 or 100 mm/s"),
        ({"speed": "fast"}, "speed: found fast, expected 12.5, 25"),
        ({"speed": "nan"}, "speed: found nan"),
        ({"gain": "1"}, "gain: found 1, expected 2.5, 5, 10 or 20 mm/mV"),
        ({"gain": "-10"}, "gain: found -10"),
        ({"leads": "I,II,X"}, "leads: found 'X', expected some of I II III aVR"),
        ({"leads": ""}, "leads: found ''"),
        ({"leads": "I,II,-I"}, "leads: found I twice"),
        ({"leads": "I,II"}, "leads: found 2, expected 3, 6 or 12"),
        ({"leads": "I,II,III", "layout": "6x1"}, "leads: found 3, expected the 6 of 6x1"),
    ],
)
def test_hints_that_no_page_has_are_one_line(texts, words):
    with pytest.raises(ParamsError) as error:
        Hints.parsed(**texts)
    assert words in str(error.value) and "\n" not in str(error.value)
