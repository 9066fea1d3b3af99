"""download: the data set of `data.source` in the competition's layout, and the manifest of its files."""

from ecgpipe import manifest, sources
from ecgpipe.params import load_params
from stages import run, write_metrics

RAW = "data/raw"
MANIFEST = "data/manifest.csv"
METRICS = "metrics/download.json"


def main() -> None:
    data = load_params().data
    sources.fetch(data, RAW)
    files = manifest.build(RAW, workers=data.workers)
    manifest.write(MANIFEST, files)
    write_metrics(METRICS, {"files": len(files), "bytes": int(files["bytes"].sum())})


if __name__ == "__main__":
    run(main)
