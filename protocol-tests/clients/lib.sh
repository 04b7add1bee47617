# What every client's `run` shares: finding a toolchain, and a broker to run against. Sourced by bash, never run.
#
#   needs go            stops with exit code 77 (skipped) and the reason, unless `go` is installed
#   serve "$@"          sets BOOTSTRAP to the first argument, or starts a Millstream of its own (the binary MILLSTREAM, or a debug
#                       build), stopped at exit, with its data in DATA
#
# Everything that is downloaded or built goes below OUT, inside the ignored `target` directory; nothing is installed globally.

set -euo pipefail

HERE=$(cd "$(dirname "$0")" && pwd)
ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
OUT=${CARGO_TARGET_DIR:-$ROOT/target}/clients/$(basename "$HERE")
mkdir -p "$OUT"

# What has to be undone at the end, whatever the end is.
undo=()
trap 'for step in "${undo[@]}"; do $step; done' EXIT

skip() {
    echo "SKIPPED $(basename "$HERE"): $*"
    exit 77
}

needs() {
    for tool in "$@"; do
        command -v "$tool" >/dev/null || skip "$tool is not installed"
    done
}

answers() {
    (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null
}

free_port() {
    local port
    while port=$((20000 + RANDOM % 12000)) && answers "$port"; do :; done
    echo "$port"
}

# Ends a process of ours and waits until it has.
stop() {
    kill "$1" 2>/dev/null && wait "$1" || true
}

serve() {
    if [ $# -gt 0 ]; then
        BOOTSTRAP=$1
        return
    fi
    local binary=${MILLSTREAM:-${CARGO_TARGET_DIR:-$ROOT/target}/debug/millstream} port tries
    [ -n "${MILLSTREAM:-}" ] || { needs cargo && (cd "$ROOT" && cargo build --quiet --package millstream-server); }
    DATA=$OUT/data
    rm -rf "$DATA"
    port=$(free_port)
    "$binary" serve --set "listeners=PLAINTEXT://127.0.0.1:$port" --set "log.dirs=$DATA" >"$OUT/server.log" 2>&1 &
    undo+=("stop $!")
    for ((tries = 0; tries < 200; tries++)); do
        kill -0 "$!" 2>/dev/null || break
        if answers "$port"; then
            BOOTSTRAP=127.0.0.1:$port
            return
        fi
        sleep 0.05
    done
    cat "$OUT/server.log"
    echo "the server did not start"
    exit 1
}

# Makes a virtual environment with the packages that requirements.txt pins, once.
python_environment() {
    needs python3
    if ! cmp -s requirements.txt "$OUT/installed.txt"; then
        python3 -m venv --clear "$OUT/venv" || skip "python3 cannot make a virtual environment"
        "$OUT/venv/bin/pip" install --quiet --disable-pip-version-check -r requirements.txt
        cp requirements.txt "$OUT/installed.txt"
    fi
}

# Fetches the jars that pom.xml pins, once, into OUT/lib.
java_libraries() {
    needs java mvn
    if ! cmp -s pom.xml "$OUT/installed.xml"; then
        rm -rf "$OUT/lib"
        mvn --quiet --batch-mode org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy-dependencies \
            -DoutputDirectory="$OUT/lib" >"$OUT/maven.log" 2>&1 || { cat "$OUT/maven.log" && exit 1; }
        cp pom.xml "$OUT/installed.xml"
    fi
}

cd "$HERE"
