"""A file of records, of which a kill costs the last at most, and that only while it is written."""

import os
import struct
import zlib
from collections.abc import Iterator
from pathlib import Path

HEAD = struct.Struct("<II")  # length and CRC-32 of what follows


class Journal:
    """Records of bytes in the file `path`, of which there are `count`; what a kill left of a last one is cut off."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file = path.open("ab+", buffering=0)
        self.count, end = 0, 0
        for record in self:
            self.count, end = self.count + 1, end + HEAD.size + len(record)
        self._file.truncate(end)

    def __iter__(self) -> Iterator[bytes]:
        """The records in the order in which they came; nothing may be appended meanwhile."""
        self._file.seek(0)
        while len(head := self._file.read(HEAD.size)) == HEAD.size:
            length, checksum = HEAD.unpack(head)
            if length > os.fstat(self._file.fileno()).st_size:
                return
            record = self._file.read(length)
            if len(record) < length or zlib.crc32(record) != checksum:
                return
            yield record

    def append(self, record: bytes) -> None:
        """Write a record at once, so that it outlives this process."""
        data = memoryview(HEAD.pack(len(record), zlib.crc32(record)) + record)
        while data:  # a full disk may take a part of it
            data = data[self._file.write(data) :]
        self.count += 1

    def clear(self) -> None:
        """Forget all records."""
        self._file.truncate(0)
        self.count = 0

    def close(self) -> None:
        self._file.close()
