"""The U-Net of `trace.models` as it reads: built from weights on disk for OpenVINO, without a training library.

It computes in the precision that this machine is quickest in (bfloat16 where it has instructions for that, else
float32), in as many threads as OMP_NUM_THREADS says.
"""

import os
from collections.abc import Mapping

import numpy as np
import openvino as ov
from openvino import opset13 as op

from ecgpipe.base.errors import DataError
from ecgpipe.trace.strips import PAPER
from ecgpipe.trace.weights import Weights

BLOCK = 2  # pixels enter in 2x2 blocks, and logits leave in such
EPSILON = 1e-5  # of the batch norms

Tensors = Mapping[str, np.ndarray]


class Network:
    """One network ready to read strips of one size. DataError if the weights are none of such a network."""

    def __init__(self, weights: Weights):
        try:
            graph = _graph(weights)
        except (KeyError, RuntimeError, ValueError) as error:
            reason = str(error).strip().splitlines()[0]
            raise DataError(
                f"{weights.path}: weights do not fit a reader ({reason}); restore the file with its card"
            ) from error
        config = {"PERFORMANCE_HINT": "LATENCY"}
        if (threads := os.environ.get("OMP_NUM_THREADS", "")).isdigit():
            config["INFERENCE_NUM_THREADS"] = threads
        self._compiled = ov.Core().compile_model(graph, "CPU", config)

    def __call__(self, strip: np.ndarray) -> np.ndarray:
        """Logits (T, H) float32 of a strip (H, W, 3) uint8: a distribution over heights for each of T samples."""
        return self._compiled(strip[None])[0][0]


def _graph(weights: Weights) -> ov.Model:
    """Strip (1, H, W, 3) uint8 -> logits (1, T, H); see `models.TraceNet`."""
    tensors, spec = weights.tensors, weights.spec
    strip = op.parameter([1, spec.height, spec.width, 3], np.uint8)
    light = op.convert(op.transpose(strip, [0, 3, 1, 2]), "f32")
    blocks = op.space_to_depth(op.subtract(op.divide(light, _f32(255.0)), _f32(PAPER / 255)), "depth_first", BLOCK)
    height, width = spec.height // BLOCK, spec.width // BLOCK
    distance = np.broadcast_to(np.linspace(-1, 1, height, dtype=np.float32)[:, None], (1, 1, height, width))
    x = op.concat([blocks, _f32(distance)], 1)
    for block in (0, 1):
        x = _conv_block(x, tensors, f"stem.{block}")
    levels = len({name.split(".")[1] for name in tensors if name.startswith("down.")})
    skips = []
    for level in range(levels):
        skips.append(x)
        x = _conv_block(x, tensors, f"down.{level}.0", stride=2)
        x = _conv_block(x, tensors, f"down.{level}.1")
    for level in reversed(range(levels)):
        x = _convolved(x, tensors[f"lateral.{level}.weight"], tensors[f"lateral.{level}.bias"])
        x = op.add(_twice(x), skips.pop())
        x = _conv_block(x, tensors, f"up.{level}")
    x = op.depth_to_space(_convolved(x, tensors["head.weight"], tensors["head.bias"]), "depth_first", BLOCK)
    logits = op.reshape(op.transpose(x, [0, 3, 1, 2]), [1, spec.width * spec.samples_per_px, spec.height], False)
    return ov.Model([op.convert(logits, "f32")], [strip])


def _conv_block(x: ov.Node, tensors: Tensors, name: str, stride: int = 1) -> ov.Node:
    """Convolution, batch norm folded into it, ReLU."""
    gain, bias, mean, variance = (
        tensors[f"{name}.1.{part}"] for part in ("weight", "bias", "running_mean", "running_var")
    )
    gain = gain / np.sqrt(variance + EPSILON)
    kernel = tensors[f"{name}.0.weight"] * gain[:, None, None, None]
    return op.relu(_convolved(x, kernel, bias - mean * gain, stride))


def _convolved(x: ov.Node, kernel: np.ndarray, bias: np.ndarray, stride: int = 1) -> ov.Node:
    pad = [kernel.shape[-1] // 2] * 2
    return op.add(op.convolution(x, _f32(kernel), [stride] * 2, pad, pad, [1, 1]), _f32(bias[None, :, None, None]))


def _twice(x: ov.Node) -> ov.Node:
    """Each pixel as a block of two by two."""
    return op.interpolate(
        x,
        _f32([2.0, 2.0]),
        "nearest",
        "scales",
        axes=[2, 3],
        coordinate_transformation_mode="asymmetric",
        nearest_mode="floor",
    )


def _f32(values: object) -> ov.Node:
    return op.constant(np.asarray(values, np.float32))
