"""`ecgpipe score`: a folder of digitised CSVs against one of true signals."""

import argparse
from pathlib import Path
from typing import Any

from ecgpipe.commands.options import positive


def add_command(commands: Any) -> None:
    """Add the parser of `score` to the subparsers `commands`."""
    score = commands.add_parser("score", help="compare digitised CSVs with the truth")
    score.add_argument("predictions", type=Path, metavar="PREDICTIONS_DIR", help="output of `ecgpipe digitize`")
    score.add_argument("truth", type=Path, metavar="TRUTH_DIR", help="true signals under the same file names")
    score.add_argument(
        "--stretches",
        action="store_true",
        help="compare each lead's stretch from its own first sample on, wherever it stands in time: for pages whose "
        "columns begin elsewhere, or of other lengths, than the truth has them",
    )
    score.add_argument(
        "--fs", type=positive, metavar="HZ", help="rate of all files (default: of a column time_s, else that of 10 s)"
    )
    score.add_argument("--cap", type=float, default=1e6, help="of a page's linear SNR (default 1e6; 384 at launch)")
    score.set_defaults(run=_score)


def _score(options: argparse.Namespace) -> int:
    from ecgpipe.score.compare import folder_pairs, page_score
    from ecgpipe.score.metrics import competition_score

    pairs = folder_pairs(options.predictions, options.truth, options.fs, stretches=options.stretches)
    pages = [page_score(pair) for pair in pairs]
    width = max(len("page"), *(len(page.id) for page in pages))
    print(f"{options.predictions} against {options.truth}")
    print(f"{'page':<{width}}  SNR dB  MAE mV  correlation  missing")
    for page in pages:
        print(
            f"{page.id:<{width}}  {page.snr_db:6.2f}  {page.mae_mv:6.4f}  {page.correlation:11.4f}"
            f"  {page.missing_share:7.1%}"
        )
    score_db = competition_score([page.snr for page in pages], options.cap)
    print(f"score of {len(pages)} pages, cap {options.cap:g}: {score_db:.2f} dB")
    return 0
