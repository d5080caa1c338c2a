#!/usr/bin/env bash
# The section of a version in CHANGELOG.md, as notes of its release.
#   tools/release_notes.sh 0.1.0
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
[ $# = 1 ] || { echo "ERROR: usage: tools/release_notes.sh VERSION" >&2; exit 2; }
notes=$(awk -v head="## $1 (" 'index($0, "## ") == 1 { on = index($0, head) == 1; next } on' CHANGELOG.md)
[ -n "$notes" ] || { echo "ERROR: CHANGELOG.md has no version $1" >&2; exit 2; }
echo "$notes"
