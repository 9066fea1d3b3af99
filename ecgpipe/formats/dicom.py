"""DICOM 12-Lead ECG Waveform Storage (PS3.3, A.34.3): one multiplex group of twelve channels, of nobody.

Nothing is known of the patient, so what DICOM wants of one is empty; nor of the time of the recording, so the dates
that it insists on are NO_DATE. The same series gives the same identifiers and the same bytes.
"""

from pathlib import Path
from textwrap import wrap
from typing import TYPE_CHECKING

import numpy as np

from ecgpipe.base.files import atomic_path
from ecgpipe.formats.nomenclature import LEAD_MEANINGS, LEAD_NUMBERS
from ecgpipe.formats.series import NO_SAMPLE, STEPS_PER_MV, Series
from ecgpipe.page.layout import LEADS

if TYPE_CHECKING:
    from pydicom import Dataset

NO_DATE, NO_TIME = "19000101", "000000"
TEXT_LENGTH = 1024  # characters that an unformatted text may have


def write(path: Path, series: Series) -> None:
    """Write the series in mV, 16 bits a sample; NaN as the group's padding value."""
    from pydicom.dataset import FileMetaDataset
    from pydicom.uid import ExplicitVRLittleEndian, TwelveLeadECGWaveformStorage

    ds = _dataset(
        SpecificCharacterSet="ISO_IR 192",
        SOPClassUID=TwelveLeadECGWaveformStorage,
        SOPInstanceUID=_uid(series, "instance"),
        # patient, study and series: of DICOM's type 2 fields the values are not known
        PatientName="",
        PatientID="",
        PatientBirthDate="",
        PatientSex="",
        PatientIdentityRemoved="YES",
        DeidentificationMethod="read from the traces alone",
        StudyInstanceUID=_uid(series, "study"),
        StudyDate="",
        StudyTime="",
        StudyID="",
        AccessionNumber="",
        ReferringPhysicianName="",
        SeriesInstanceUID=_uid(series, "series"),
        SeriesNumber=1,
        Modality="ECG",
        Manufacturer="",
        ManufacturerModelName="ecgpipe",
        # the waveform
        InstanceNumber=1,
        ContentDate=NO_DATE,
        ContentTime=NO_TIME,
        AcquisitionDateTime=NO_DATE + NO_TIME,
        AcquisitionContextSequence=[],
        WaveformSequence=[_group(series)],
        WaveformAnnotationSequence=[
            _dataset(ReferencedWaveformChannels=[1, 0], UnformattedTextValue=text)  # all channels of group 1
            for text in wrap(series.remark(), TEXT_LENGTH, break_on_hyphens=False)
        ],
    )
    ds.file_meta = FileMetaDataset()
    ds.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    with atomic_path(path) as temporary:
        ds.save_as(temporary, enforce_file_format=True)


def _group(series: Series) -> "Dataset":
    group = _dataset(
        WaveformOriginality="DERIVED",  # not the samples that the machine took
        NumberOfWaveformChannels=len(LEADS),
        NumberOfWaveformSamples=series.samples,
        SamplingFrequency=f"{series.fs_hz:.10g}",
        MultiplexGroupLabel="RHYTHM",
        ChannelDefinitionSequence=[_channel(number, lead) for number, lead in enumerate(LEADS, start=1)],
        WaveformBitsAllocated=16,
        WaveformSampleInterpretation="SS",
    )
    group.add_new("WaveformPaddingValue", "OW", np.array(NO_SAMPLE, "<i2").tobytes())
    group.add_new("WaveformData", "OW", series.steps().astype("<i2").T.tobytes())
    return group


def _channel(number: int, lead: str) -> "Dataset":
    return _dataset(
        WaveformChannelNumber=number,
        ChannelLabel=lead,
        ChannelSourceSequence=[_code(f"2:{LEAD_NUMBERS[lead]}", "MDC", LEAD_MEANINGS[lead])],
        ChannelSensitivity=str(1 / STEPS_PER_MV),
        ChannelSensitivityUnitsSequence=[_code("mV", "UCUM", "millivolt")],
        ChannelSensitivityCorrectionFactor=1,
        ChannelBaseline=0,
        ChannelTimeSkew=0,
        WaveformBitsStored=16,
    )


def _code(value: str, scheme: str, meaning: str) -> "Dataset":
    return _dataset(CodeValue=value, CodingSchemeDesignator=scheme, CodeMeaning=meaning)


def _dataset(**elements: object) -> "Dataset":
    """A data set of these elements by keyword."""
    from pydicom import Dataset

    dataset = Dataset()
    for keyword, value in elements.items():
        setattr(dataset, keyword, value)
    return dataset


def _uid(series: Series, purpose: str) -> str:
    """A UID made of a UUID (PS3.5, B.2)."""
    return f"2.25.{series.identifier(purpose).int}"
