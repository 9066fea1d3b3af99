"""Series to write, and each format read back by somebody else's library, or by the rules of its standard."""

from collections.abc import Callable
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pandas as pd
import pydicom
import pyedflib
import wfdb
from fhir.resources.R4B.observation import Observation

from ecgpipe.formats.series import PageFacts, Series
from ecgpipe.page.layout import KIT, LEADS

FACTS = PageFacts("3x4+1R(II)", 25.0, 10.0, "sequential")
HL7 = {"": "urn:hl7-org:v3"}


def kit_series(fs_hz: float = 500.0, seed: int = 0) -> Series:
    """What the kit's page shows, of noise: a quarter of each lead but II, and a hole in V6."""
    rng, rows = np.random.default_rng(seed), round(10 * fs_hz)
    series = np.full((len(LEADS), rows), np.nan)
    for window in KIT.windows:
        shown = KIT.samples(window, rows)
        series[LEADS.index(window.lead), shown] = rng.normal(0, 0.7, shown.stop - shown.start)
    series[-1, round(8 * fs_hz) : round(8.1 * fs_hz)] = np.nan
    return Series(
        series.astype(np.float32), fs_hz, page=FACTS, warnings=("the gain is nowhere printed: 10 µV ‘taken’",)
    )


def random_series(seed: int, samples: int, fs_hz: float = 500.0) -> Series:
    """A series with some unknown samples and some large ones."""
    rng = np.random.default_rng(seed)
    series = rng.normal(0, 3, (len(LEADS), samples))
    series[rng.random(series.shape) < 0.2] = np.nan
    return Series(series, fs_hz)


Read = tuple[np.ndarray, float]  # series (12, n) in mV and rate in Hz


def read_csv(path: Path) -> Read:
    table = pd.read_csv(path)
    return table[list(LEADS)].to_numpy().T, float(1 / table["time_s"].diff().mean())


def read_wfdb(path: Path) -> Read:
    record = wfdb.rdrecord(str(path.with_suffix("")))
    assert (record.sig_name, record.units) == (list(LEADS), ["mV"] * 12)
    return record.p_signal.T, record.fs


def read_edf(path: Path) -> Read:
    with pyedflib.EdfReader(str(path)) as file:
        assert file.getSignalLabels() == [f"ECG {lead}" for lead in LEADS]
        assert {header["dimension"] for header in file.getSignalHeaders()} == {"mV"}
        series = np.array([file.readSignal(place) for place in range(12)])
        series[[file.readSignal(place, digital=True) == file.getDigitalMinimum(place) for place in range(12)]] = np.nan
        return series, file.getSampleFrequency(0)


def read_dicom(path: Path) -> Read:
    ds = pydicom.dcmread(path)
    group = ds.WaveformSequence[0]
    assert [channel.ChannelLabel for channel in group.ChannelDefinitionSequence] == list(LEADS)
    steps = np.frombuffer(group.WaveformData, "<i2").reshape(-1, 12)
    padding = np.frombuffer(group.WaveformPaddingValue, "<i2")
    return np.where(steps == padding, np.nan, ds.waveform_array(0)).T, float(group.SamplingFrequency)


def read_fhir(path: Path) -> Read:
    parts = Observation.model_validate_json(path.read_text(encoding="utf-8")).component
    assert [part.code.coding[0].display.rpartition("_")[2] for part in parts] == [lead.upper() for lead in LEADS]
    sampled = [part.valueSampledData for part in parts]
    assert {(value.origin.code, value.origin.value, value.dimensions) for value in sampled} == {("mV", 0, 1)}
    series = [
        [np.nan if text == "E" else float(text) * float(value.factor) for text in value.data.split(" ")]
        for value in sampled
    ]
    return np.array(series), 1000 / float(sampled[0].period)


def read_aecg(path: Path) -> Read:
    """By the implementation guide: sets of sequences of one time axis each, and digits · scale + origin."""

    def quantity(element: ElementTree.Element, name: str, unit: str) -> float:
        found = element.find(name, HL7)
        assert found.get("unit") == unit
        return float(found.get("value"))

    (series,) = ElementTree.parse(path).getroot().findall("component/series", HL7)
    duration_s, read, fs_hz = quantity(series, "effectiveTime/width", "s"), {}, np.nan
    for sequences in series.findall("component/sequenceSet", HL7):
        times, *leads = sequences.findall("component/sequence", HL7)
        assert times.find("code", HL7).get("code") == "TIME_RELATIVE"
        fs_hz, head_s = 1 / quantity(times, "value/increment", "s"), quantity(times, "value/head", "s")
        for lead in leads:
            digits = np.array(lead.find("value/digits", HL7).text.split(), float)
            mv = (digits * quantity(lead, "value/scale", "uV") + quantity(lead, "value/origin", "uV")) / 1000
            name = lead.find("code", HL7).get("code").removeprefix("MDC_ECG_LEAD_")
            row = read.setdefault(name, np.full(round(duration_s * fs_hz), np.nan))
            first = round(head_s * fs_hz)
            assert np.isnan(row[first : first + len(mv)]).all()
            row[first : first + len(mv)] = mv
    nothing = np.full(len(next(iter(read.values()))), np.nan)
    return np.array([read.get(lead.upper(), nothing) for lead in LEADS]), fs_hz


def read_parquet(path: Path) -> Read:
    import fastparquet

    table = fastparquet.ParquetFile(path)
    assert table.columns == list(LEADS)
    return table.to_pandas().to_numpy(float).T, float(table.key_value_metadata["fs_hz"])


READERS: dict[str, Callable[[Path], Read]] = {
    "csv": read_csv,
    "wfdb": read_wfdb,
    "edf": read_edf,
    "dicom": read_dicom,
    "fhir": read_fhir,
    "aecg": read_aecg,
    "parquet": read_parquet,
}
STEP_MV = {"csv": 1e-4, "wfdb": 5e-4, "edf": 5e-4, "dicom": 5e-4, "fhir": 1e-4, "aecg": 5e-4, "parquet": 1e-6}
