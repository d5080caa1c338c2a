"""FASTQ files: the first reads of a file, how many there are, and what is wrong with it."""

import gzip
import re
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import IO, NamedTuple

from compartments.core.errors import UserError
from compartments.core.packing import GZIP, packing_of

CHUNK = 1 << 22  # bytes
TAIL = 64  # of the end, which may be blank lines


# the mate's number: /1, _1, and that of fastq-dump -I, which stands behind the number of the read
MATE = re.compile(r"^(?P<read>[EDS]RR\d+\.\d+)\.[1-4]$|^(?P<name>.+)[/_][1-4]$")


class Read(NamedTuple):
    """One read: the name up to the first blank, without the mate's number, and its bases."""

    name: str
    bases: bytes


@contextmanager
def opened(path: str | Path) -> Iterator[IO[bytes]]:
    """The text of a FASTQ file that may be packed with gzip.

    Raises
    ------
    UserError
        It is packed with something else, or damaged.
    """
    name = Path(path).name
    with open(path, "rb") as raw:
        start = raw.read(8)
        packing = packing_of(start)
        if packing and not start.startswith(GZIP):
            raise UserError(
                f"'{name}' is packed with {packing.name}; unpack it ({packing.command}) or pack it with gzip"
            )
        raw.seek(0)
        try:
            if packing:
                with gzip.open(raw) as unpacked:
                    yield unpacked  # type: ignore[misc]
            else:
                yield raw
        except EOFError:
            raise UserError(f"'{name}' ends in the middle (truncated gzip); fetch it again") from None
        except (zlib.error, gzip.BadGzipFile) as error:
            raise UserError(f"'{name}' is damaged ({error}); fetch it again") from None


def first_reads(path: str | Path, n: int) -> list[Read]:
    """At most ``n`` reads from the start of a FASTQ file.

    Raises
    ------
    UserError
        The file is empty, damaged, or no FASTQ.
    """
    name = Path(path).name
    found: list[Read] = []
    with opened(path) as lines:
        while len(found) < n:
            four = [line.rstrip(b"\r\n") for line in islice(lines, 4)]
            if not any(four):  # the end, or blank lines behind it
                break
            number = 4 * len(found) + 1
            if not four[0].startswith(b"@") or (len(four) > 2 and not four[2].startswith(b"+")):
                raise UserError(f"'{name}' is not FASTQ: line {number} is no read name after '@' with '+' two lines on")
            if len(four) < 4:
                raise UserError(f"'{name}' ends in the middle of a read (line {number}); fetch it again")
            if len(four[1]) != len(four[3]):
                raise UserError(f"'{name}' line {number + 3}: {len(four[3])} qualities for {len(four[1])} bases")
            found.append(Read(_plain(four[0][1:]), four[1]))
    if not found:
        raise UserError(f"'{name}' has no reads")
    return found


def _plain(header: bytes) -> str:
    words = header.split()
    name = words[0].decode("utf-8", "replace") if words else ""
    return MATE.sub(r"\g<read>\g<name>", name)


def count_reads(path: str | Path) -> int:
    """Number of reads of a FASTQ file, which is read to its end.

    Raises
    ------
    UserError
        The file is damaged, or its number of lines is not a multiple of 4.
    """
    lines, end = 0, b""
    with opened(path) as text:
        while chunk := text.read(CHUNK):
            lines += chunk.count(b"\n")
            end = (end + chunk)[-TAIL:]
    lines += not end.endswith(b"\n") and end != b""
    blank = end[len(end.rstrip(b"\r\n")) :].count(b"\n") - 1
    if 0 < lines % 4 <= blank:  # lines without anything behind the last read
        lines -= lines % 4
    if lines % 4:
        raise UserError(f"'{Path(path).name}' ends in the middle of a read ({lines} lines); fetch it again")
    return lines // 4


def linked(path: str | Path, name: str) -> Path:
    """The file under a plain name, with the ending by which programs know whether it is packed."""
    with open(path, "rb") as handle:
        packed = handle.read(len(GZIP)) == GZIP
    place = Path(".reads", f"{name}.fastq{'.gz' * packed}")
    place.parent.mkdir(exist_ok=True)
    place.unlink(missing_ok=True)
    place.symlink_to(Path(path).resolve())
    return place


def copy_first(path: str | Path, out: IO[bytes], n: int) -> int:
    """Copy at most ``n`` reads from the start of a file to one that is not packed; how many there were."""
    copied = 0
    with opened(path) as lines:
        while copied < n and (four := b"".join(islice(lines, 4))):
            out.write(four if four.endswith(b"\n") else four + b"\n")
            copied += 1
    return copied
