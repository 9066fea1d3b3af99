"""A trained network as it reads: its graph, made when the weights were saved, run by OpenVINO without torch."""

from typing import TYPE_CHECKING

import numpy as np

from ecgpipe.trace.weights import Weights

if TYPE_CHECKING:
    import openvino as ov


class Network:
    """One network ready to read strips of any height and width that it takes; those of its card at once.

    DataError if its files cannot be read or give something else than logits.
    """

    def __init__(self, weights: Weights):
        self.weights = weights
        self._compiled: dict[tuple[int, int], ov.CompiledModel] = {}
        self._for(weights.spec.height, weights.spec.width)

    def __call__(self, strip: np.ndarray) -> np.ndarray:
        """Logits (T, H) float32 of a strip (H, W, 3) uint8: a distribution over heights for each of T samples."""
        return self._for(*strip.shape[:2])(strip[None])[0][0]

    def _for(self, height: int, width: int) -> "ov.CompiledModel":
        """The graph for strips of this size, made when it is first asked for."""
        if (height, width) not in self._compiled:
            expected = [1, width * self.weights.spec.samples_per_px, height]
            self._compiled[height, width] = self.weights.compiled([1, height, width, 3], expected)
        return self._compiled[height, width]
