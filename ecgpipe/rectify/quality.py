"""How far a rectified page can be trusted, in plain figures that need no truth."""

from dataclasses import asdict, dataclass

import numpy as np

from ecgpipe.page.geometry import PageMap, lattice_mm
from ecgpipe.page.layout import BOX_MM, PageLayout
from ecgpipe.rectify.mesh import GridMesh
from ecgpipe.rectify.refine import RefinedPage

BAND_MM = 12.0  # above and below a baseline: the traced area; not swept
BEND_QUANTILE = 0.999  # of the bends at all nodes: almost the largest; not swept


def expected_error_mm(misfit_mm: float) -> float:
    """The median error in mm to expect of a map's points, from the median residual of its lines.

    A power law fitted on 87 simulated pages. On 1,000 others, the table of docs/rectification.md, the true median error
    was 0.84 times that, within a factor of 2.2 (one standard deviation).
    """
    return 4.9 * misfit_mm**1.29


@dataclass(frozen=True)
class Quality:
    """What is known of a map without the truth; shares are of the traced area.

    `hidden_share` shows no grid, `cut_off_share` lies outside the picture, and on `slipped_share` boxes may have been
    miscounted, so that what is read there may be out of place. `misfit_mm` is the median residual of the lines, their
    distance from where the map has them. `bend` is how sharply the map bends, in boxes. `certainty` is the margin of
    the page's placement over the next best. `turns` counter-clockwise quarter turns bring the picture upright.
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
        """What the median error of the map's points is likely to be."""
        return expected_error_mm(self.misfit_mm)

    @property
    def doubtful_share(self) -> float:
        """Share of the traced area where no line was seen or its count is in doubt."""
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


def page_quality(refined: RefinedPage, shape: tuple[int, ...], certainty: float, turns: int) -> Quality:
    """The quality of a refined page in a picture of `shape`."""
    mesh, residuals = refined.mesh, refined.residuals
    traced = _traced(mesh, refined.layout)
    pictured = np.all((mesh.nodes >= 0) & (mesh.nodes <= np.array(shape[1::-1]) - 1), axis=-1)[traced]
    seen = (residuals.weight.min(axis=-1) > 0)[traced]
    off = np.abs(residuals.offset_mm[traced])
    return Quality(
        hidden_share=float(1 - seen[pictured].mean()) if pictured.any() else 1.0,
        cut_off_share=float(1 - pictured.mean()),
        slipped_share=float(refined.slipped[traced][pictured].mean()) if pictured.any() else 0.0,
        misfit_mm=float(np.median(off[seen])) if seen.any() else float("nan"),
        bend=_bend(mesh),
        certainty=certainty,
        turns=turns,
    )


def disagreement_share(one: PageMap, other: PageMap, shape: tuple[int, ...], layout: PageLayout) -> float:
    """Share of the traced area in a picture of `shape` where two maps of a page are half a box or more apart."""
    points = lattice_mm(layout, BOX_MM)
    points = points[_is_traced(points, layout)]
    here, there = one.to_picture(points), other.to_picture(points)
    box_px = np.linalg.norm(one.to_picture(points + np.array([BOX_MM, 0.0])) - here, axis=-1)
    pictured = np.all((here >= 0) & (here <= np.array(shape[1::-1]) - 1), axis=-1)
    apart = np.linalg.norm(there - here, axis=-1) > box_px / 2
    return float(apart[pictured].mean()) if pictured.any() else 0.0


def _traced(mesh: GridMesh, layout: PageLayout) -> np.ndarray:
    """Which nodes (rows, cols) of a page mesh lie where a trace may run."""
    return _is_traced(mesh.points_mm + np.array([layout.grid.left_mm, layout.grid.top_mm]), layout)


def _is_traced(points_mm: np.ndarray, layout: PageLayout) -> np.ndarray:
    x, y = np.moveaxis(points_mm, -1, 0)
    if not layout.windows:
        return np.ones(x.shape, bool)
    near = np.abs(y[..., None] - np.array(layout.baselines_mm)).min(axis=-1) <= BAND_MM
    return near & (x >= layout.left_mm) & (x <= layout.right_mm)


def _bend(mesh: GridMesh) -> float:
    """Nearly the largest second difference of neighbouring nodes, in boxes."""
    step = np.linalg.norm(np.diff(mesh.nodes, axis=1), axis=-1).mean()
    bends = (np.linalg.norm(np.diff(mesh.nodes, 2, axis=axis), axis=-1) for axis in (0, 1))
    return max(float(np.quantile(bend, BEND_QUANTILE) / step) for bend in bends)
