"""How accurate readings are, by kind, lead and page, what each choice is worth, and how honest sigma is.

python -m examples.accuracy [--pages 12] [--real PICTURES ...] --output docs/accuracy.md

Reads simulated pages that nothing was trained, tuned or calibrated on, and with --real pictures of the kit's page,
files and folders of them, that have their truth beside them as NAME.csv. Writes the page and its figure (`--output`
with suffix .jpg), prints the README's table. What was read is kept in scratch/accuracy, so a run that was stopped goes
on.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

from rich.progress import track

from ecgpipe.competition.dataset import KINDS
from ecgpipe.rectify.leaves import PICTURE_SUFFIXES
from examples import accuracy_report
from examples.accuracy_pages import Job, read_pages

WORK = Path("scratch/accuracy")


def real_jobs(given: Sequence[Path]) -> list[Job]:
    """The pictures of `given`, files and folders, that have their truth beside them: each folder's are a set."""
    paths = [path for one in given for path in (sorted(one.iterdir()) if one.is_dir() else [one])]
    pictures = [path for path in paths if path.suffix.lower() in PICTURE_SUFFIXES]
    return [Job(path.parent.name, 0, path) for path in pictures if path.with_suffix(".csv").is_file()]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pages", type=int, default=12, help="simulated pages of each kind")
    parser.add_argument("--real", type=Path, nargs="+", default=[], help="real pictures with their truth, or folders")
    parser.add_argument("--output", type=Path, required=True, help="Markdown file to write")
    args = parser.parse_args()
    jobs = [Job(kind, index) for index in range(args.pages) for kind in KINDS]
    if missing := [str(path) for path in args.real if not path.exists()]:
        parser.error(f"--real: there is no {', '.join(missing)}")
    jobs += real_jobs(args.real)
    pages = list(track(read_pages(jobs, WORK), "pages", total=len(jobs)))
    simulated = [page for page in pages if page.job.path is None]
    real = [page for page in pages if page.job.path is not None]
    accuracy_report.write(args.output, simulated, real)
    print(accuracy_report.readme_table(simulated, real))


if __name__ == "__main__":
    main()
