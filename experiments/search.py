"""A search over loss weights, their schedules, learning rate and flips: `python -m experiments.search`.

Optuna draws what experiments/search.yaml allows; each trial is an experiment of DVC's, cross-validated, that `dvc exp
show` lists and `dvc exp apply NAME` takes. A trial whose first folds score less than the median of the trials before is
given up. The study is kept in scratch/search, so that a search that was stopped goes on, whatever was killed. In the
end the best trial and the first are run with other seeds; docs/search.md and docs/search.svg say what came of it.
"""

from pathlib import Path

from ecgpipe.params import load_dataclass
from experiments import queue
from experiments.report import replace_part
from experiments.search_report import draw_study, report
from experiments.space import STAGE, Search
from experiments.study import best, done, draw, open_study, take_up, tell
from stages import run

SEARCH = "experiments/search.yaml"
STUDY = Path("scratch/search/study.db")
REPORT, PICTURE = Path("docs/search.md"), Path("docs/search.svg")


def main() -> None:
    search = load_dataclass(Search, SEARCH)
    study = open_study(search, STUDY)
    take_up(study)
    while len(done(study)) < search.trials:
        trial, experiment = draw(study, search)
        tell(study, trial, queue.run([experiment], STAGE)[experiment.name])
    first_runs, best_runs = search.with_seeds(search.first()), search.with_seeds(best(study).params)
    runs = queue.run([*first_runs, *best_runs], STAGE)
    replace_part(REPORT, "python -m experiments.search", report(study, search, first_runs, best_runs, runs))
    draw_study(PICTURE, study)


if __name__ == "__main__":
    run(main)
