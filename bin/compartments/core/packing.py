"""Files that are packed, told from their first bytes."""

from typing import NamedTuple


class Packing(NamedTuple):
    """A way to pack files, and the command that unpacks one."""

    name: str
    command: str


GZIP = b"\x1f\x8b"
PACKINGS = {
    GZIP: Packing("gzip", "gunzip"),
    b"\x28\xb5\x2f\xfd": Packing("zstd", "zstd -d"),
    b"\x04\x22\x4d\x18": Packing("lz4", "lz4 -d"),
    b"BZh": Packing("bzip2", "bunzip2"),
    b"\xfd7zXZ": Packing("xz", "unxz"),
    b"\x1f\x9d": Packing("compress", "uncompress"),
    b"PK\x03\x04": Packing("zip", "unzip"),
    b"7z\xbc\xaf": Packing("7z", "7z x"),
    b"Rar!": Packing("rar", "unrar x"),
}
LONGEST = max(map(len, PACKINGS))  # bytes that tell


def packing_of(start: bytes) -> Packing | None:
    """What a file that begins so is packed with; None if with nothing that is known."""
    return next((packing for magic, packing in PACKINGS.items() if start.startswith(magic)), None)
