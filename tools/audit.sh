#!/usr/bin/env bash
# Known vulnerabilities of the locked packages: exit 1 if there are any, 0 with a line if the service cannot be reached.
#   tools/audit.sh [LOCK ...]      default: the lock files of the images
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
[ $# -gt 0 ] || set -- containers/core/requirements.lock containers/cellbender/requirements.lock
FOUND=0
REPORT=$(mktemp)
trap 'rm -f "$REPORT"' EXIT
PIP_AUDIT=${PIP_AUDIT:-pip-audit}
command -v "$PIP_AUDIT" >/dev/null || { echo "ERROR: pip-audit is not installed (pip install pip-audit)" >&2; exit 2; }
for lock in "$@"; do
    : >"$REPORT"
    # its status is 1 for a vulnerability and for a lost connection alike: only the former leaves a report
    "$PIP_AUDIT" --disable-pip --require-hashes --no-deps --timeout 15 --format json --output "$REPORT" -r "$lock" 2>"$REPORT.err" || true
    if [ ! -s "$REPORT" ]; then
        echo "audit: $lock not audited: $(tail -1 "$REPORT.err")"
    elif python3 - "$REPORT" "$lock" <<'CHECK'; then
import json, sys
hits = [(one["name"], one["version"], bug["id"]) for one in json.load(open(sys.argv[1]))["dependencies"] for bug in one.get("vulns", [])]
print("\n".join(f"audit: {sys.argv[2]}: {name} {version}: {bug}" for name, version, bug in hits) or f"audit: {sys.argv[2]}: no known vulnerability")
sys.exit(bool(hits))
CHECK
        :
    else
        FOUND=1
    fi
    rm -f "$REPORT.err"
done
exit $FOUND
