#!/bin/sh
# Prepares the database and the invented class, then runs web, workers, beat and the demo's
# teacher until Ctrl-C. What it makes stays in the data folder for the next start.
# PORT=8000, PROVIDER=offline (a configured provider's name) and FLOWER=1 may be set. With
# PROVIDER=openai, gemini or local an emulator stands in for the vendor, also where a key is set:
# an invented class is not worth a bill. EMULATOR_PORT is one above PORT unless it is set.
set -eu
cd "$(dirname "$0")/.."

export PATH="$PWD/.venv/bin:$PATH"
if [ -e .env ] && [ ! -r .env ]; then
  echo "$PWD/.env cannot be read. Give $(id -un) the right to read it, or move it away." >&2
  exit 3
fi
# As the settings read it, so that PORT and PROVIDER may stand there too.
variables=$(python -c '
import os, shlex
from dotenv import dotenv_values
for name, value in dotenv_values(".env", interpolate=False).items():
    if value is not None and name not in os.environ:
        print(f"export {name}={shlex.quote(value)}")
')
eval "$variables"
export PORT="${PORT:-8000}"
export SHEAF_SITE_URL="${SHEAF_SITE_URL:-http://127.0.0.1:$PORT}"
export SHEAF_DEFAULT_PROVIDER="${PROVIDER:-${SHEAF_DEFAULT_PROVIDER:-offline}}"
# Somebody is watching: find lost work sooner than in production.
export SHEAF_LEASE_SECONDS="${SHEAF_LEASE_SECONDS:-120}"
export SHEAF_SWEEP_SECONDS="${SHEAF_SWEEP_SECONDS:-15}" SHEAF_POLL_SECONDS="${SHEAF_POLL_SECONDS:-30}"
export SHEAF_LOG_LEVEL="${SHEAF_LOG_LEVEL:-WARNING}"
# Celery's warning to root is for servers; a demo in a virtual machine is often root's.
export PYTHONWARNINGS="${PYTHONWARNINGS:-ignore:You're running the worker with superuser}"

case "$SHEAF_DEFAULT_PROVIDER" in
  openai | gemini | local)
    # A named configuration could lead past the emulator.
    export SHEAF_PROVIDERS=
    export EMULATOR_PORT="${EMULATOR_PORT:-$((PORT + 1))}"
    variables=$(python manage.py run_emulator "$SHEAF_DEFAULT_PROVIDER" \
      --port "$EMULATOR_PORT" --environment)
    eval "$variables"
    ;;
  *) unset EMULATOR_PORT ;;
esac

python manage.py migrate --verbosity 0
python manage.py seed_demo --verbosity 0
exec python .ci/demo.py
