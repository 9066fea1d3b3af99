"""Make `.dvc/plots/page.html`, the page that `dvc plots show` and `dvc plots diff` fill: complete without a network.

DVC's own page fetches Vega, which draws the tables among the plots, from a server. This one holds the same three
versions. `python -m examples.plots_page` packs them with npm, and stops if one is not what it was when it was chosen.
"""

import subprocess
import sys
import tarfile
import tempfile
from base64 import b64encode
from hashlib import sha512
from pathlib import Path

PAGE = Path(".dvc/plots/page.html")
# name, the version that dvc-render 1.0.2 asks for, and its integrity as npm gives it (SHA-512)
SCRIPTS = (
    ("vega", "5.20.2", "qmH7aD9GGPpssVdxL1xgcdxTbQzyRUeRR16Os385ymvQhiwCYQNA6+eXUPAZDTVLfk0RXu6Jzj6kUE5jQ80EVw=="),
    ("vega-lite", "5.2.0", "Yxcg8MvYfxHcG6BbkaKT0oVCIMIcE19UvqIsEwBmyd/7h2nzW7oRnID81T8UrY7hpDrIr6wa2JADOT2dhGNErw=="),
    (
        "vega-embed",
        "6.18.2",
        "wcDyQPE4J5aiCDc3/suH5RQDvrKkjuLkhzUcbOLwEkNF8/+pp17tS0JghzEvAPNRg+5aG1/N2ydixq8Lk3dOlg==",
    ),
)
HEAD = """<!DOCTYPE html>
<html lang="en">
<head>
<!-- made by `python -m examples.plots_page` -->
<meta charset="utf-8">
{refresh_tag}
<title>ecgpipe: plots</title>
<style>
body { font-family: sans-serif; margin: 1rem; }
img { max-width: 100%; }
</style>
"""
FOOT = """</head>
<body>
{plot_divs}
</body>
</html>
"""


def packed(name: str, version: str, integrity: str, folder: Path) -> str:
    """The script of an npm package under its licence; exits if the package is another one."""
    command = ["npm", "pack", "--silent", f"{name}@{version}"]
    archive = folder / subprocess.run(command, cwd=folder, check=True, capture_output=True, text=True).stdout.strip()
    found = b64encode(sha512(archive.read_bytes()).digest()).decode()
    if found != integrity:
        sys.exit(f"{name} {version}: found SHA-512 {found}, expected {integrity}")
    with tarfile.open(archive) as files:
        licence, script = (
            files.extractfile(f"package/{file}").read().decode().strip()  # type: ignore[union-attr]  # both are files
            for file in ("LICENSE", f"build/{name}.min.js")
        )
    script = script.rpartition("\n//# sourceMappingURL=")[0]  # there is no map beside the page
    return f"<!-- {name} {version}\n\n{licence}\n-->\n<script>\n{script}\n</script>\n"


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        scripts = [packed(*script, Path(folder)) for script in SCRIPTS]
    PAGE.write_text("".join((HEAD, *scripts, FOOT)), encoding="utf-8")


if __name__ == "__main__":
    main()
