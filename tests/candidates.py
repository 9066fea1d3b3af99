"""Parameters under which nothing but merging lead II's rows is tried, for tests to add to."""

from ecgpipe.params import Postprocess, Read
from ecgpipe.pipeline.readings import OWN

READ = Read(weights=(OWN,), flips="none", try_weights=None, try_flips=None)
TRIED = Postprocess(
    standard_errors=2.0,
    savgol_samples=None,
    gaussian_samples=None,
    wavelet_strengths=None,
    wander_hz=None,
    limb_lead_residual_mv=0.0,
    merge_rhythm=True,
    workers=1,
)
