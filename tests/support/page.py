"""What the tests of the report look at in its page."""

import json
import re
from html import unescape
from html.parser import HTMLParser

SECTIONS = [
    "questions", "design", "quality", "ambient", "doublets", "annotation", "composition", "expression", "migration",
    "activities", "interactions", "coupling", "calibration", "skipped", "methods", "parameters",
]  # fmt: skip


class Page(HTMLParser):
    """What the tests look at: headings, links, what is loaded, and text outside scripts."""

    def __init__(self, text):
        super().__init__()
        self.links, self.loaded, self.headings, self.ids, self.text = [], [], [], [], []
        self._in, self.source = [], text
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        attributes = dict(attributes)
        self.ids += [attributes["id"]] if "id" in attributes else []
        if tag == "a":
            self.links.append(attributes.get("href", ""))
        loads = {"script": "src", "img": "src", "iframe": "src", "link": "href", "source": "src", "object": "data"}
        if loads.get(tag) in attributes:
            self.loaded.append(attributes[loads[tag]])
        if tag in ("h1", "h2", "h3", "h4"):
            self.headings.append(int(tag[1]))
        if tag not in ("meta", "link", "input", "br", "img", "hr"):
            self._in.append(tag)

    def handle_endtag(self, tag):
        if tag in self._in:
            while self._in.pop() != tag:
                pass

    def handle_data(self, data):
        if "script" not in self._in and "style" not in self._in:
            self.text.append(data)

    @property
    def words(self):
        return " ".join(" ".join(self.text).split())

    @property
    def figures(self):
        return json.loads(re.search(r'id="figure-data">(.*?)</script>', self.source, re.S).group(1))

    @property
    def captions(self):
        """Caption of every figure, by the figure's name."""
        found = re.findall(r'<figure[^>]* id="figure-(.*?)">.*?<figcaption>(.*?) <button', self.source, re.S)
        return {unescape(name): " ".join(unescape(caption).split()) for name, caption in found}

    @property
    def tables(self):
        """What the browser lists, by the table's name."""
        return json.loads(re.search(r'id="table-data">(.*?)</script>', self.source, re.S).group(1))

    def rows(self, table):
        """Number of rows of a table."""
        known = self.tables[table]
        assert {len(column["values"]) for column in known["columns"]} <= {known["rows"]}
        return known["rows"]

    def column(self, table, name):
        """Values of a column of a table."""
        return next(column["values"] for column in self.tables[table]["columns"] if column["name"] == name)

    def note(self, table):
        """The line above a table."""
        start = self.source.index(f'id="table-{table}"')
        head = self.source[start : self.source.index("<noscript>", start)]
        return unescape(" ".join(re.sub(r"<.*?>|^[^>]*>", " ", head).split()))
