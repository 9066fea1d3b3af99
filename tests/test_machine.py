"""Where a training computes: precision by what the hardware can do, and one line where it is not there."""

from dataclasses import replace

import pytest
import torch

from ecgpipe.base.errors import ParamsError
from ecgpipe.training.machine import cpu_flags, device_name, device_type, resolved_precision, trainer_on

ZEN_3, ZEN_4 = {"avx2", "fma"}, {"avx2", "avx512f", "avx512_bf16"}


@pytest.mark.parametrize(
    ("flags", "expected"),
    [
        (ZEN_3, "32-true"),
        ({"avx512f", "avx512bw"}, "32-true"),  # Skylake: AVX-512, but no bfloat16
        (ZEN_4, "bf16-mixed"),
        ({"amx_bf16", "amx_tile"}, "bf16-mixed"),
        (set(), "32-true"),  # a system that does not say
    ],
)
def test_auto_takes_bfloat16_only_where_the_cpu_computes_in_it(flags, expected):
    assert resolved_precision("auto", "cpu", flags) == expected


@pytest.mark.parametrize("precision", ["bf16-mixed", "16-mixed", "32-true"])
def test_what_is_asked_for_is_taken_whatever_the_hardware(precision):
    assert resolved_precision(precision, "cpu", ZEN_3) == resolved_precision(precision, "cpu", ZEN_4) == precision


@pytest.mark.parametrize(("native", "expected"), [(True, "bf16-mixed"), (False, "16-mixed")])
def test_a_gpu_that_would_imitate_bfloat16_takes_float16(monkeypatch, native, expected):
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda including_emulation=True: including_emulation or native)
    assert resolved_precision("auto", "cuda") == expected
    assert resolved_precision("auto", "mps", ZEN_4) == "32-true"


def test_flags_are_those_of_the_first_cpu(tmp_path):
    path = tmp_path / "cpuinfo"
    path.write_text("processor\t: 0\nflags\t\t: fpu avx2\n\nprocessor\t: 1\nflags\t\t: fpu\n")
    assert cpu_flags(path) == {"fpu", "avx2"}
    assert cpu_flags(tmp_path / "none") == set()


def test_a_trainer_computes_as_the_parameters_say(params):
    trainer = trainer_on(replace(params.train, accelerator="cpu", precision="32-true"), logger=False)
    assert trainer.precision == "32-true" and trainer.strategy.root_device == torch.device("cpu")
    assert device_name(trainer.strategy.root_device).endswith(" threads")
    assert device_type("cpu") == "cpu"


@pytest.mark.parametrize("change", [{"accelerator": "cuda"}, {"accelerator": "cpu", "devices": 0}])
def test_hardware_that_is_not_there_is_one_line(params, change):
    if change["accelerator"] == "cuda" and torch.cuda.is_available():
        pytest.skip("it is there")
    with pytest.raises(ParamsError, match="accelerator") as error:
        trainer_on(replace(params.train, **change), logger=False)
    assert "\n" not in str(error.value)
