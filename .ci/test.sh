#!/bin/sh
# Every check and every test; `make test` installs what they need first.
# PYTEST_WORKERS=4 sets how many test processes run at once: the slow tests wait for servers most
# of their time. Tables come straight from the models (--nomigrations); the migrations run for
# real where slow tests start a site, on both databases.
set -eu
cd "$(dirname "$0")/.."
export PATH="$PWD/.venv/bin:$PATH"
workers="${PYTEST_WORKERS:-4}"

# Checks and tests never touch the data folder of a demo, and read no .env.
export PYTHON_DOTENV_DISABLED=1
SHEAF_DATA_DIR=$(mktemp -d -t sheaf-checks-XXXXXX)
export SHEAF_DATA_DIR
trap 'rm -rf "$SHEAF_DATA_DIR"' EXIT

step() {
  echo
  echo "== $*"
}

step ruff
ruff check .
ruff format --check .

step "Django's checks"
python manage.py check --fail-level WARNING
python manage.py makemigrations --check --dry-run
SHEAF_ENV=production SHEAF_SECRET_KEY=$(python -c 'import secrets; print(secrets.token_urlsafe(50))') \
  SHEAF_SITE_URL=https://sheaf.example.org SHEAF_ALLOWED_HOSTS=sheaf.example.org \
  python manage.py check --deploy --fail-level WARNING

step mypy
mypy

step "tests on SQLite"
pytest --nomigrations -n "$workers" --dist loadfile --no-loadscope-reorder -m "not postgres"

step "tests on PostgreSQL and Redis"
python -m tests.servers run -- pytest --nomigrations -n "$workers" --dist loadfile --no-loadscope-reorder -m "not slow"
