"""Numbers of a figure as its SVG alone tells them: marks, measured against the ticks beside them."""

import re
import xml.etree.ElementTree as tree

import numpy as np

LINK = "{http://www.w3.org/1999/xlink}href"


class Drawing:
    """An SVG of matplotlib.

    Parameters
    ----------
    svg : bytes
    """

    def __init__(self, svg):
        parser = tree.XMLParser(target=tree.TreeBuilder(insert_comments=True))
        self.root = tree.fromstring(svg, parser)
        self.parts = {part.get("id"): part for part in self.root.iter() if part.get("id")}

    @property
    def width(self):
        """Millimetres."""
        return float(self.root.get("width").removesuffix("pt")) / 72 * 25.4

    @property
    def texts(self):
        """All that is written."""
        return [part.text.strip() for part in self.root.iter() if part.tag is tree.Comment]

    def ticks(self, axis, views=1):
        """Place in points -> what is written there, of the ticks of ``x`` or ``y`` of each view."""
        found = []
        for number in range(1, 2 * views + 1):
            group = self.parts[f"matplotlib.axis_{number}"]
            ticks = [part for part in group if str(part.get("id")).startswith(f"{axis}tick")]
            own = {}
            for tick in ticks:
                place = float(next(part for part in tick.iter() if part.get(LINK)).get(axis))
                own[place] = " ".join(part.text.strip() for part in tick.iter() if part.tag is tree.Comment)
            if ticks:
                found.append(own)
        return found

    def scale(self, axis, values=None, log=False):
        """Function from points to numbers, by two ticks; ``values`` of the ticks' texts, if not themselves."""
        ticks = self.ticks(axis)[0]
        known = {place: float(values[text] if values else text) for place, text in ticks.items() if text}
        (low, first), *_, (high, last) = sorted(known.items())
        first, last = (np.log10([first, last])) if log else (first, last)

        def number(place):
            value = first + (np.asarray(place) - low) * (last - first) / (high - low)
            return 10**value if log else value

        return number

    def marks(self, name):
        """(x, y) in points of the marks of a trace: each is a path of its own, or a use of one."""
        groups = [part for key, part in self.parts.items() if re.fullmatch(rf"{name}-marks-\d+", key)]
        found = []
        for group in groups:
            uses = [part for part in group.iter() if part.get(LINK)]
            found += [[float(use.get("x")), float(use.get("y"))] for use in uses]
            paths = [] if uses else [corners(part.get("d")) for part in group.iter() if part.get("d")]
            found += [(path.min(0) + path.max(0)) / 2 for path in paths]
        return np.array(found).reshape(-1, 2)

    def boxes(self, name):
        """(left, right, low, high) in points of the bars of a trace."""
        groups = [part for key, part in self.parts.items() if re.fullmatch(rf"{name}-bar-\d+", key)]
        found = []
        for group in groups:
            path = next(part for part in group.iter() if part.get("d"))
            points = corners(path.get("d"))
            found.append([*points[:, 0][[0, 1]], points[:, 1].max(), points[:, 1].min()])
        return np.array(found).reshape(-1, 4)


def corners(path):
    """Points of a path, with those that bend it."""
    return np.array([float(text) for text in re.findall(r"-?[\d.]+", path)]).reshape(-1, 2)
