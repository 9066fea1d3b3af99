"""HL7 FHIR R4 (4.0.1): an Observation with a SampledData of each lead. No subject, no date: none is known."""

import json
from pathlib import Path

import numpy as np

from ecgpipe.base.errors import DataError
from ecgpipe.base.files import atomic_path
from ecgpipe.formats.nomenclature import LEAD_NUMBERS, POTENTIAL
from ecgpipe.formats.series import Series
from ecgpipe.page.layout import LEADS

DECIMALS = 4  # of a millivolt, as the CSV has
STRING_LENGTH = 2**20  # that a FHIR string may have


def write(path: Path, series: Series) -> None:
    """Write the series in steps of 0.1 µV; NaN as "E". DataError if FHIR cannot hold as many samples."""
    text = json.dumps(_observation(series), indent=1, ensure_ascii=False)
    with atomic_path(path) as temporary:
        temporary.write_text(text + "\n", encoding="utf-8")


def _observation(series: Series) -> dict[str, object]:
    steps = np.rint(np.asarray(series.series_mv, np.float64) * 10**DECIMALS)
    return {
        "resourceType": "Observation",
        "status": "preliminary",  # nobody has verified it
        "category": [
            {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/observation-category", "code": "procedure"}]}
        ],
        "code": _potential(POTENTIAL, "MDC_ECG_ELEC_POTL"),
        "note": [{"text": series.remark()}],
        "component": [
            {
                "code": _potential(POTENTIAL + LEAD_NUMBERS[lead], f"MDC_ECG_ELEC_POTL_{lead.upper()}"),
                "valueSampledData": {
                    "origin": {"value": 0, "unit": "mV", "system": "http://unitsofmeasure.org", "code": "mV"},
                    "period": 1000 / series.fs_hz,
                    "factor": 10**-DECIMALS,
                    "dimensions": 1,
                    "data": _data(row),
                },
            }
            for lead, row in zip(LEADS, steps, strict=True)
        ],
    }


def _potential(number: int, display: str) -> dict[str, object]:
    return {"coding": [{"system": "urn:iso:std:iso:11073:10101", "code": str(number), "display": display}]}


def _data(row: np.ndarray) -> str:
    texts = np.char.mod("%d", np.nan_to_num(row).astype(np.int64))
    texts[np.isnan(row)] = "E"
    data = " ".join(texts.tolist())
    if len(data) > STRING_LENGTH:
        raise DataError(
            f"fhir: found {len(row)} samples, which take {len(data)} characters, expected at most {STRING_LENGTH}; "
            "choose a lower rate"
        )
    return data
