"""What made a kept result: a hash of code and libraries, so that it is made anew when either changes."""

import hashlib
from functools import cache
from importlib.metadata import version
from pathlib import Path

import ecgpipe


@cache
def code_hash(patterns: tuple[str, ...], libraries: tuple[str, ...]) -> str:
    """A hash of the package's files that match `patterns`, weights among them, and of the libraries' versions."""
    digest = hashlib.sha256(" ".join(f"{name} {version(name)}" for name in libraries).encode())
    root = Path(ecgpipe.__file__).parent
    for path in sorted(path for pattern in patterns for path in root.glob(pattern)):
        digest.update(path.read_bytes())
    return digest.hexdigest()
