"""Pictures for a page."""

import base64

import pytest

from compartments.core import pictures
from compartments.core.errors import UserError

PNG, JPEG = b"\x89PNG\r\n\x1a\n rest", b"\xff\xd8\xff\xe0 rest"


@pytest.mark.parametrize(
    "name, content, kind",
    [
        ("a.png", PNG, "png"),
        ("a.JPG", JPEG, "jpeg"),
        ("a.jpeg", JPEG, "jpeg"),
        ("a.svg", b"<svg xmlns='http://www.w3.org/2000/svg'/>", "svg+xml"),
        ("a.svg", b"\xef\xbb\xbf<?xml version='1.0'?>\n<!-- logo -->\n<svg/>", "svg+xml"),
    ],
)
def test_a_picture_is_within_the_page(tmp_path, name, content, kind):
    (tmp_path / name).write_bytes(content)
    head, _, data = pictures.logo_of(tmp_path / name).partition(",")
    assert head == f"data:image/{kind};base64" and base64.b64decode(data) == content


@pytest.mark.parametrize(
    "name, content, said",
    [
        ("none.png", None, "--logo none.png: no such file"),
        ("a.gif", b"GIF89a", "--logo a.gif: not a picture that a page shows; give a PNG, SVG or JPEG"),
        ("a.png", JPEG, "--logo a.png: it is named as a PNG but is none; give a PNG, SVG or JPEG"),
        ("a.svg", b"<html></html>", "--logo a.svg: it is named as a SVG but is none; give a PNG, SVG or JPEG"),
        ("a.jpeg", b"", "--logo a.jpeg: it is named as a JPEG but is none; give a PNG, SVG or JPEG"),
        ("a.png", PNG + b"0" * 600_000, "--logo a.png: 600 kB; give a picture of up to 500 kB"),
    ],
)
def test_what_is_none_is_one_line(tmp_path, name, content, said):
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(UserError) as problem:
        pictures.logo_of(tmp_path / name)
    assert str(problem.value) == said
