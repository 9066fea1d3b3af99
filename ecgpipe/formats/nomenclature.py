"""The numbers and names that medical formats have for leads: ISO/IEEE 11073-10101, called MDC."""

from ecgpipe.page.layout import LEADS

# A lead's number within partition 2 is its number in SCP-ECG (EN 1064) as well; DICOM has them as CID 3001.
LEAD_NUMBERS = dict(zip(LEADS, (1, 2, 61, 62, 63, 64, 3, 4, 5, 6, 7, 8), strict=True))
LEAD_MEANINGS = {
    **{lead: f"Lead {lead}" for lead in LEADS},
    "aVR": "aVR, augmented voltage, right",
    "aVL": "aVL, augmented voltage, left",
    "aVF": "aVF, augmented voltage, foot",
}
POTENTIAL = 2 * 2**16 + 256  # MDC_ECG_ELEC_POTL; that of a lead follows at the lead's number
MDC_OID = "2.16.840.1.113883.6.24"
