"""The thresholds by which a page is judged against its truth."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Criteria:
    """Correlations are Pearson's, of segments of 2.5 s at their best or their common shift.

    Names in quotes are sections of docs/log.md. As a whole the values were checked on 1,800 clean simulated pages, with
    no false alarm and 19 unreadable ("Strokes"), and on 60 planted faults of 39 kinds, all of them named rightly
    ("Pictures against their truth, more of them"). 108 clean pages correlated by 0.965 or more ("Pictures against their
    truth"). Of values without a section no comparison with others is recorded.
    """

    # ---- correlations
    same: float = 0.7  # median from which page and truth belong together
    clear: float = 0.95  # of a segment, from which its shift, gain and offset are measured
    doubtful: float = 0.97  # median below which a slightly wrong rate is looked for
    undone: float = 0.9  # median that undoing a fault must reach
    absent: float = 0.5  # below which a lead is not its truth
    same_truth: float = 0.98  # from which the truths of two records are one

    # ---- ratios of differences
    # By so many times the difference must shrink when a fault of one lead is undone. Without that 5 of 108 clean pages
    # had a scaled lead, with 4 none ("Pictures against their truth").
    better: float = 4.0
    # A truth that is said to be shown as another lead must be so many times nearer to it than that lead's own truth is:
    # without this 3 of 90 clean pages had a copied lead ("Pictures against their truth, more of them").
    foreign: float = 2.0

    # ---- signals
    limb_residual: float = 0.1  # share of power that breaks the limb-lead laws, below which a reading is surely right
    noticed_mv2: float = 0.02**2  # mean squared difference of a lead below which there is nothing to explain
    one_truth_mv: float = 0.001  # two leads' truths that differ by less everywhere are one

    # ---- limits of a page
    # Limits of gain and level grow by 1 + this times the hidden share: a page without a third of its grid may be off by
    # twice as much ("Pictures against their truth, with the page's own doubts").
    widened_by_hidden: float = 3.0
    # Gain and level of one lead alone are so many times less certain than those of all.
    single_lead: float = 2.0


CRITERIA = Criteria()
