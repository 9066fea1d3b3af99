"""The stage `preprocess` with a rectifier that is quick but has to be waited for, for tests that kill it."""

import os
import time

import numpy as np

import stages.preprocess
from ecgpipe.page.geometry import PageMap
from ecgpipe.page.layout import KIT
from ecgpipe.pipeline import preprocess
from ecgpipe.rectify.rectifier import Rectified


class _Figures:
    def figures(self) -> dict[str, float]:
        return {"misfit_mm": 0.1}


def _rectify(picture: np.ndarray) -> Rectified:
    time.sleep(0.01)
    return Rectified(PageMap.from_function(KIT, lambda mm: mm * 0.8 + picture[0, 0, 0]), _Figures())


def run_stage(folder: str) -> None:
    """Run the stage in `folder`, in this process."""
    os.chdir(folder)
    preprocess.rectify = _rectify
    stages.run(stages.preprocess.main)
