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

from tests.support import results as synthetic_results

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


@pytest.fixture(scope="module", params=[1280, 390])
def visit(request, page, tmp_path_factory):
    """What the browser found at a width."""
    folder = tmp_path_factory.mktemp(f"w{request.param}")
    assert page.count("</head>") >= 1
    watch, probe = (f"<script>{(SUPPORT / f'report_{name}.js').read_text()}</script>" for name in ("watch", "probe"))
    watched = page.replace("<head>", "<head>" + watch, 1)
    cut = watched.rindex("</body>")
    (folder / "page.html").write_text(watched[:cut] + axe_source() + probe + watched[cut:])
    (folder / "frame.html").write_text(FRAME.format(width=request.param, height=900))
    for _ in range(3):  # on a busy machine the dump can come before the page has answered
        done = run(folder, "--window-size=1300,950", "--dump-dom")
        match = re.search(r'<pre id="result">(.+?)</pre>', done.stdout, re.S)
        if match:
            break
    assert match, f"the page did not answer: {done.stderr[-2000:]}"
    return request.param, json.loads(html.unescape(match.group(1))), done


def test_no_error_and_no_network(visit):
    _, found, done = visit
    assert found["problems"] == [] and found["loaded"] == []
    assert "CONSOLE" not in done.stderr


def test_every_plot_is_drawn(visit):
    _, found, _ = visit
    assert found["plots"] >= 20 and found["sections"] == 15
    assert found["empty"] == []


def test_tables_sort_and_search(visit):
    _, found, _ = visit
    up, down = [float(v) for v in found["up"]], [float(v) for v in found["down"]]
    assert len(up) > 10 and up == sorted(up) and down == sorted(down, reverse=True)
    assert 0 < len(found["found"]) < len(up)
    assert all("pDC" in text and "interaction" in text for text in found["found"])


def test_data_can_be_downloaded(visit):
    _, found, _ = visit
    csv, tsv = found["texts"]
    assert csv.splitlines()[0].startswith("level,lineage") and len(csv.splitlines()) > 10
    assert len(tsv.splitlines()) == len(found["found"]) + 1 and "\t" in tsv


def test_page_fits_the_width(visit):
    width, found, _ = visit
    assert found["inner"] == width and found["width"] <= width


def test_accessible_basics(visit):
    _, found, _ = visit
    assert found["faint"] == [] and found["unnamed"] == [] and found["twice"] == []
    assert not found["axe"]


@pytest.mark.parametrize("width, height", [(1280, 9000), (390, 9000)])
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
