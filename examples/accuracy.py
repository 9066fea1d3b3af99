"""How accurate readings are, by kind, lead and page, what each choice is worth, and how honest sigma is.

python -m examples.accuracy [--pages 4] [--real DIR] --output docs/accuracy.md

Reads simulated pages that nothing was trained, tuned or calibrated on, and with --real the pictures in DIR, or in each
folder in it, that have their truth beside them as NAME.csv. Writes the page and its figure (`--output` with suffix
.jpg), prints the README's table. What was read is kept in scratch/accuracy, so a run that was stopped goes on.
"""

import argparse
from pathlib import Path

from rich.progress import track

from ecgpipe.competition.dataset import KINDS
from ecgpipe.rectify.leaves import PICTURE_SUFFIXES
from examples import accuracy_report
from examples.accuracy_pages import Job, read_pages

WORK = Path("scratch/accuracy")


def real_jobs(folder: Path) -> list[Job]:
    """The pictures of `folder`, or of each folder in it, that have their truth beside them."""
    folders = [folder, *sorted(entry for entry in folder.iterdir() if entry.is_dir())]
    paths = [path for place in folders for path in sorted(place.iterdir()) if path.suffix.lower() in PICTURE_SUFFIXES]
    return [Job(path.parent.name, 0, path) for path in paths if path.with_suffix(".csv").is_file()]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pages", type=int, default=4, help="simulated pages of each kind")
    parser.add_argument("--real", type=Path, help="folder of real pictures with their truth")
    parser.add_argument("--output", type=Path, required=True, help="Markdown file to write")
    args = parser.parse_args()
    jobs = [Job(kind, index) for index in range(args.pages) for kind in KINDS]
    jobs += real_jobs(args.real) if args.real else []
    pages = list(track(read_pages(jobs, WORK), "pages", total=len(jobs)))
    simulated = [page for page in pages if page.job.path is None]
    real = [page for page in pages if page.job.path is not None]
    accuracy_report.write(args.output, simulated, real)
    print(accuracy_report.readme_table(simulated, real))


if __name__ == "__main__":
    main()
