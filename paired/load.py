"""load: every pair of the table, checked, as arrays of one shape."""

from ecgpipe.paired.pairs import Pairs, write_pairs
from ecgpipe.paired.params import load_params
from stages import run, write_metrics

PAIRS = "data/paired/pairs"
METRICS = "metrics/paired/load.json"


def main() -> None:
    params = load_params()
    write_pairs(params.data.folder, params.data.table, params.images, PAIRS)
    pairs = Pairs.load(PAIRS, preload=False)
    _, channels, samples = pairs.signals.shape
    counts = {"pictures": len(pairs), "ecgs": pairs.rows["ecg_id"].nunique(), "channels": channels, "samples": samples}
    leads = pairs.rows["lead"].value_counts()
    write_metrics(METRICS, counts | {f"pictures/lead_{lead}": int(number) for lead, number in leads.items()})


if __name__ == "__main__":
    run(main)
