#!/usr/bin/env bash
# A base image from Debian's packages and this machine's Python 3.12, for building where no image registry can be reached.
#   containers/local_base.sh PYTHON [TAG]      PYTHON: a 3.12 whose folder holds bin, lib and include (pyenv, uv)
# Needs root, mmdebstrap and podman. TAG is the name in a Containerfile's FROM, so that the file builds unchanged.
set -euo pipefail
PYTHON=${1:?usage: local_base.sh PYTHON [TAG]}
TAG=${2:-docker.io/library/python:3.12-slim-bookworm}
HOME_OF_PYTHON=$("$PYTHON" -c 'import sys; assert sys.version_info[:2] == (3, 12), sys.version; print(sys.base_prefix)')
[ "$HOME_OF_PYTHON" != /usr ] || { echo "ERROR: the system's Python cannot be copied; give one of pyenv or uv" >&2; exit 1; }
ROOT=$(mktemp -d)
trap 'rm -rf "$ROOT"' EXIT
# the shared libraries that Python's own modules link to, and certificates
mmdebstrap --quiet --variant=minbase --aptopt='Acquire::Languages "none"' \
    --include=ca-certificates,libssl3,libffi8,libsqlite3-0,libbz2-1.0,liblzma5,libreadline8,libncursesw6,zlib1g,libuuid1,libexpat1,libnsl2,libtirpc3 \
    bookworm "$ROOT"
rm -rf "$ROOT"/var/cache/apt/* "$ROOT"/var/lib/apt/lists/* "$ROOT"/usr/share/{doc,man,locale}
tar -C "$HOME_OF_PYTHON" --exclude='lib/python3.12/test' --exclude='lib/python3.12/config-*' --exclude='lib/python3.12/site-packages/*' \
    --exclude='__pycache__' --exclude='*/idlelib' --exclude='*/tkinter' --exclude='*.a' --exclude='bin/pip*' -cf - bin include lib |
    tar -C "$ROOT/usr/local" -xf -
chroot "$ROOT" sh -ec 'ldconfig; cd /usr/local/bin; ln -sf python3.12 python3; ln -sf python3 python; python3 -m ensurepip --default-pip >/dev/null 2>&1'
# this machine's certificates, where a proxy has its own
cp /etc/ssl/certs/ca-certificates.crt "$ROOT/etc/ssl/certs/ca-certificates.crt"
printf '[global]\ncert = /etc/ssl/certs/ca-certificates.crt\n' >"$ROOT/etc/pip.conf"
tar -C "$ROOT" --exclude='./proc/*' --exclude='./sys/*' --exclude='./dev/*' -cf - . |
    podman import -q --change 'ENV PATH=/usr/local/bin:/usr/local/sbin:/usr/sbin:/usr/bin:/sbin:/bin' --change 'ENV LANG=C.UTF-8' - "$TAG"
