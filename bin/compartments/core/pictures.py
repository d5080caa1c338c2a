"""Pictures that a page shows: what they are is told by their bytes, not by their name."""

import base64
import re
from pathlib import Path

from compartments.core.errors import UserError

KINDS = {  # suffix: kind of an image element, and how such a file begins
    ".png": ("png", re.compile(rb"\x89PNG\r\n\x1a\n")),
    ".jpg": ("jpeg", re.compile(rb"\xff\xd8\xff")),
    ".jpeg": ("jpeg", re.compile(rb"\xff\xd8\xff")),
    ".svg": ("svg+xml", re.compile(rb"(\xef\xbb\xbf)?\s*<(?=[^\0]*<?svg\b)")),
}
LARGEST = 500_000  # bytes


def logo_of(path: str | Path) -> str:
    """A picture as an image element takes it, without a file beside the page.

    Raises
    ------
    UserError
        It is no file, no picture that browsers show, another one than its name says, or large.
    """
    path = Path(path)
    where = f"--logo {path.name}"
    if not path.is_file():
        raise UserError(f"{where}: no such file")
    kind, begin = KINDS.get(path.suffix.lower(), ("", re.compile(b"")))
    if not kind:
        raise UserError(f"{where}: not a picture that a page shows; give a PNG, SVG or JPEG")
    content = path.read_bytes()
    if len(content) > LARGEST:
        raise UserError(f"{where}: {len(content) / 1000:,.0f} kB; give a picture of up to 500 kB")
    if not begin.match(content):
        said = path.suffix.removeprefix(".").upper()
        raise UserError(f"{where}: it is named as a {said} but is none; give a PNG, SVG or JPEG")
    return f"data:image/{kind};base64,{base64.b64encode(content).decode()}"
