# Everyday commands. `just` alone lists them.

_default:
    @just --list

# Run the server on 127.0.0.1:9092 with data in ./data
run *args:
    cargo run --release --bin millstream -- {{args}}

# All tests
test *args:
    cargo test --workspace {{args}}

# Measure the whole server; see docs/performance.md
bench *args:
    cargo bench -p millstream-protocol-tests --bench whole -- {{args}}

# Mixed load with kill -9 at random moments, and a verdict on every record
soak *args:
    cargo run --release -p millstream-protocol-tests --example soak -- {{args}}

# Transfers in transactions, with workers and server killed at random moments, and a verdict on every cent
bank *args:
    cargo run --release -p millstream-protocol-tests --bin bank -- {{args}}

# What has to be clean before a change is proposed
check:
    cargo fmt --all --check
    cargo clippy --workspace --all-targets
    RUSTDOCFLAGS="-D warnings" cargo doc --workspace --no-deps
    @command -v cargo-deny >/dev/null && cargo deny check || echo "cargo-deny is not installed: skipped"

# Write docs/configuration.md from the tables
config-page:
    WRITE_CONFIG_PAGE=1 cargo test -p millstream-broker --lib the_configuration_page_is_up_to_date

# Write docs/protocol.md from the list of APIs
protocol-page:
    WRITE_PROTOCOL_PAGE=1 cargo test -p millstream-wire --lib protocol_table

# Feed one fuzz target for as many seconds; see fuzz/README.md
fuzz target seconds="300":
    RUSTC_BOOTSTRAP=1 cargo fuzz run {{target}} -- -max_total_time={{seconds}}

# Do anything to a store over a disk that fails in any way, for as many seconds; prints its seed
faults seconds="3600":
    MILLSTREAM_FAULTS_SECONDS={{seconds}} cargo test --release -p millstream-store --test faults -- --nocapture

# Every client suite whose toolchain is there
clients *names:
    protocol-tests/clients/run-all {{names}}

# Prove compose.yaml end to end; needs a Docker engine
compose-proof:
    protocol-tests/compose/run

# Everything that continuous integration does
ci:
    .ci/run
