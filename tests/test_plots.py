"""Figures of the pipeline that have a form of their own."""

import numpy as np
import pandas as pd

from ecgpipe.pipeline import plots


def test_gains_are_drawn_where_an_error_is_known_and_where_not_with_the_same_bytes(tmp_path):
    rows = [("laws 1_mv", 1.5, 0.5, True), ("wander 0.5_hz", -14.5, np.nan, False)]
    tried = pd.DataFrame(rows, columns=["candidate", "gain_db", "error_db", "taken"])
    for name in ("one", "two"):
        plots.gains(tmp_path / name, tried)
    pd.testing.assert_frame_equal(pd.read_csv(tmp_path / "one.csv"), tried)
    assert (tmp_path / "one.svg").read_bytes() == (tmp_path / "two.svg").read_bytes()


def test_with_nothing_to_try_the_figure_is_empty(tmp_path):
    plots.gains(tmp_path / "none", pd.DataFrame(columns=["candidate", "gain_db", "error_db", "taken"]))
    assert (tmp_path / "none.svg").stat().st_size > 0
