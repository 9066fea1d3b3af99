"""A search goes on after a kill, gives up what is poor, and leaves the study of another search alone."""

import shutil
from pathlib import Path

import pytest

from ecgpipe.base.errors import EcgpipeError, ParamsError
from ecgpipe.params import load_dataclass
from experiments.search_report import draw_study, report
from experiments.space import Choice, Range, Schedule, Search
from experiments.study import StudyError, best, done, draw, open_study, take_up, tell
from tests.conftest import REPOSITORY

SEARCH = Search(
    trials=6,
    startup_trials=2,
    seed=1,
    seeds=(2, 3),
    budget=("model=tiny",),
    ranges=(Range("train.learning_rate", 0.001, 0.1, True, 0.004),),
    schedules=(Schedule(parameter="loss.snr_weight", high=0.2, latest=0.8, start=0.0),),
    choices=(Choice("read.flips", ("none", "both"), "none"),),
)
FIRST = ("train.learning_rate=0.004", "loss.snr_weight=[[0.00,0],[0.05,0]]", "read.flips=none")


@pytest.fixture
def path(tmp_path, monkeypatch) -> Path:
    """Where a study may be, in a folder with the pipeline's parameters and lock."""
    for name in ("params.yaml", "dvc.lock"):
        shutil.copy(REPOSITORY / name, tmp_path / name)
    monkeypatch.chdir(tmp_path)
    return tmp_path / "work" / "study.db"


def scored(*folds_db: float) -> dict[str, float]:
    after = {f"snr_db/folds_{count}": score_db for count, score_db in enumerate(folds_db, 1)}
    return after | {"folds": len(folds_db), "gave_up": int(len(folds_db) < 3), "snr_db/all": folds_db[-1]}


def searched(path: Path, *results: dict[str, float] | None):
    """A study in which trials came to these metrics."""
    study = open_study(SEARCH, path)
    for metrics in results:
        tell(study, draw(study, SEARCH)[0], metrics)
    return study


def test_the_search_as_shipped_loads_and_has_twenty_trials_at_least():
    assert load_dataclass(Search, REPOSITORY / "experiments/search.yaml").trials >= 20


def test_the_first_trial_is_the_start_and_the_others_are_drawn(path):
    study = open_study(SEARCH, path)
    first, second = (draw(study, SEARCH)[1] for _ in range(2))
    assert first.overrides == ("model=tiny", *FIRST)
    assert second.overrides != first.overrides and second.name != first.name


def test_poor_folds_are_given_up_below_the_median_of_the_trials_before(path):
    study = searched(path, scored(1, 2, 3))
    assert not [each for each in draw(study, SEARCH)[1].overrides if "give_up" in each], "too few trials yet"
    take_up(study)
    study = searched(path, scored(3, 4, 5), scored(0.5))
    assert draw(study, SEARCH)[1].overrides[-1] == "cross_validate.give_up_below_db=[1.0,3.0]"
    assert [trial.state.name for trial in done(study)] == ["COMPLETE", "COMPLETE", "PRUNED"]
    assert study.best_value == 5


def test_a_killed_search_goes_on_with_the_experiment_that_it_was_at(path):
    _, running = draw(searched(path, scored(1, 2, 3), scored(3, 4, 5)), SEARCH)
    study = open_study(SEARCH, path)
    take_up(study)
    trial, again = draw(study, SEARCH)
    assert again == running
    tell(study, trial, scored(4, 5, 6))
    assert len(done(study)) == 3 and study.best_value == 6


def test_a_search_that_goes_on_does_not_draw_the_same_trials_again(path):
    drawn = {draw(open_study(SEARCH, path), SEARCH)[1].name for _ in range(4)}
    assert len(drawn) == 4


def test_a_trial_that_failed_is_counted_and_loses_no_other(path):
    study = searched(path, scored(1, 2, 3), None, scored(3, 4, 5))
    assert [trial.state.name for trial in done(study)] == ["COMPLETE", "FAIL", "COMPLETE"]


def test_a_search_all_of_whose_trials_failed_is_a_line(path):
    with pytest.raises(StudyError, match=r"^found no trial that was read to the end; [^\n]*$"):
        best(searched(path, None, scored(0.5)))


def other_space() -> Search:
    return Search(**{**vars(SEARCH), "budget": ("model=small",)})


def other_params() -> Search:
    Path("params.yaml").write_text(Path("params.yaml").read_text().replace("  seed: 1 ", "  seed: 2 "))
    return SEARCH


def other_data() -> Search:
    lock = Path("dvc.lock").read_text()
    Path("dvc.lock").write_text(
        lock.replace(
            "- path: data/raw\n      hash: md5\n      md5: ", "- path: data/raw\n      hash: md5\n      md5: 0"
        )
    )
    return SEARCH


@pytest.mark.parametrize(
    ("changed", "named"), [(other_space, "space"), (other_params, "parameters"), (other_data, "data or code")]
)
def test_a_study_of_another_search_is_a_line_and_stays_as_it_was(path, changed, named):
    searched(path, scored(1, 2, 3))
    before = path.read_bytes()
    with pytest.raises(StudyError, match=rf"^[^\n]*: found 1 trials of a search with other {named}, [^\n]*$"):
        open_study(changed(), path)
    assert path.read_bytes() == before


def test_a_file_that_is_no_study_is_a_line_and_stays_as_it_was(path):
    path.parent.mkdir()
    path.write_text("something else, long enough to be no header of a database " * 20)
    before = path.read_bytes()
    with pytest.raises(EcgpipeError, match=r"^[^\n]*: not a study of Optuna's [^\n]*$"):
        open_study(SEARCH, path)
    assert path.read_bytes() == before


def test_more_trials_or_other_seeds_at_the_end_are_the_same_search(path):
    searched(path, scored(1, 2, 3))
    assert len(open_study(Search(**{**vars(SEARCH), "trials": 60, "seeds": (9,)}), path).trials) == 1


def test_the_report_names_best_given_up_and_failed_and_the_picture_is_the_same_twice(path):
    study = searched(path, scored(1, 2, 3), scored(3, 4, 5), scored(0.5), None)
    first, last = SEARCH.with_seeds(SEARCH.first()), SEARCH.with_seeds(study.best_trial.params)
    runs = {each.name: scored(3, 3, 3.0) for each in first} | {each.name: scored(4, 4, 4.0) for each in last}
    text = "\n".join(report(study, SEARCH, first, last, runs))
    assert "4 trials: 2 read to the end, 1 given up, 1 failed. The best is trial 1" in text
    assert "| 3 ± 0 | 4 ± 0 | better: +1.00 ± 0.00 |" in text
    assert "| 0.50, given up |" in text and "| failed |" in text
    for name in ("a.svg", "b.svg"):
        draw_study(Path(name), study)
    assert Path("a.svg").read_bytes() == Path("b.svg").read_bytes()


def test_a_range_upside_down_is_a_line():
    with pytest.raises(ParamsError, match=r"^train.steps: found a range from 5 to 1, expected the lower end first$"):
        Range("train.steps", 5, 1, False, 2)
