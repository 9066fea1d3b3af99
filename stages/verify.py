"""verify: every file as in the manifest and in the competition's form, every picture showing its truth."""

import shutil
import sys
from pathlib import Path

from rich.progress import track

from ecgpipe.competition import manifest
from ecgpipe.competition.dataset import Dataset
from ecgpipe.params import load_params
from ecgpipe.pipeline import plots
from ecgpipe.verify.files import verify
from ecgpipe.verify.pairing.pairs import Pairing, concluded, pages_of, pair_pages, paired_series
from ecgpipe.verify.pairing.reading import Readings
from ecgpipe.verify.suspects import find_suspects
from stages import run, write_metrics

RAW = Dataset("data/raw")
MANIFEST = "data/manifest.csv"
FINDINGS = "data/verify.csv"
SUSPECTS = "data/suspects.csv"
METRICS = "metrics/verify.json"
PLOTS = Path("plots/verify")
SCRATCH = Path("scratch/verify")


def main() -> None:
    params = load_params()
    settings = params.verify
    report = verify(RAW.root, manifest.read(MANIFEST), settings)
    report.write_findings(FINDINGS)
    records = report.records if settings.pairing else ()
    pages = pages_of(RAW, records)
    work = pair_pages(RAW, pages, report.hashes, settings, SCRATCH)
    pairing = concluded(RAW, records, list(track(work, "read", total=len(pages))))
    Readings(SCRATCH).keep_only(report.training_pictures)
    suspects = find_suspects(report, pairing.table, settings.on_suspect)
    suspects.write(SUSPECTS)
    write_metrics(METRICS, report.counts | pairing.counts | suspects.counts)
    draw(pairing)
    report.raise_if_bad(advice=f"all are in {FINDINGS}; `dvc repro -f download` fetches the data anew")
    suspects.raise_if(settings.on_suspect, advice=f"all are in {SUSPECTS}, pictures in {PLOTS}; see verify.on_suspect")
    if len(suspects.table):
        print(f"{settings.on_suspect}: {suspects.summary()}; all are in {SUSPECTS}", file=sys.stderr)


def draw(pairing: Pairing) -> None:
    shutil.rmtree(PLOTS, ignore_errors=True)  # suspects of an earlier run, and what it left half-written
    plots.pairing(PLOTS / "pairing", pairing.figures)
    for page, title, truth_mv in paired_series(RAW, pairing):
        assert page.series_mv is not None  # it could be read
        plots.reading_over_truth(PLOTS / f"{page.id}-{page.kind}.png", title, truth_mv, page.series_mv)


if __name__ == "__main__":
    run(main)
