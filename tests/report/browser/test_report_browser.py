"""The report in headless Chromium without network: no error, plots drawn, tables sort, nothing overflows or fades.

Skipped, saying so, where no Chromium is found. COMPARTMENTS_SCREENSHOTS names a folder that keeps the pictures.
"""

import html
import json
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from compartments.report.numbers import show
from tests.support import results as synthetic_results
from tests.support.tables import LINEAGES

SUPPORT = Path(__file__).resolve().parents[2] / "support"
FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--hide-scrollbars",
    "--disable-dev-shm-usage",
]
DARK = "--blink-settings=preferredColorScheme=0"
FLAGS.append("--host-resolver-rules=MAP * ~NOTFOUND")
FRAME = """<!doctype html><body style="margin:0">
<iframe src="page.html" style="border:0;width:{width}px;height:{height}px"></iframe><pre id="result"></pre>
<script>window.addEventListener("message", function (e) {{
document.getElementById("result").textContent = e.data; }});</script>"""


def chromium():
    """Path of a Chromium or Chrome, or ``None``."""
    names = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
    return os.environ.get("CHROMIUM") or next((path for name in names if (path := shutil.which(name))), None)


def run(folder, *arguments):
    command = [chromium(), *FLAGS, f"--user-data-dir={folder / 'profile'}", "--virtual-time-budget=60000", *arguments]
    return subprocess.run([*command, (folder / "frame.html").as_uri()], capture_output=True, text=True, timeout=240)


@pytest.fixture(scope="module")
def page(call, tmp_path_factory):
    """A whole report as text."""
    if chromium() is None:
        pytest.skip("no Chromium found: install chromium, or set CHROMIUM to its path")
    folder = tmp_path_factory.mktemp("browser") / "results"
    synthetic_results.make(folder)
    call(folder)
    return (folder / "report.html").read_text()


def axe_source():
    """axe-core's script where the package axe-core-python is installed, else nothing."""
    try:
        import axe_core_python
    except ModuleNotFoundError:
        return ""
    return f"<script>{(Path(axe_core_python.__file__).parent / 'axe.min.js').read_text()}</script>"


VISITS = [(1440, False), (390, False), pytest.param((1440, True), marks=pytest.mark.long)]


@pytest.fixture(scope="module", params=VISITS, ids=["wide", "phone", "dark"])
def visit(request, page, tmp_path_factory):
    """What the browser found at a width, in light or dark."""
    width, dark = request.param
    return width, *seen(page, tmp_path_factory.mktemp(f"w{width}"), width, dark)


def seen(page, folder, width, dark=False):
    """What the browser found on a page, and the finished browser."""
    assert page.count("</head>") >= 1
    watch, probe = (f"<script>{(SUPPORT / f'report_{name}.js').read_text()}</script>" for name in ("watch", "probe"))
    watched = page.replace("<head>", "<head>" + watch, 1)
    cut = watched.rindex("</body>")
    (folder / "page.html").write_text(watched[:cut] + axe_source() + probe + watched[cut:])
    (folder / "frame.html").write_text(FRAME.format(width=width, height=900))
    for _ in range(3):  # on a busy machine the dump can come before the page has answered
        done = run(folder, "--window-size=1450,950", "--dump-dom", *([DARK] if dark else []))
        match = re.search(r'<pre id="result">(.+?)</pre>', done.stdout, re.S)
        if match:
            break
    assert match, f"the page did not answer: {done.stderr[-2000:]}"
    return json.loads(html.unescape(match.group(1))), done


def test_no_error_and_no_network(visit):
    _, found, done = visit
    assert found["problems"] == [] and found["loaded"] == []
    assert "CONSOLE" not in done.stderr


def test_it_opens_with_little_and_draws_the_rest_when_it_is_near(visit):
    _, found, _ = visit
    assert found["nodes"] < 2_000 and found["early"] <= 2
    assert found["plots"] >= 20 and found["sections"] == 16
    assert found["empty"] == []


def test_the_first_screen_shows_all_answers(visit):
    width, found, _ = visit
    assert len(found["fold"]) == 6 and all(rows for *_, rows in found["fold"])
    bottoms = [bottom for _, bottom, _ in found["fold"]]
    assert max(bottoms) < found["height"] * (1 if width > 1000 else 1.5)


def test_tables_sort_search_and_turn(visit):
    _, found, _ = visit
    up, down = [float(v) for v in found["up"]], [float(v) for v in found["down"]]
    assert len(up) == 25 and up == sorted(up) and down == sorted(down, reverse=True) and up[0] < down[-1]
    assert found["count"] == f"{len(found['found'])} of 90 rows" and len(found["found"]) == 3
    assert all("pDC" in text and "difference" in text for text in found["found"])
    assert found["turned"] == [25, False, "\u2039rows 1 to 25\u203a", "\u2039rows 26 to 50\u203a"]


