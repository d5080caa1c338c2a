"""Names beside points so that none lies on another: the same places on a phone, on paper and on a wide screen."""

import math
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

LETTER, LINE = 6.8, 14.0  # pixels of a letter and a line in type of 11
MARK = 6.0  # from the middle of a point to its edge, and some air
ROOMS = ((340.0, 330.0), (390.0, 270.0), (800.0, 390.0))  # pixels of a plot: on a phone, in a column of paper, wide
RADII = (3, 14, 26, 40, 56, 74, 94, 116, 140, 166)  # pixels between a point and its name
ANGLES = [math.pi / 2 + sign * k * math.pi / 8 for k in range(9) for sign in (1, -1)][1:-1]  # from the top on

Places = npt.NDArray[np.float64]


class Box(NamedTuple):
    """A name's place in pixels."""

    left: float
    right: float
    low: float
    high: float

    def meets(self, other: "Box") -> bool:
        """They lie on each other."""
        across = self.left < other.right and other.left < self.right
        return across and self.low < other.high and other.low < self.high

    def holds(self, x: float, y: float, more: float = 0.0) -> bool:
        """A place is within, or nearer than ``more``."""
        return self.left - more < x < self.right + more and self.low - more < y < self.high + more


def offsets(x: Places, y: Places, texts: Sequence[str], limits: tuple[float, float]) -> list[tuple[float, float]]:
    """Where the middle of each name lies, in pixels to the right of and above its point.

    The names of the most crowded points are placed first, each as near as there is room in every one of ``ROOMS``;
    where there is none, on as few other names as possible.

    Parameters
    ----------
    x, y : array of float
        Of the points.
    limits : tuple of float
        Both axes begin and end there.
    """
    low, high = limits
    points = [
        np.column_stack([(x - low) / (high - low) * wide, (y - low) / (high - low) * tall]) for wide, tall in ROOMS
    ]
    near = [int((np.hypot(*(points[1] - point).T) < 70).sum()) for point in points[1]]
    found: dict[int, tuple[float, float]] = {}
    for number in sorted(range(len(texts)), key=lambda n: (-near[n], n)):
        half = (len(texts[number]) * LETTER / 2, LINE / 2)
        tried = [
            (math.cos(angle) * (half[0] + radius), math.sin(angle) * (half[1] + radius))
            for radius in RADII
            for angle in ANGLES
        ]
        counts = ((_hindered(number, offset, texts, points, found), offset) for offset in tried)
        found[number] = _first_free(counts)
    return [found[number] for number in range(len(texts))]


def _first_free(counts: Iterable[tuple[int, tuple[float, float]]]) -> tuple[float, float]:
    """The first place that nothing is in the way of, else the one with the least."""
    least, best = math.inf, (0.0, 0.0)
    for count, offset in counts:
        if count < least:
            least, best = count, offset
        if not count:
            break
    return best


def _hindered(
    number: int,
    offset: tuple[float, float],
    texts: Sequence[str],
    points: Sequence[Places],
    placed: dict[int, tuple[float, float]],
) -> int:
    """How much is in the way of a name: names and edges count most, then points, then lines that cross a name."""
    count = 0
    for room, at in zip(ROOMS, points, strict=True):
        own = box(texts[number], at[number], offset)
        count += 100 * (own.left < 0 or own.low < 0 or own.right > room[0] or own.high > room[1])
        count += 10 * sum(own.holds(at[k, 0], at[k, 1], MARK) for k in range(len(at)) if k != number)
        for other, its_offset in placed.items():
            its = box(texts[other], at[other], its_offset)
            count += 100 * own.meets(its)
            count += crosses(at[number], offset, its) + crosses(at[other], its_offset, own)
    return count


def box(text: str, point: Places, offset: tuple[float, float]) -> Box:
    """Where a name lies whose middle is ``offset`` from a point."""
    across, up = point[0] + offset[0], point[1] + offset[1]
    half = len(text) * LETTER / 2
    return Box(across - half, across + half, up - LINE / 2, up + LINE / 2)


def crosses(point: Places, offset: tuple[float, float], other: Box) -> bool:
    """The line from a point to its name runs through another name."""
    return any(other.holds(point[0] + part * offset[0], point[1] + part * offset[1]) for part in np.linspace(0, 1, 12))


def in_lines(text: str, most: int) -> list[str]:
    """A name in lines of up to so many letters, at its blanks; a longer word ends in an ellipsis."""
    lines = [""]
    for word in text.split():
        if lines[-1] and len(lines[-1]) + len(word) >= most:
            lines.append("")
        lines[-1] = f"{lines[-1]} {word}".strip()
    return [line if len(line) <= most else f"{line[: most - 1]}\u2026" for line in lines]
