"""What goes wrong with a picture or a command takes one line on stderr."""

import sys


def complain(error: Exception | str, where: str = "") -> str:
    """Print one line on stderr that names `where` once; returns what is wrong."""
    text = str(error)
    print("ecgpipe: " + (text if where in text else f"{where}: {text}"), file=sys.stderr, flush=True)
    return text


def unexpected(error: Exception) -> str:
    """What a surprise of some library says, on one line."""
    return f"unexpected {type(error).__name__}: {' '.join(str(error).split())}"
