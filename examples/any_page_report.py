"""Tables of what `examples.any_page` found."""

import re

import pandas as pd
from rich.console import Console
from rich.table import Table

VERDICTS = ("right", "refused", "warned", "silent", "crashed")
REASON_LETTERS = 90
POOR_DB = 10.0
WIDTH = 130  # letters, wherever it is printed


def report(table: pd.DataFrame) -> None:
    """Print shares of verdicts and SNRs by layout and by kind of capture, the reasons of refusals, and wrong pages."""
    console = Console(width=WIDTH)
    for name, title in (("layout", "By layout"), ("kind", "By kind of capture")):
        console.print(_by(table, table[name].fillna(""), title))
    refused = table[table["verdict"] == "refused"]
    for reason, count in refused["reason"].map(plain).value_counts().items():
        console.print(f"{count:4d} refused: {reason}", highlight=False)
    wrong = table[table["verdict"].isin(["warned", "silent", "crashed"])]
    for row in wrong.sort_values(["verdict", "index"]).itertuples():
        scales = "" if row.scales_right else ", scales wrong"
        leads = "" if row.leads_right else ", leads wrong"
        console.print(f"{row.verdict}: page {row.index}, {row.kind}, {row.layout} read as {row.found}{leads}{scales}")
    right = table[table["verdict"] == "right"]
    poor = right[(right["snr_db"] < POOR_DB) & right["reason"].isna()]
    console.print(f"{len(poor)} of {len(right)} right pages are below {POOR_DB:g} dB without a warning")


def plain(reason: str) -> str:
    """A refusal's reason without its numbers and its end, so that alike ones count together."""
    return re.sub(r"\d+(\.\d+)?", "#", str(reason))[:REASON_LETTERS]


def _by(table: pd.DataFrame, group: pd.Series, title: str) -> Table:
    """Shares of verdicts and SNR of the right pages by `group`, and of all pages."""
    shown = Table("", "pages", *VERDICTS, "median dB", "10 % dB", "seconds", title=title)
    for name, part in [*table.groupby(group), ("all", table)]:
        share = part["verdict"].value_counts(normalize=True)
        right = part[part["verdict"] == "right"]["snr_db"]
        shown.add_row(
            str(name),
            str(len(part)),
            *(f"{share.get(verdict, 0):.1%}" for verdict in VERDICTS),
            f"{right.median():.1f}",
            f"{right.quantile(0.1):.1f}",
            f"{part['seconds'].median():.1f}",
        )
    return shown
