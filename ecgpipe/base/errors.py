"""Errors that a user can act on. Command line and stages print their message in one line, without a traceback."""


class EcgpipeError(Exception):
    """Base of all expected failures: says what was found, what was expected and what to do."""


class PictureError(EcgpipeError):
    """A picture file that cannot be decoded or is refused before decoding."""


class PageNotFound(EcgpipeError):
    """A picture in which no ECG page was recognised; the message carries the reason."""


class DataError(EcgpipeError):
    """A table, record or folder that does not have the competition's form."""


class ParamsError(EcgpipeError):
    """A parameter that is unknown, missing, of the wrong type or out of range; names its YAML path."""


class KaggleError(EcgpipeError):
    """Kaggle refused, failed or is not set up; `status` is the HTTP status, None where there was none."""

    def __init__(self, message: str, status: int | None = None) -> None:
        super().__init__(message)
        self.status = status


def row_name(row: int) -> str:
    """A table's row in a message: rows count from 0 like samples; the file's line, header included, is what an editor
    shows."""
    return f"row {row} (line {row + 2})"
