"""The network of a sheet's marks learns, its training goes on where it stopped, and its weights can be run."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from ecgpipe.base.networks import SavedNetwork
from ecgpipe.params import load_dataclass
from ecgpipe.recognize.marks import CHANNELS, MEASURES, PULSE, marks_of
from ecgpipe.trace.strips import PAPER
from ecgpipe.training.architectures import to_input
from ecgpipe.training.marks import MarksNet, marks_loss
from pretrain import marks
from pretrain.canvases import BUMP, REACH
from pretrain.pages import Signals
from pretrain.run import running_mean
from pretrain.trace import Pretrain
from tests.conftest import REPOSITORY

SIDE_PX, CELLS = 128, 32
MAPS = len(CHANNELS) + len(MEASURES)


def one_mark(channel: str = PULSE, row: int = 12, col: int = 20) -> tuple[torch.Tensor, ...]:
    """A canvas (1, H, W, 3) uint8 with a square of ink, its heat and its measures."""
    image = np.full((1, SIDE_PX, SIDE_PX, 3), PAPER, np.uint8)
    image[0, 4 * row : 4 * row + 4, 4 * col : 4 * col + 4] = 0
    heat = np.zeros((1, len(CHANNELS), CELLS, CELLS), np.float16)
    near = slice(row - REACH, row + REACH + 1), slice(col - REACH, col + REACH + 1)
    heat[0, CHANNELS.index(channel), *near] = BUMP
    measures = np.full((1, len(MEASURES), CELLS, CELLS), np.nan, np.float16)
    for name, value in {"pulse_x": 0.25, "pulse_y": -0.25, "pulse_high": 1.0, "pulse_wide": 1.0}.items():
        measures[0, MEASURES.index(name), row, col] = value
    return torch.from_numpy(image), torch.from_numpy(heat).float(), torch.from_numpy(measures).float()


def maps_of(heat: torch.Tensor, measures: torch.Tensor, sure: float = 8.0) -> torch.Tensor:
    """The maps of a network that is sure and right."""
    return torch.cat([torch.where(heat > 0.99, sure, -sure), torch.nan_to_num(measures)], dim=1)


# ---- network and loss


def test_maps_are_a_quarter_of_the_canvas_and_say_at_first_that_marks_are_rare():
    torch.manual_seed(0)
    maps = MarksNet().eval()(torch.rand(1, 3, SIDE_PX, 2 * SIDE_PX)).detach()
    assert maps.shape == (1, MAPS, CELLS, 2 * CELLS)
    assert float(torch.sigmoid(maps[:, : len(CHANNELS)]).median()) == pytest.approx(0.01, abs=0.001)


def test_right_maps_cost_less_than_blank_ones_and_these_less_than_a_mark_elsewhere():
    _, heat, measures = one_mark()
    blank = torch.full((1, MAPS, CELLS, CELLS), -8.0)
    right = maps_of(heat, measures)
    elsewhere = right.roll(10, dims=3)
    costs = [float(marks_loss(maps, heat, measures)[0]) for maps in (right, blank, elsewhere)]
    assert costs[0] < 1e-3 < costs[1] < costs[2]


def test_a_mark_in_the_next_cell_costs_less_than_one_far_away():
    _, heat, measures = one_mark()
    blank = torch.full((1, MAPS, CELLS, CELLS), -8.0)
    near, far = blank.clone(), blank.clone()
    near[0, CHANNELS.index(PULSE), 12, 21] = far[0, CHANNELS.index(PULSE), 12, 29] = 4.0
    assert marks_loss(near, heat, measures)[0] < marks_loss(far, heat, measures)[0]


def test_measures_count_only_where_they_are_known():
    _, heat, measures = one_mark()
    maps = maps_of(heat, measures)
    anything = torch.where(torch.isnan(measures), 100.0, torch.nan_to_num(measures) + 0.5)
    changed = torch.cat([maps[:, : len(CHANNELS)], anything], dim=1)
    assert float(marks_loss(maps, heat, measures)[1]) == 0
    assert float(marks_loss(changed, heat, measures)[1]) == pytest.approx(0.5)


def test_a_canvas_without_marks_has_a_loss():
    nothing = torch.zeros(1, len(CHANNELS), CELLS, CELLS), torch.full((1, len(MEASURES), CELLS, CELLS), torch.nan)
    parts = marks_loss(torch.zeros(1, MAPS, CELLS, CELLS), *nothing)
    assert float(parts[0]) > 0 and float(parts[1]) == 0


def test_the_network_learns_one_canvas():
    torch.manual_seed(0)
    network, (image, heat, measures) = MarksNet().train(), one_mark()
    half = SIDE_PX // 2  # the mark lies in the upper one
    image, heat, measures = image[:, :half], heat[..., : half // 4, :], measures[..., : half // 4, :]
    optimizer = torch.optim.AdamW(network.parameters(), lr=2e-3)
    losses = []
    for _ in range(25):
        loss = sum(marks_loss(network(to_input(image)), heat, measures))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(float(loss.detach()))
    assert losses[-1] < 0.06 * losses[0]  # 0.04
    maps = network(to_input(image))[0].detach().numpy()
    (likeliest, *_) = marks_of(maps[: len(CHANNELS)], maps[len(CHANNELS) :]).of(PULSE)
    assert (likeliest.x_mm, likeliest.y_mm) == pytest.approx((20.75, 12.25), abs=0.5)  # 0.08 to 0.27 off


# ---- the long training


@pytest.fixture
def config(monkeypatch) -> Pretrain:
    """A training of a few steps on canvases with one mark."""
    image, heat, measures = one_mark()

    class OneMark(torch.utils.data.IterableDataset):
        def __init__(self, sheets: object, *, batch_size: int, **_: object):
            self.batch_size = batch_size

        def __iter__(self):
            while True:
                yield tuple(part.repeat(self.batch_size, 1, 1, 1) for part in (image, heat.half(), measures.half()))

    monkeypatch.setattr(marks, "CanvasStream", OneMark)
    canvas = marks.Canvas(image[0].numpy(), heat[0].half().numpy())
    monkeypatch.setattr(marks, "held_out_canvases", lambda *_: [canvas])
    config = load_dataclass(Pretrain, REPOSITORY / "pretrain" / "params.yaml")
    tiny = {"max_steps": 2, "batch_size": 1, "accelerator": "cpu", "precision": "32-true"}
    return replace(config, marks=replace(config.marks, **tiny))


def test_a_stopped_training_goes_on_from_its_checkpoint_and_its_weights_can_be_run(config, tmp_path):
    assert marks.train(config, Signals(), tmp_path).global_step == 2
    longer = replace(config, marks=replace(config.marks, max_steps=4))
    assert marks.train(longer, Signals(), tmp_path).global_step == 4
    assert (tmp_path / "from_step_2").is_dir()
    path = tmp_path / "out" / "marks.safetensors"
    marks.export(longer, tmp_path, path)
    saved = SavedNetwork.load(path)
    assert (saved.card["steps"], saved.card["canvases"]) == (4, 4)
    assert {value.dtype for value in saved.tensors().values()} == {np.dtype(np.float16)}
    canvas = np.full((1, SIDE_PX, 2 * SIDE_PX, 3), PAPER, np.uint8)
    maps = saved.compiled(canvas.shape, [1, MAPS, CELLS, 2 * CELLS])(canvas)[0]
    assert np.isfinite(maps).all()


# ---- averaged weights


@pytest.mark.parametrize(("steps", "most"), [(10, 2e-5), (100, 1e-12)])
def test_a_running_mean_forgets_what_it_began_with(steps, most):
    average, mean = running_mean(0.999), torch.tensor(1.0, dtype=torch.float64)
    for count in range(steps):
        mean = average(mean, torch.tensor(0.0, dtype=torch.float64), torch.tensor(count))
    assert 0 < float(mean) < most


def test_a_running_mean_is_at_last_as_slow_as_it_was_asked_to_be():
    average = running_mean(0.9)
    assert float(average(torch.tensor(1.0), torch.tensor(0.0), torch.tensor(10_000))) == pytest.approx(0.9)


def test_what_counts_steps_is_taken_as_it_is():
    now = torch.tensor(7)
    assert running_mean(0.9)(torch.tensor(3), now, torch.tensor(5)) is now
