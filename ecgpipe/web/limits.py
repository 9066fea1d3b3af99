"""How much the web page takes, and for how long."""

from dataclasses import dataclass

MB = 1_000_000


@dataclass(frozen=True)
class Limits:
    """Limits of a file, of a session and of all sessions; seconds are wall time."""

    upload_mb: float = 50.0
    pages: int = 20  # of a file that are read
    uploads: int = 50  # of a session
    sessions: int = 32
    store_mb: float = 2000.0  # of all files that lie in sessions at one time
    idle_s: float = 1800.0  # after which a session without a request ends
    left_s: float = 60.0  # the same, once its tab was closed: a tab that is loaded anew comes back sooner
    page_s: float = 120.0  # to read a page
    upload_s: float = 600.0  # to send a file
    stall_s: float = 20.0  # between two parts of it
    request_bytes: int = 500_000  # of any request but an upload
    connections: int = 200

    @property
    def upload_bytes(self) -> int:
        return round(self.upload_mb * MB)
