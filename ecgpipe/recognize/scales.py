"""Speed and gain of a page by its texts and its calibration pulses."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from ecgpipe.page.layout import SpeedTold
from ecgpipe.recognize.marks import PRINTED_GAINS
from ecgpipe.recognize.rows import Hypothesis

# None of these was swept.
SURE = 0.6  # probability of a text that is enough by itself
SEEN = 0.4  # probability of a text or a pulse that counts
PULSE_OFF = 0.08  # share of its height that a pulse may be off
USUAL_SPEED, USUAL_GAIN = 25.0, 10.0


@dataclass(frozen=True)
class PrintedScales:
    """What the page's texts say, each speed in mm/s and gain in mm/mV with the probability that it is printed; and how
    high in mm the network took pulses to be that it is sure of."""

    speeds: Mapping[float, float]
    gains: Mapping[float, float]
    pulses_mm: Sequence[float]

    def gain(self, heights_mm: Sequence[float]) -> tuple[float, list[str]]:
        """The page's gain in mm/mV by its pulses, which are `heights_mm` high, and by its texts; and what is doubtful
        about it."""
        said = [gain for gain, chance in self.gains.items() if chance > SEEN]
        heights_mm = heights_mm or self.pulses_mm
        agreeing = {gain: sum(abs(high / gain - 1) < PULSE_OFF for high in heights_mm) for gain in PRINTED_GAINS}
        drawn = max(agreeing, key=lambda gain: agreeing[gain])
        if agreeing[drawn] and 2 * agreeing[drawn] >= len(heights_mm):
            if said and drawn not in said:
                return drawn, [f"the pulses are {np.median(heights_mm):.1f} mm high, but {said[0]:g} mm/mV is printed"]
            several = [f"several gains are printed, {', '.join(f'{g:g}' for g in said)} mm/mV"] if len(said) > 1 else []
            return drawn, several
        if len(said) == 1 and self.gains[said[0]] > SURE:
            return said[0], []
        if said:
            value = max(said, key=lambda gain: self.gains[gain])
            return value, [f"the gain, {value:g} mm/mV, was told by a text that is hard to read"]
        return USUAL_GAIN, [f"no gain was found on the page, {USUAL_GAIN:g} mm/mV is assumed"]

    def speed(self, best: Hypothesis) -> tuple[float, SpeedTold]:
        """The paper's speed in mm/s, and what tells it.

        Four columns of 62.5 mm are 2.5 s each, as all machines print them; else it is as printed, or the usual one.
        """
        usual_mm = 2.5 * USUAL_SPEED
        if len(best.lefts_mm) == 4 and abs((best.lefts_mm[1] - best.lefts_mm[0]) / usual_mm - 1) < 0.1:
            return USUAL_SPEED, "columns"
        value = max(self.speeds, key=lambda speed: self.speeds[speed])
        return (value, "text") if self.speeds[value] > SEEN else (USUAL_SPEED, "nothing")