def test_numbers_are_written_as_elsewhere(visit):
    """The browser writes them as :func:`compartments.report.numbers.show`."""
    _, found, _ = visit
    assert len(found["numbers"]) > 500
    for value, text in found["numbers"]:
        wanted = [""] if value == "" else {show(float(value)), show(int(value)) if value.lstrip("-").isdigit() else ""}
        assert text in wanted, value


def test_data_can_be_downloaded(visit):
    _, found, _ = visit
    csv, tsv = found["texts"]
    assert csv.splitlines()[0].startswith("level,lineage") and len(csv.splitlines()) > 10
    assert len(tsv.splitlines()) == len(found["found"]) + 1 and "\t" in tsv


def test_nothing_is_wider_than_the_page_cut_or_covered(visit):
    width, found, _ = visit
    assert found["inner"] == width and found["width"] <= width
    assert {key: found[key] for key in ("wide", "cut", "legends", "over", "axes")} == {
        "wide": [], "cut": [], "legends": [], "over": [], "axes": []
    }  # fmt: skip


def test_the_keyboard_reaches_every_control_and_shows_where_it_is(visit):
    _, found, _ = visit
    assert found["skipped"] == 0 and found["dull"] == []


def test_accessible_basics(visit):
    _, found, _ = visit
    assert found["faint"] == [] and found["unnamed"] == [] and found["twice"] == []
    assert not found["axe"]


@pytest.mark.parametrize("visit", [(1440, True)], indirect=True, ids=["dark"])
def test_dark_where_the_reader_wants_it(visit):
    _, found, _ = visit
    assert found["dark"] == "rgb(26, 30, 35)"


def test_printed_whole(page, tmp_path):
    """On paper: every title of a section and of a figure, at most 25 pages, none of them white."""
    if shutil.which("pdftotext") is None:
        pytest.skip("no pdftotext found: install poppler-utils")
    (tmp_path / "frame.html").write_text(page)
    run(tmp_path, "--no-pdf-header-footer", f"--print-to-pdf={tmp_path / 'page.pdf'}")
    text = subprocess.run(["pdftotext", "-layout", tmp_path / "page.pdf", "-"], capture_output=True, text=True).stdout
    pages, said = text.split("\f")[:-1], " ".join(text.split())
    assert len(pages) <= 25 and all(len(one.split()) > 3 for one in pages)
    titles = re.findall(r"<figure[^>]*>\s*<h3>(.*?)</h3>|<h2 id=.*?>(.*?)<", page)
    missing = [title for pair in titles for title in pair if title and html.unescape(title)[:40].strip() not in said]
    assert len(titles) > 30 and missing == []


@pytest.mark.parametrize("width", [pytest.param(1440, marks=pytest.mark.long), 390])
def test_long_names_and_markup_stay_within_the_page(call, tmp_path, monkeypatch, width):
    """Conditions and compartments of 60 letters, and a lineage with HTML in its name."""
    if chromium() is None:
        pytest.skip("no Chromium found: install chromium, or set CHROMIUM to its path")
    folder = tmp_path / "results"
    arms = (("untreated", 3), ("treated_" + "t" * 52, 3))
    monkeypatch.setitem(LINEAGES, "<b>a lineage</b> <script>alert(1)</script> " + "l" * 30, ("T", 0.05, -2.0, -2.0))
    synthetic_results.make(folder, cells=10, arms=arms, compartments=("blood", "CSF_" + "c" * 56))
    call(folder)
    found, _ = seen((folder / "report.html").read_text(), tmp_path, width)
    assert found["problems"] == [] and found["empty"] == [] and found["width"] <= width
    assert found["wide"] == [] and found["over"] == []


@pytest.mark.parametrize("width, height", [(1440, 5000), (390, 5000)])
def test_screenshots_are_not_blank(page, tmp_path, width, height):
    from PIL import Image

    (tmp_path / "page.html").write_text(page)
    (tmp_path / "frame.html").write_text(FRAME.format(width=width, height=height))
    run(tmp_path, f"--window-size={max(width, 500)},{height}", f"--screenshot={tmp_path / 'shot.png'}")
    picture = Image.open(tmp_path / "shot.png").convert("L").crop((0, 0, width, height))
    kept = os.environ.get("COMPARTMENTS_SCREENSHOTS")
    if kept:
        Path(kept).mkdir(parents=True, exist_ok=True)
        shutil.copy(tmp_path / "shot.png", Path(kept) / f"report_{width}.png")
    for top in range(0, height, 1000):
        low, high = picture.crop((0, top, width, top + 1000)).getextrema()
        assert low < 100 and high > 240, f"blank from {top} on"
