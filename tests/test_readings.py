"""The ways to read that parameters name, and where their traces lie."""

from dataclasses import replace
from pathlib import Path

from ecgpipe.pipeline.readings import OWN, Reading, folders_of, readings
from ecgpipe.trace.ensemble import EnsembleReader
from ecgpipe.trace.weights import SHIPPED
from tests.candidates import READ

OTHER = "ecgpipe/weights/any.safetensors"


def test_by_default_there_is_one_way_and_its_traces_lie_where_they_always_did():
    assert readings(READ) == (Reading(),)
    assert folders_of(readings(READ), Path("oof")) == {Reading(): Path("oof")}


def test_what_is_tried_is_read_in_every_combination_each_in_a_folder_of_its_own():
    ways = readings(replace(READ, try_weights=(OTHER,), try_flips=("none", "both")))
    both = (OWN, OTHER)
    assert ways == (Reading(), Reading(flips="both"), Reading(both), Reading(both, "both"))
    assert len(set(folders_of(ways, Path("oof")).values())) == 4


def test_out_of_fold_the_weights_of_the_fold_stand_for_those_that_were_trained():
    one = Reading(flips="both").load(SHIPPED)
    assert one.flips == "both"
    several = Reading((OWN, str(SHIPPED))).load(SHIPPED)
    assert isinstance(several, EnsembleReader) and len(several.readers) == 2
