#!/usr/bin/env bash
# Installs what a folder lists on Debian 12: the packages of its
# debian-packages.txt and a Python environment with its requirements.txt. The
# default folder, utils, lists what building and testing need.
# mlir_ssm is on the environment's path from build/python, where `make build`
# makes it. What is present is left alone, and then no network is touched.
#
# Usage: utils/setup.sh [VENV [FOLDER]]   (default: build/venv utils)
set -euo pipefail

root=$(cd "$(dirname "$0")/.." && pwd)
venv=${1:-$root/build/venv}
here=$(cd "${2:-$root/utils}" && pwd)
python=${PYTHON:-/usr/bin/python3}

say() { printf 'setup: %s\n' "$*"; }
die() { printf 'setup: error: %s\n' "$*" >&2; exit 1; }

wanted_packages() { sed 's/#.*//' "$here/debian-packages.txt" | xargs -n1; }

# Prints the wanted packages that dpkg does not list as installed.
missing_packages() {
  comm -23 \
    <(wanted_packages | sort -u) \
    <(dpkg-query -W -f='${db:Status-Status} ${Package}\n' |
      sed -n 's/^installed //p' | sort -u)
}

install_packages() {
  command -v dpkg-query >/dev/null ||
    die "this is not a Debian system; install the equivalents of $here/debian-packages.txt by hand"
  local missing
  mapfile -t missing < <(missing_packages)
  if [ ${#missing[@]} -eq 0 ]; then
    say "Debian packages: all present"
    return
  fi
  local as_root=()
  if [ "$(id -u)" -ne 0 ]; then
    command -v sudo >/dev/null ||
      die "neither root nor sudo; as root, run: apt-get install ${missing[*]}"
    as_root=(sudo)
  fi
  say "Debian packages: installing ${missing[*]}"
  local apt=("${as_root[@]}" env DEBIAN_FRONTEND=noninteractive
    apt-get -qq -y -o DPkg::Lock::Timeout=600 -o Dpkg::Use-Pty=0)
  "${apt[@]}" update
  "${apt[@]}" install --no-install-recommends "${missing[@]}"
}

# The environment carries the requirements it was made from, so that an
# unchanged file means nothing to do.
install_python() {
  local stamp=$venv/requirements.txt
  if [ -x "$venv/bin/python" ] && cmp -s "$here/requirements.txt" "$stamp"; then
    say "Python environment: up to date"
    return
  fi
  "$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' ||
    die "$python is older than Python 3.11; set PYTHON to a newer one"
  say "Python environment: installing $(grep -vc '^#' "$here/requirements.txt") packages into $venv"
  [ -x "$venv/bin/python" ] || "$python" -m venv --clear "$venv"
  "$venv/bin/python" -m pip install --quiet --disable-pip-version-check \
    -r "$here/requirements.txt"
  cp "$here/requirements.txt" "$stamp"
}

# A rebuild then needs no installation.
link_package() {
  local link line=$root/build/python
  link=$("$venv/bin/python" -c 'import sysconfig; print(sysconfig.get_path("purelib"))')/mlir_ssm.pth
  [ "$(cat "$link" 2>/dev/null)" = "$line" ] || echo "$line" > "$link"
}

install_packages
install_python
link_package
