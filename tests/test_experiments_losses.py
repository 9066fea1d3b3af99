"""The table of losses: means with their spread, what failed by name, and no difference where there is none."""

import pytest

from ecgpipe.base.errors import DataError, ParamsError
from ecgpipe.params import load_dataclass
from experiments.losses import GRID, Grid, table
from experiments.report import replace_part, verdict

GRID_OF_TWO = Grid((1, 2, 3), ("model=tiny",), ("snr", "column"), "column", ())


def metrics(score_db: float) -> dict[str, float]:
    return {"snr_db/all": score_db, "snr_db_median": score_db, "mae_mv": 0.01, "correlation": 0.9}


def runs(grid: Grid, *scores_db: float | None) -> dict:
    names = [each.name for variant in grid.variants() for each in variant.experiments(grid)]
    scores = zip(names, scores_db, strict=True)
    return {name: None if score_db is None else metrics(score_db) for name, score_db in scores}


def test_the_grid_as_shipped_has_eight_blends_and_three_seeds_at_least():
    grid = load_dataclass(Grid, GRID)
    assert len(grid.losses) >= 8 and len(grid.seeds) >= 3
    names = [each.name for variant in grid.variants() for each in variant.experiments(grid)]
    assert len(set(names)) == len(names) == len(grid.seeds) * (len(grid.losses) + len(grid.augmentations))


def test_seeds_of_all_variants_differ_in_nothing_but_what_they_compare():
    column, snr = (variant.experiments(GRID_OF_TWO)[1].overrides for variant in GRID_OF_TWO.variants())
    assert column == ("model=tiny", "loss=column", "train.seed=2")
    assert snr == ("model=tiny", "loss=snr", "train.seed=2")


def test_a_row_has_mean_and_spread_and_what_each_seed_gained():
    *_, column, snr = table(GRID_OF_TWO, runs(GRID_OF_TWO, 10, 11, 12, 11, 12.1, 13.2))
    assert column.startswith("| column | 11 ± 1 | 11 ± 1 | 10 ± 0 | 0.9 ± 0 |  | ")
    assert snr.startswith("| snr | 12.1 ± 1.1 ") and "better: +1.10 ± 0.25" in snr


def test_a_run_that_failed_is_named_and_the_others_count():
    *rows, _, failed = table(GRID_OF_TWO, runs(GRID_OF_TWO, 10, 11, 12, 11, None, 13.2))
    assert "12.1 ± 1.6" in rows[-1]
    assert GRID_OF_TWO.variants()[1].experiments(GRID_OF_TWO)[1].name in failed


def test_a_loss_that_is_no_preset_is_a_line_with_those_that_there_are():
    with pytest.raises(ParamsError, match=r"^losses: found 'sharp', expected one of all, column, [^\n]*$"):
        Grid((1,), (), ("column", "sharp"), "column", ()).variants()


@pytest.mark.parametrize(
    ("gains", "said"),
    [
        ([1.0, 1.1, 0.9], "better: +1.00 ± 0.25"),
        ([-1.0, -1.1, -0.9], "worse: -1.00 ± 0.25"),
        ([1.0, -0.8, 0.9], "no difference: +0.37 ± 2.51"),
        ([0.0, 0.0, 0.0], "no difference: +0.00 ± 0.00"),
        ([1.0], "too few runs"),
    ],
)
def test_a_difference_is_one_only_beyond_the_spread_of_seeds(gains, said):
    assert verdict(gains) == said


def test_a_part_of_a_text_is_written_and_the_text_about_it_stays(tmp_path):
    path = tmp_path / "text.md"
    path.write_text("# Title\n\n<!-- make it -->\nold\n<!-- end -->\n\nWhat people wrote.\n")
    replace_part(path, "make it", ["new", "lines"])
    once = path.read_text()
    assert once == "# Title\n\n<!-- make it -->\n\nnew\nlines\n\n<!-- end -->\n\nWhat people wrote.\n"
    replace_part(path, "make it", ["new", "lines"])
    assert path.read_text() == once
    with pytest.raises(DataError, match="found no <!-- other -->"):
        replace_part(path, "other", [])
    assert path.read_text() == once
