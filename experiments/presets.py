"""The presets that there are: `python -m experiments.presets`.

Each is a file of the folder presets/, named by a word that may stand for its block: `dvc exp run -S loss=smooth`.
"""

from itertools import takewhile
from pathlib import Path

from ecgpipe.params import PRESETS, presets


def purpose(path: Path) -> str:
    """The sentence that a preset begins with: when to use it."""
    lines = path.read_text(encoding="utf-8").splitlines()
    return " ".join(line.removeprefix("#").strip() for line in takewhile(lambda line: line.startswith("#"), lines))


def main() -> None:
    for block in sorted(path.name for path in PRESETS.iterdir()):
        for word, path in presets(block).items():
            print(f"{block}={word:16} {purpose(path)}")


if __name__ == "__main__":
    main()
