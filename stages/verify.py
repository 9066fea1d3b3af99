"""verify: every file as in the manifest, every picture decoded, every table and signal in the competition's form."""

from ecgpipe import manifest
from ecgpipe.params import load_params
from ecgpipe.verify import verify
from stages import run, write_metrics

RAW = "data/raw"
MANIFEST = "data/manifest.csv"
FINDINGS = "data/verify.csv"
METRICS = "metrics/verify.json"


def main() -> None:
    report = verify(RAW, manifest.read(MANIFEST), load_params().verify)
    report.write_findings(FINDINGS)
    write_metrics(METRICS, report.counts)
    report.raise_if_bad(advice=f"all are in {FINDINGS}; `dvc repro -f download` fetches the data anew")


if __name__ == "__main__":
    run(main)
