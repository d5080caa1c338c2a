"""Long benches in pieces: a setting at a time, each written when it is done, and not made again with the same code.

Nor with other code under which its first study repeats: most changes of code change no number.
"""

import argparse
import os
import sys
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import numpy as np

from benchmarks import scoreboard
from benchmarks.gates import row
from benchmarks.unequal import available

FIRST = "first study: "


@dataclass(frozen=True)
class Pieces:
    """A bench of many settings.

    Attributes
    ----------
    step : str
    seed : int
    studies : int
        Per setting, by default.
    code : str
        Digest of the code that the rows depend on.
    settings : callable
        Gives all settings, the ones that matter most first.
    measure : callable
        (setting, number of studies, map of a pool) -> list of (metric, value, standard error), the fingerprint of the
        first study among them.
    again : callable
        setting -> the fingerprint anew, a dict of numbers.
    gate_of : callable
        (metric, setting) -> gate.
    repeated : callable
        Settings of which a test repeats the first study.
    """

    step: str
    seed: int
    studies: int
    code: str
    settings: Callable
    measure: Callable
    again: Callable
    gate_of: Callable
    repeated: Callable

    @property
    def command(self):
        """What makes a piece."""
        return f"python -m benchmarks.compare.bench_{self.step}"

    def here(self):
        """Settings whose data are there."""
        return [setting for setting in self.settings() if available(setting.model)]

    def rows(self):
        """Rows in scoreboard.tsv, judged by the gates of today; without settings that are no more."""
        known = {setting.name: setting for setting in self.here()}
        kept = [each for each in scoreboard.stored()[0] if each["step"] == self.step and each["setting"] in known]
        return scoreboard.as_rows(
            [each | {"gate": self.gate_of(each["metric"], known[each["setting"]])} for each in kept]
        )

    def missing(self, n, only=""):
        """Settings that have no rows of this code and seed, of as many studies or more."""
        same = [each for each in self.rows() if (each["seed"], each["code"]) == (str(self.seed), self.code)]
        done = {each["setting"] for each in same if int(each["n"]) >= n and not each["metric"].startswith(FIRST)}
        return [setting for setting in self.here() if only in setting.name and setting.name not in done]

    def make(self, n, minutes=np.inf, workers=1, only=""):
        """Measure what is missing until the time is over; how many settings are left."""
        started, left = time.monotonic(), self.missing(n, only)
        with ProcessPoolExecutor(workers) as pool:
            while left:
                setting, before = left.pop(0), time.monotonic()
                if self._stands(setting, n):
                    continue
                found = [self._row(setting, n, *figure) for figure in self.measure(setting, n, pool.map)]
                seconds = time.monotonic() - before
                text = scoreboard.as_text(self.step, found)
                scoreboard.keep(self.step, text, self.command, seconds * workers, only=setting.name)
                print(f"{setting.name}: {seconds:.0f} s, {len(left)} left", flush=True)
                if time.monotonic() - started + seconds > 60 * minutes:
                    break
        return len(left)

    def _stands(self, setting, n):
        """Whether the rows of other code stand: as many studies, of which the first repeats; they get today's code."""
        own = [each for each in self.rows() if each["setting"] == setting.name]
        if not any(each["seed"] == str(self.seed) and int(each["n"]) >= n for each in own):
            return False
        (departure,) = departures(self.step, self.seed, [(setting.name, self.again(setting))])
        if departure["pass"]:
            text = scoreboard.as_text(self.step, [each | {"code": self.code} for each in own])
            scoreboard.keep(self.step, text, self.command, 0, only=setting.name)
            print(f"{setting.name}: as stored", flush=True)
        return departure["pass"]

    def _row(self, setting, n, metric, value, se):
        n = 1 if metric.startswith(FIRST) else n
        gate, error = self.gate_of(metric, setting), f"{se:.2g}" if np.isfinite(se) else ""
        return row(self.step, metric, setting.name, value, gate, n, self.seed, error, self.code)

    def repeat(self):
        """Repeat the first study of some settings; none that was not stored."""
        there = {each["setting"] for each in self.rows()}
        return departures(self.step, self.seed, ((x.name, self.again(x)) for x in self.repeated() if x.name in there))

    def run(self, quick):
        """Rows of the scoreboard: what is missing is measured; quick, what is stored is repeated in part."""
        if quick:
            return self.repeat()
        self.make(self.studies)
        return self.rows()

    def main(self, doc):
        """The command line of one piece."""
        parser = argparse.ArgumentParser(description=doc, formatter_class=argparse.RawDescriptionHelpFormatter)
        parser.add_argument("--minutes", type=float, default=60, help="of this piece (%(default)s)")
        parser.add_argument("--studies", type=int, default=self.studies, help="per setting (%(default)s)")
        parser.add_argument("--workers", type=int, default=1, help="processes (%(default)s)")
        parser.add_argument("--only", default="", metavar="TEXT", help="settings whose name has this text")
        given = parser.parse_args()
        if len(self.here()) < len(self.settings()):
            print("real donors: their counts are not here, set COMPARTMENTS_TEST_DATA; left out", file=sys.stderr)
        left = self.make(given.studies, given.minutes, given.workers, given.only)
        print(f"{left} settings are left" if left else "all settings are done")


def averaged(studies):
    """Figures of a setting from those of its studies, figure -> (sum, count); none of what was never tested."""
    found = []
    for figure in studies[0]:
        pairs = np.array([one[figure] for one in studies], float)
        if pairs[:, 1].sum() > 0:
            found.append((figure, *ratio(pairs)))
    return found


def fingerprint(numbers):
    """Figures of the first study, which a test repeats."""
    return [(FIRST + name, value, np.nan) for name, value in numbers.items()]


def first_rows(step, setting, seed, numbers):
    """The fingerprint as rows, for benches that are not made in pieces."""
    return [row(step, metric, setting, value, "", 1, seed) for metric, value, _ in fingerprint(numbers)]


def departures(step, seed, repeated):
    """Of settings and their fingerprints anew: the largest relative departure of each from its stored rows."""
    kept = {(each["setting"], each["metric"]): float(each["value"]) for each in scoreboard.stored()[0]}
    found = []
    for setting, numbers in repeated:
        values = [(new, kept.get((setting, FIRST + name), np.nan)) for name, new in numbers.items()]
        departure = np.max([abs(new - old) / (abs(old) + 0.01) for new, old in values])
        found.append(row(step, "first study against its stored row", setting, departure, "<= .001", 1, seed))
    return found


def ratio(pairs):
    """Sum over sum of pairs (one per study), and its standard error over studies (of a ratio, linearised)."""
    sums, n = np.asarray(pairs, float), len(pairs)
    value = sums[:, 0].sum() / sums[:, 1].sum()
    residual = sums[:, 0] - value * sums[:, 1]
    return value, np.sqrt((residual**2).sum() * n / max(n - 1, 1)) / sums[:, 1].sum()
