"""The code of docs/formats.md reads what is written."""

import re

import numpy as np

from ecgpipe.formats import FORMATS
from tests.conftest import REPOSITORY
from tests.format_readers import STEP_MV, kit_series


def test_every_block_reads_the_same_series_and_the_rate_where_it_reads_one(tmp_path, monkeypatch):
    page, names = kit_series(250), {}
    for kind in FORMATS.values():
        kind.write(tmp_path / f"photo{kind.suffix}", page)
    monkeypatch.chdir(tmp_path)
    text = (REPOSITORY / "docs/formats.md").read_text()
    blocks = re.findall(r"^## (\w+)\n.*?```python\n(.*?)```", text, re.DOTALL | re.MULTILINE)
    assert [name for name, _ in blocks] == list(FORMATS)
    for name, block in blocks:
        names.update(series_mv=None, fs_hz=250)
        exec(block, names)
        np.testing.assert_allclose(names["series_mv"], page.series_mv, rtol=0, atol=0.501 * STEP_MV[name], err_msg=name)
        assert names["fs_hz"] == 250
