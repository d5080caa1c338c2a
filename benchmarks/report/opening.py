"""How a finished page opens in Chromium: seconds until it is loaded and drawn, elements at load, height, size."""

import argparse
import html
import json
import os
import re
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

FLAGS = ["--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking"]
FLAGS += ["--disable-dev-shm-usage", "--host-resolver-rules=MAP * ~NOTFOUND", "--dump-dom"]
WATCH = """<pre id="measured"></pre><script>window.addEventListener("load", function () {
document.getElementById("measured").textContent = JSON.stringify({ seconds: performance.now() / 1000,
nodes: document.getElementsByTagName("*").length, height: document.documentElement.scrollHeight,
buttons: document.querySelectorAll("button").length }); });</script></body>"""


def opened(page, width):
    """What a browser of this width says of a page once it is loaded; a browser of its own each time."""
    browser = next((path for name in ("chromium", "google-chrome") if (path := shutil.which(name))), None)
    if browser is None:
        sys.exit("no Chromium found")
    with tempfile.TemporaryDirectory() as temporary:
        copy = Path(temporary) / "page.html"
        text = page.read_text(encoding="utf-8")
        copy.write_text(text[: text.rindex("</body>")] + WATCH + "</html>", encoding="utf-8")
        command = [browser, *FLAGS, f"--window-size={width},900", f"--user-data-dir={temporary}/profile"]
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        done = subprocess.run([*command, copy.as_uri()], capture_output=True, text=True, timeout=300)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return json.loads(html.unescape(re.search(r'<pre id="measured">(.+?)</pre>', done.stdout)[1])) | {"cpu": cpu}


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("pages", nargs="+", type=Path, metavar="report.html")
    parser.add_argument("--times", type=int, default=3)
    options = parser.parse_args()
    print(f"load of the machine before: {os.getloadavg()[0]:.1f}")
    for page in options.pages:
        for width in (1440, 500):  # a window is no narrower
            found = [opened(page, width) for _ in range(options.times)]
            seconds, cpu = (statistics.median(each[key] for each in found) for key in ("seconds", "cpu"))
            one = found[0]
            print(
                f"{page}, {width} px: {seconds:.2f} s (at most 2), {cpu:.1f} CPU s of the browser, "
                f"{one['nodes']:,} elements at load (at most 15,000), {one['height']:,} px high, "
                f"{one['buttons']} buttons, {page.stat().st_size / 1e6:.1f} MB (at most 15)"
            )


if __name__ == "__main__":
    main()
