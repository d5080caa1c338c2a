"""Hooks of the documentation site: equations as MathML, pages from outside ``docs/``, the demo's report if it is there.

The report is taken from the file in the environment variable DEMO_REPORT, default ``results/demo/report.html``.
"""

import html
import os
import re
from pathlib import Path

from latex2mathml.converter import convert
from mkdocs.structure.files import File

ROOT = Path(__file__).resolve().parents[1]
OUTSIDE = {"assets.md": "assets/README.md", "changelog.md": "CHANGELOG.md"}  # page of the site -> file of the project
EQUATION = re.compile(r"\\\((.+?)\\\)|\\\[(.+?)\\\]", re.S)
DEMO = """# The demo's report

{body}
`make demo` makes it on your machine: a simulated cohort with known truth (2 treated and 4 untreated donors,
cerebrospinal fluid and blood), from raw droplets to the page that a run with real data gives. Every section of it says
that it is simulated. [What may I conclude?](results/interpretation.md) reads it with you,
[output.md](results/output.md) describes the files behind it.
"""


def demo_report():
    """The report to include, or ``None``."""
    path = ROOT / os.environ.get("DEMO_REPORT", "results/demo/report.html")
    return path if path.is_file() else None


def on_files(files, config):
    """Add the pages and the file that do not lie in ``docs/``."""
    for page, source in OUTSIDE.items():
        files.append(File.generated(config, page, abs_src_path=str(ROOT / source)))
    report = demo_report()
    body = "It was made together with these pages: [open the report](demo_report.html).\n"
    if report:
        files.append(File.generated(config, "demo_report.html", abs_src_path=str(report)))
    else:
        body = "It was not there when these pages were built.\n"
    files.append(File.generated(config, "demo.md", content=DEMO.format(body=body)))
    return files


def on_page_markdown(markdown, page, config, files):
    """Links to files outside ``docs/`` lead to their page, or become text; mathematics gets the extension's marks."""
    here = Path(page.file.src_uri).parent
    pages = {source: name for name, source in OUTSIDE.items()}

    def led(match):
        words, link = match.groups()
        target = os.path.normpath(Path("docs") / here / link)
        if target.startswith("docs/") or "://" in link:
            return match[0]
        name = pages.get(target)
        return f"[{words}]({os.path.relpath(name, here)})" if name else f"`{words}`"

    markdown = re.sub(r"(?<!!)\[([^\]]*)\]\(([^)#\s]+)\)", led, markdown)
    return re.sub(r"^```math\n(.*?)^```", r"$$\n\1$$", markdown, flags=re.M | re.S)


def on_page_content(content, page, config, files):
    """Equations become MathML, which browsers draw without a script."""

    def drawn(match):
        inline, block = match.groups()
        return convert(html.unescape(inline or block).strip(), display="inline" if inline else "block")

    def equation(match):
        return f"<{match[1]} {match[2]}>{EQUATION.sub(drawn, match[3])}</{match[1]}>"

    return re.sub(r"<(span|div) (class=\"arithmatex\")>(.*?)</\1>", equation, content, flags=re.S)
