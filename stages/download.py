"""download: the data set of `data.source` in the competition's layout, and the manifest of its files."""

from rich.console import Console

from ecgpipe.base.progress import transfer_bar
from ecgpipe.competition import manifest
from ecgpipe.params import load_params
from ecgpipe.pipeline import sources
from stages import run, write_metrics

RAW = "data/raw"
MANIFEST = "data/manifest.csv"
METRICS = "metrics/download.json"


def main() -> None:
    data = load_params().data
    with transfer_bar(Console(stderr=True)) as report:
        origin = sources.fetch(data, RAW, report)
    files = manifest.build(RAW, workers=data.workers)
    manifest.write(MANIFEST, manifest.with_listing(files, origin.listing))
    write_metrics(METRICS, {"files": len(files), "bytes": int(files["bytes"].sum()), **origin.metrics})


if __name__ == "__main__":
    run(main)
