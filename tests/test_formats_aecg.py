"""aECG: sets of sequences of one time each, and what the implementation guide requires around them."""

from xml.etree import ElementTree

import pytest

from ecgpipe import write_series
from ecgpipe.formats.series import Series
from tests.format_readers import HL7, kit_series, random_series

# The implementation guide of 21 March 2005: what is required, by path below AnnotatedECG
ASSIGNMENT = "componentOf/timepointEvent/componentOf/subjectAssignment"
REQUIRED = (
    *("id", "code", "effectiveTime"),
    *(f"{ASSIGNMENT}/subject/trialSubject/id", f"{ASSIGNMENT}/componentOf/clinicalTrial/id"),
    *("component/series/code", "component/series/effectiveTime"),
    "component/series/component/sequenceSet/component/sequence/value",
)


@pytest.fixture(scope="module")
def root(tmp_path_factory) -> ElementTree.Element:
    """The kit's page as aECG."""
    path = tmp_path_factory.mktemp("aecg") / "1.xml"
    write_series(path, kit_series())
    return ElementTree.parse(path).getroot()


def codes(sequences: ElementTree.Element) -> list[str]:
    return [code.get("code") for code in sequences.findall("component/sequence/code", HL7)]


def test_what_the_guide_requires_is_there(root):
    assert root.tag == "{urn:hl7-org:v3}AnnotatedECG"
    assert all(root.find(path, HL7) is not None for path in REQUIRED)
    assert root.find("component/series/code", HL7).get("code") == "RHYTHM"


def test_what_is_shown_at_one_time_is_one_set_whose_first_sequence_is_that_time(root):
    sets = root.findall("component/series/component/sequenceSet", HL7)
    heads = [float(each.find("component/sequence/value/head", HL7).get("value")) for each in sets]
    leads = [[code.removeprefix("MDC_ECG_LEAD_") for code in codes(each)[1:]] for each in sets]
    assert list(zip(heads, leads, strict=True)) == [
        (0, ["I", "III"]),
        (0, ["II"]),
        (2.5, ["AVR", "AVL", "AVF"]),
        (5, ["V1", "V2", "V3"]),
        (7.5, ["V6"]),
        (7.5, ["V4", "V5"]),
        (8.1, ["V6"]),
    ]
    assert all(codes(each)[0] == "TIME_RELATIVE" for each in sets)
    for each in sets:  # all sequences of a set are of one length
        assert len({len(digits.text.split()) for digits in each.findall(".//digits", HL7)}) == 1


def test_it_is_of_nobody_and_no_date_and_says_what_is_known_of_the_page(root):
    subject = root.find(".//trialSubject", HL7)
    assert [child.tag.rpartition("}")[2] for child in subject] == ["id"]
    assert subject.find("id", HL7).attrib == {"nullFlavor": "UNK"}
    assert root.find("effectiveTime/width", HL7).attrib == {"value": "10", "unit": "s"}
    assert root.find("text", HL7).text == kit_series().remark()


def test_numbers_are_decimals_without_exponent(tmp_path):
    write_series(tmp_path / "1.xml", Series(random_series(0, 20).series_mv, 100_000))
    assert 'increment value="0.00001" unit="s"' in (tmp_path / "1.xml").read_text(encoding="utf-8")
