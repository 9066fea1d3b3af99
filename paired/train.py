"""train: the network's weights, from every pair."""

import numpy as np

from ecgpipe.paired.network import save_network
from ecgpipe.paired.pairs import Pairs
from ecgpipe.paired.params import load_params
from ecgpipe.paired.score import picture_scores, summary
from ecgpipe.paired.train import fit, read, shape_of
from ecgpipe.pipeline import plots
from ecgpipe.training.steps import last_losses
from stages import run, write_metrics

PAIRS = "data/paired/pairs"
WEIGHTS = "models/paired.safetensors"
METRICS = "metrics/paired/train.json"
PLOTS = "plots/paired/train"


def main() -> None:
    params = load_params()
    pairs = Pairs.load(PAIRS, preload=params.train.preload)
    network, history = fit(pairs, np.arange(len(pairs)), params, "train")
    save_network(WEIGHTS, network, params.model.architecture, params.model.size, shape_of(pairs))
    scores = picture_scores(pairs.rows, pairs.signals, read(network, pairs.images, params.train.batch_size))
    plots.loss_curve(f"{PLOTS}/loss", history)
    write_metrics(METRICS, summary(scores) | last_losses(history) | {"steps": params.train.steps})


if __name__ == "__main__":
    run(main)
