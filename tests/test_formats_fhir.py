"""FHIR: an Observation that the resource's own model takes, with the codes of ISO/IEEE 11073-10101."""

import pytest
from fhir.resources.R4B.observation import Observation

from ecgpipe import write_series
from ecgpipe.base.errors import DataError
from ecgpipe.formats.series import Series
from ecgpipe.page.layout import LEADS
from tests.format_readers import kit_series, random_series


@pytest.fixture(scope="module")
def observation(tmp_path_factory) -> Observation:
    """The kit's page, read by the model of R4B, whose Observation and SampledData are those of R4."""
    path = tmp_path_factory.mktemp("fhir") / "1.json"
    write_series(path, kit_series())
    return Observation.model_validate_json(path.read_text(encoding="utf-8"))


def test_each_component_has_the_code_of_its_lead(observation):
    numbers = [131329, 131330, 131389, 131390, 131391, 131392, *range(131331, 131337)]
    codes = [part.code.coding[0] for part in observation.component]
    assert [(code.display, code.code) for code in codes] == [
        (f"MDC_ECG_ELEC_POTL_{lead.upper()}", str(number)) for lead, number in zip(LEADS, numbers, strict=True)
    ]
    assert {code.system for code in codes} == {"urn:iso:std:iso:11073:10101"}
    assert observation.code.coding[0].code == "131328"


def test_samples_lie_on_the_steps_of_the_csv_at_the_period_of_the_rate(observation):
    sampled = [part.valueSampledData for part in observation.component]
    assert {(value.period, str(value.factor), value.origin.unit) for value in sampled} == {(2, "0.0001", "mV")}
    assert all(len(value.data.split(" ")) == 5000 for value in sampled)
    assert sampled[0].data.split(" ")[1249:1252][1:] == ["E", "E"] and "E" not in sampled[1].data


def test_it_is_of_nobody_not_verified_and_says_what_is_known_of_the_page(observation):
    assert observation.subject is None and observation.performer is None and observation.effectiveDateTime is None
    assert observation.status == "preliminary" and observation.note[0].text == kit_series().remark()


def test_more_samples_than_a_fhir_string_can_hold_are_refused(tmp_path):
    with pytest.raises(DataError, match=r"fhir: found 300000 samples, .* at most 1048576; choose a lower rate"):
        write_series(tmp_path / "1.json", Series(random_series(0, 300_000).series_mv, 30_000))
    assert not list(tmp_path.iterdir())
