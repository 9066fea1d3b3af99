"""How far a rectified page can be trusted, in plain figures that need no truth."""

from dataclasses import asdict, dataclass

import numpy as np

from ecgpipe.page.geometry import PageMap, lattice_mm
from ecgpipe.page.layout import BOX_MM, PageLayout
from ecgpipe.rectify.mesh import Lattice
from ecgpipe.rectify.refine import Settled

BAND_MM = 12.0  # above and below a baseline: the traced area


@dataclass(frozen=True)
class Quality:
    """`hidden_share` of the traced area shows no grid to go by, `cut_off_share` lies outside the picture, and on
    `slipped_share` lines may be others than those they were counted as: what was read there may be out of place.

    `misfit_mm` is the median distance of a printed line from where the map has it, `bend` how sharply the map bends,
    `certainty` by how much the page's furniture fits this place better than any other, `turns` the quarter turns
    counter-clockwise that bring the picture upright.
    """

    hidden_share: float
    cut_off_share: float
    slipped_share: float
    misfit_mm: float
    bend: float
    certainty: float
    turns: int

    @property
    def expected_error_mm(self) -> float:
        """What the median error of the map's points is likely to be; fitted on simulated pages."""
        return 4.9 * self.misfit_mm**1.29

    @property
    def unsure_share(self) -> float:
        """Share of the traced area where the map is not held by lines that were surely counted right."""
        return self.hidden_share + self.slipped_share

    def __str__(self) -> str:
        slipped = f", {self.slipped_share:.0%} may be a box out of place" if self.slipped_share else ""
        return (
            f"map good to {self.expected_error_mm:.2f} mm, "
            f"{self.hidden_share:.0%} hidden, {self.cut_off_share:.0%} cut off{slipped}"
        )

    def figures(self) -> dict[str, float]:
        """Everything above by name."""
        return {"expected_error_mm": self.expected_error_mm} | asdict(self)


def page_quality(settled: Settled, shape: tuple[int, ...], certainty: float, turns: int) -> Quality:
    """The quality of a settled page in a picture of `shape`."""
    lattice, misfit = settled.lattice, settled.misfit
    traced = _traced(lattice, settled.layout)
    held = ((lattice.nodes >= 0) & (lattice.nodes <= np.array(shape[1::-1]) - 1)).all(axis=-1)[traced]
    seen = (misfit.weight.min(axis=-1) > 0)[traced]
    off = np.abs(misfit.shift_mm[traced])
    return Quality(
        hidden_share=float(1 - seen[held].mean()) if held.any() else 1.0,
        cut_off_share=float(1 - held.mean()),
        slipped_share=float(settled.slipped[traced][held].mean()) if held.any() else 0.0,
        misfit_mm=float(np.median(off[seen])) if seen.any() else float("nan"),
        bend=_bend(lattice),
        certainty=certainty,
        turns=turns,
    )


def slipped_share(one: PageMap, other: PageMap, shape: tuple[int, ...], layout: PageLayout) -> float:
    """Share of the traced area in a picture of `shape` where two maps of a page are half a box or more apart."""
    points = lattice_mm(layout, BOX_MM)
    points = points[_is_traced(points, layout)]
    here, there = one.to_picture(points), other.to_picture(points)
    box_px = np.linalg.norm(one.to_picture(points + np.array([BOX_MM, 0.0])) - here, axis=-1)
    held = ((here >= 0) & (here <= np.array(shape[1::-1]) - 1)).all(axis=-1)
    apart = np.linalg.norm(there - here, axis=-1) > box_px / 2
    return float(apart[held].mean()) if held.any() else 0.0


def _traced(lattice: Lattice, layout: PageLayout) -> np.ndarray:
    """Which nodes (rows, cols) of a page lattice lie where a trace may run."""
    return _is_traced(lattice.points_mm + np.array([layout.grid.left_mm, layout.grid.top_mm]), layout)


def _is_traced(points_mm: np.ndarray, layout: PageLayout) -> np.ndarray:
    x, y = np.moveaxis(points_mm, -1, 0)
    near = np.abs(y[..., None] - np.array(layout.baselines_mm)).min(axis=-1) <= BAND_MM
    return near & (x >= layout.left_mm) & (x <= layout.right_mm)


def _bend(lattice: Lattice) -> float:
    """By how much, in steps of the lattice, a node lies off the middle of its neighbours: almost the most."""
    step = np.linalg.norm(np.diff(lattice.nodes, axis=1), axis=-1).mean()
    return max(
        float(np.quantile(np.linalg.norm(np.diff(lattice.nodes, 2, axis=axis), axis=-1), 0.999) / step)
        for axis in (0, 1)
    )
