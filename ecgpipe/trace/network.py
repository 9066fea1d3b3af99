"""A trained network as it reads: its graph, made when the weights were saved, run by OpenVINO without torch.

It computes in the precision that this machine is quickest in (bfloat16 where it has instructions for that, else
float32), in as many threads as OMP_NUM_THREADS says.
"""

import os

import numpy as np
import openvino as ov

from ecgpipe.base.errors import DataError
from ecgpipe.trace.weights import Weights


class Network:
    """One network ready to read strips of one size. DataError if its files cannot be read or are of another size."""

    def __init__(self, weights: Weights):
        spec = weights.spec
        graph, expected = weights.graph(), [1, spec.width * spec.samples_per_px, spec.height]
        core, config = ov.Core(), {"PERFORMANCE_HINT": "LATENCY"}
        if (threads := os.environ.get("OMP_NUM_THREADS", "")).isdigit():
            config["INFERENCE_NUM_THREADS"] = threads
        try:
            model = core.read_model(graph)
            model.reshape([1, spec.height, spec.width, 3])  # known sizes are quicker
            found = list(model.output().shape)
            self._compiled = core.compile_model(model, "CPU", config)
        except RuntimeError as error:
            reason = str(error).strip().splitlines()[0]
            raise DataError(f"{weights.path}: its graph cannot be loaded ({reason}); save it anew") from error
        if found != expected:
            raise DataError(f"{weights.path}: its graph gives {found}, its card expects {expected}; restore both")

    def __call__(self, strip: np.ndarray) -> np.ndarray:
        """Logits (T, H) float32 of a strip (H, W, 3) uint8: a distribution over heights for each of T samples."""
        return self._compiled(strip[None])[0][0]
