#!/bin/sh
# Installs what Sheaf needs: Debian packages (as root; otherwise names them and stops) and the
# pinned requirements in .venv. `setup.sh test` adds the tools for tests. Quick the second time.
set -eu
cd "$(dirname "$0")/.."

packages="poppler-utils tesseract-ocr tesseract-ocr-eng tesseract-ocr-osd fonts-dejavu-core
  fonts-breip fonts-comic-neue fonts-dkg-handwriting fonts-humor-sans fonts-sjfonts"
requirements=requirements.txt
if [ "${1:-}" = test ]; then
  packages="$packages chromium gettext postgresql redis-server"
  requirements=tests/requirements.txt
fi

python=""
for candidate in python3.11 python3; do
  if "$candidate" -c 'import sys; sys.exit(sys.version_info[:2] != (3, 11))' 2>/dev/null; then
    python=$candidate
    break
  fi
done
if [ -z "$python" ]; then
  echo "Sheaf needs Python 3.11, and neither python3.11 nor python3 is one. On Debian 12:" >&2
  echo "  apt-get install python3.11" >&2
  exit 1
fi
# Debian leaves the part of Python that makes virtual environments in a package of its own.
"$python" -c 'import ensurepip, venv' 2>/dev/null || packages="$packages python3.11-venv"

missing=""
for package in $packages; do
  dpkg-query -W -f='${db:Status-Status}' "$package" 2>/dev/null | grep -qx installed ||
    missing="$missing $package"
done
if [ -n "$missing" ]; then
  if [ "$(id -u)" != 0 ]; then
    echo "These Debian packages are missing. Install them as root and run make again:" >&2
    echo "  apt-get update && apt-get install --no-install-recommends$missing" >&2
    exit 1
  fi
  echo "Installing$missing"
  export DEBIAN_FRONTEND=noninteractive
  apt-get update -q=2
  # shellcheck disable=SC2086  # a list of names
  apt-get install -y -q=2 -o Dpkg::Use-Pty=0 --no-install-recommends $missing
fi

# A half-made environment is the system's Python under another name: it must never be used.
in_environment='import sys; sys.exit(sys.prefix == sys.base_prefix)'
if ! { .venv/bin/python -c "$in_environment" && .venv/bin/pip --version; } >/dev/null 2>&1; then
  echo "Making .venv"
  "$python" -m venv --clear .venv
fi
# The stamp is written last: an interrupted install is begun anew.
stamp=.venv/installed
wanted=$(cat requirements.txt "$requirements" | sha256sum)
if ! grep -qsxF "$wanted" "$stamp"; then
  echo "Installing $requirements (about a minute the first time)"
  .venv/bin/python -m pip install --quiet --disable-pip-version-check -r "$requirements"
  echo "$wanted" >>"$stamp"
fi
# The catalogues of translations; at every time, since an update brings new texts.
.venv/bin/pybabel --quiet compile --directory config/locale --domain django
