"""DICOM: what PS3.3 requires of a 12-lead ECG is there, and nobody is named."""

import numpy as np
import pydicom
import pytest
from pydicom.uid import UID

from ecgpipe import write_series
from ecgpipe.base.errors import EcgpipeError
from ecgpipe.formats.dicom import TEXT_LENGTH
from ecgpipe.formats.series import Series
from ecgpipe.page.layout import LEADS
from tests.format_readers import kit_series

# PS3.3: modules of A.34.3; elements that must have a value, and those that must be there
FILLED = (
    *("SOPClassUID", "SOPInstanceUID", "StudyInstanceUID", "Modality", "SeriesInstanceUID", "InstanceNumber"),
    *("ContentDate", "ContentTime", "AcquisitionDateTime", "WaveformSequence"),
)
THERE = (
    *("PatientName", "PatientID", "PatientBirthDate", "PatientSex", "StudyDate", "StudyTime", "StudyID"),
    *("ReferringPhysicianName", "AccessionNumber", "SeriesNumber", "Manufacturer", "AcquisitionContextSequence"),
)
OF_GROUP = (
    *("WaveformOriginality", "NumberOfWaveformChannels", "NumberOfWaveformSamples", "SamplingFrequency"),
    *("ChannelDefinitionSequence", "WaveformBitsAllocated", "WaveformSampleInterpretation", "WaveformData"),
)
OF_CHANNEL = (
    *("ChannelSourceSequence", "ChannelSensitivity", "ChannelSensitivityUnitsSequence", "WaveformBitsStored"),
    *("ChannelSensitivityCorrectionFactor", "ChannelBaseline", "ChannelTimeSkew"),
)


@pytest.fixture(scope="module")
def ds(tmp_path_factory) -> pydicom.Dataset:
    """The kit's page as DICOM."""
    path = tmp_path_factory.mktemp("dicom") / "1.dcm"
    write_series(path, kit_series())
    return pydicom.dcmread(path)


def test_every_element_that_the_standard_requires_is_there(ds):
    group = ds.WaveformSequence[0]
    assert all(ds[name].value not in ("", None) for name in FILLED) and all(name in ds for name in THERE)
    assert all(group[name].value not in ("", None) for name in OF_GROUP)
    assert all(channel[name].value is not None for channel in group.ChannelDefinitionSequence for name in OF_CHANNEL)


def test_it_is_one_group_of_twelve_channels_in_the_limits_of_its_class(ds):
    assert UID(ds.SOPClassUID).name == "12-lead ECG Waveform Storage" and ds.Modality == "ECG"
    (group,) = ds.WaveformSequence
    assert (group.NumberOfWaveformChannels, group.NumberOfWaveformSamples, group.SamplingFrequency) == (12, 5000, 500)
    assert (group.WaveformBitsAllocated, group.WaveformSampleInterpretation) == (16, "SS")
    assert group["WaveformPaddingValue"].VR == "OW" and group.WaveformPaddingValue == b"\x00\x80"


def test_channels_have_the_codes_of_the_leads_in_mdc_and_millivolts_in_ucum(ds):
    channels = ds.WaveformSequence[0].ChannelDefinitionSequence
    codes = [channel.ChannelSourceSequence[0] for channel in channels]
    assert [channel.ChannelLabel for channel in channels] == list(LEADS)
    numbers = (1, 2, 61, 62, 63, 64, 3, 4, 5, 6, 7, 8)  # CID 3001
    assert [code.CodeValue for code in codes] == [f"2:{number}" for number in numbers]
    assert {code.CodingSchemeDesignator for code in codes} == {"MDC"}
    units = [channel.ChannelSensitivityUnitsSequence[0] for channel in channels]
    assert {(unit.CodeValue, unit.CodingSchemeDesignator) for unit in units} == {("mV", "UCUM")}
    assert {channel.ChannelSensitivity for channel in channels} == {0.0005}


def test_nobody_is_named(ds):
    assert not any(
        ds[name].value for name in ("PatientName", "PatientID", "PatientBirthDate", "PatientSex", "StudyDate")
    )
    assert ds.PatientIdentityRemoved == "YES"


def test_the_waveform_is_in_millivolts_and_padding_lies_below_all_of_it(ds):
    found, series = ds.waveform_array(0).T, kit_series().series_mv
    known = ~np.isnan(series)
    np.testing.assert_allclose(found[known], series[known], atol=2.6e-4)
    assert (found[~known] == -16.384).all()


def test_identifiers_are_new_for_another_page_and_the_same_for_the_same(tmp_path, ds):
    write_series(tmp_path / "2.dcm", kit_series(seed=1))
    other = pydicom.dcmread(tmp_path / "2.dcm")
    names = ("SOPInstanceUID", "StudyInstanceUID", "SeriesInstanceUID")
    uids = [each[name].value for each in (ds, other) for name in names]
    assert len(set(uids)) == 6 and all(UID(uid).is_valid for uid in uids)
    assert ds.file_meta.MediaStorageSOPInstanceUID == ds.SOPInstanceUID


def test_long_remarks_are_annotations_of_all_channels_and_none_of_them_is_lost(tmp_path):
    page = kit_series()
    talking = Series(
        page.series_mv, 500, warnings=tuple(f"doubt {number} of this 3x4-page's reading" for number in range(90))
    )
    write_series(tmp_path / "1.dcm", talking)
    notes = pydicom.dcmread(tmp_path / "1.dcm").WaveformAnnotationSequence
    assert len(notes) > 1 and " ".join(note.UnformattedTextValue for note in notes) == talking.remark()
    assert all(len(note.UnformattedTextValue) <= TEXT_LENGTH for note in notes)
    assert {tuple(note.ReferencedWaveformChannels) for note in notes} == {(1, 0)}


@pytest.mark.parametrize("fs_hz", [100, 1025])
def test_a_rate_that_the_class_does_not_allow_is_said(tmp_path, fs_hz):
    with pytest.raises(EcgpipeError, match=f"dicom: found {fs_hz} Hz, expected 200 to 1000 Hz"):
        write_series(tmp_path / "1.dcm", kit_series(fs_hz))
