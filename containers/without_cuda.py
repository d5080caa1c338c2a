#!/usr/bin/env python3
"""Leave torch and the CUDA packages out of a lock file; print the requirement of torch, to be met elsewhere.

without_cuda.py requirements.lock cpu.lock > torch.txt
"""

import re
import sys
from pathlib import Path

CUDA = r"(nvidia-|cuda-|triton$|torch$)"


def without_cuda(text):
    """A lock file as (text without torch and CUDA, requirement of torch)."""
    blocks = re.findall(r"(?m)^\S.*(?:\n[ \t].*)*", text)
    name = {block: re.match(r"[A-Za-z0-9._-]+", block).group() for block in blocks}
    kept = [block for block in blocks if not re.match(CUDA, name[block])]
    torch = next(re.match(r"torch==[^\s;\\]+", block).group() for block in blocks if name[block] == "torch")
    return "\n".join(kept) + "\n", torch


if __name__ == "__main__":
    kept, torch = without_cuda(Path(sys.argv[1]).read_text())
    Path(sys.argv[2]).write_text(kept)
    print(torch)
