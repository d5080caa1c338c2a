#!/usr/bin/env python3
"""Coverage-guided fuzz of all that reads users' files: ``make fuzz`` [``MINUTES=30``] [``TARGETS="sheet h5"``].

Every target runs for its share of the time. What reaches new code is kept, small and few, in
``tests/bad_inputs/corpus``, which ``make test`` repeats; an input that falls is kept there too, named ``fell-...``, and
the fuzz ends with an error.
"""

import argparse
import hashlib
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "bin")]  # run as a script, which begins with its own folder
CORPUS = Path(__file__).with_name("corpus")
MOST_BYTES, MOST_FILES = 2048, 40  # of an input, of a target's inputs


def fuzz_one(target: str, options: list[str]) -> None:
    """Run the engine on one target in this process, which it ends."""
    import atheris

    with atheris.instrument_imports(include=["compartments"], enable_loader_override=False):
        from tests.bad_inputs.fuzzing import throw

    with tempfile.TemporaryDirectory() as folder:
        again = Path(folder) / "again"  # what the engine calls to start itself anew, which it does to merge
        again.write_text(f'#!/bin/sh\nexec "{sys.executable}" "{__file__}" --engine {target} "$@"\n')
        again.chmod(0o755)
        atheris.Setup([str(again), *options], lambda data: throw(target, data) and None)
        atheris.Fuzz()


def keep(target: str, found: Path) -> None:
    """Keep the inputs of ``found`` that reach what the kept ones do not."""
    kept = CORPUS / target
    kept.mkdir(parents=True, exist_ok=True)
    small = [path for path in found.iterdir() if path.stat().st_size <= MOST_BYTES]
    with tempfile.TemporaryDirectory() as folder:
        merged, chosen = Path(folder) / "merged", Path(folder) / "small"
        merged.mkdir()
        chosen.mkdir()
        for path in [*small, *kept.iterdir()]:
            data = path.read_bytes()
            (chosen / hashlib.sha1(data).hexdigest()).write_bytes(data)
        engine(target, ["-merge=1", "-verbosity=0", f"-artifact_prefix={folder}/", str(merged), str(chosen)])
        names = sorted(path.name for path in merged.iterdir())[:MOST_FILES]
        for path in kept.iterdir():
            if not path.name.startswith("fell-"):
                path.unlink()
        for name in names:
            (kept / name[:12]).write_bytes((merged / name).read_bytes())


def engine(target: str, options: list[str]) -> int:
    command = [sys.executable, __file__, "--engine", target, *options]
    return subprocess.run(command, check=False).returncode


def run(target: str, seconds: int) -> bool:
    """Fuzz one target; whether it held."""
    from tests.bad_inputs.fuzzing import SEEDS

    kept = CORPUS / target
    kept.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        found, seeds, fallen = (Path(folder) / name for name in ("found", "seeds", "fallen"))
        for path in (found, seeds, fallen):
            path.mkdir()
        for number, seed in enumerate(SEEDS.get(target, [])):
            (seeds / str(number)).write_bytes(seed)
        limits = [f"-max_total_time={seconds}", f"-max_len={MOST_BYTES}", "-timeout=10", "-rss_limit_mb=3000"]
        code = engine(target, [*limits, f"-artifact_prefix={fallen}/", "-verbosity=0", *map(str, (found, kept, seeds))])
        for path in fallen.iterdir():
            (kept / f"fell-{path.name[-12:]}").write_bytes(path.read_bytes())
        keep(target, found)
    return code == 0


def main() -> None:
    if sys.argv[1:2] == ["--engine"]:
        fuzz_one(sys.argv[2], sys.argv[3:])
        return
    from tests.bad_inputs.fuzzing import TARGETS

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=30)
    parser.add_argument("targets", nargs="*", default=list(TARGETS))
    given = parser.parse_args()
    if unknown := sorted(set(given.targets) - set(TARGETS)):
        parser.error(f"no target {', '.join(unknown)}; there are {', '.join(TARGETS)}")
    seconds = max(5, round(given.minutes * 60 / len(given.targets)))
    fell = [target for target in given.targets if not run(target, seconds)]
    sys.exit(f"fell: {', '.join(fell)}; see {CORPUS}" if fell else 0)


if __name__ == "__main__":
    main()
