#!/usr/bin/env bash
# All checks: starts the services that the tests need, runs lint, types and tests, stops them again.
# What cannot be brought here is skipped by the tests, with the reason.
set -uo pipefail
cd "$(dirname "$0")/.."
bin=.venv/bin
home=${ES_HOME:-$PWD/.elasticsearch}
case $home in /root/*) home=/var/tmp/search-rerank-elasticsearch-$(id -u);; esac  # the server's user must read it

install() {  # Debian packages, where we may; otherwise the tests say what is missing
  [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null || return 0
  local missing=()
  [ -n "${SEARCH_RERANK_ES_URL:-}" ] || { command -v javac && command -v mvn; } >/dev/null \
    || missing+=(openjdk-17-jdk-headless maven)
  command -v curl >/dev/null || missing+=(curl)
  [ -x /usr/bin/chromium ] && [ -x /usr/bin/chromedriver ] || missing+=(chromium chromium-driver)
  command -v redis-server >/dev/null || missing+=(redis-server)
  [ ${#missing[@]} = 0 ] && return 0
  apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null \
    || echo "could not install ${missing[*]}: their tests will be skipped" >&2
}

install
started=
if [ -z "${SEARCH_RERANK_ES_URL:-}" ]; then
  if url=$(bash tests/elasticsearch/start.sh "$home"); then
    export SEARCH_RERANK_ES_URL=$url
    started=1
  else
    echo "Elasticsearch did not start: its tests will be skipped" >&2
  fi
fi
finish() { [ -z "$started" ] || bash tests/elasticsearch/stop.sh "$home"; }
trap finish EXIT

status=0
$bin/ruff check . || status=1
$bin/ruff format --check --quiet . || status=1
$bin/mypy || status=1
$bin/pytest -q -m "not cluster" "$@" || status=1  # another -m replaces this one
exit $status
