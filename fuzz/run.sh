#!/usr/bin/env bash
# fuzz/run.sh [SECONDS [TARGET...]]: builds the fuzz targets with coverage instrumentation and runs all of them, or those
# that are named, one on each processor, each for SECONDS (default 20).
#
# Stable Rust suffices: the flags are those that cargo-fuzz passes, without the sanitizers that need nightly; they are
# in instrument.sh.
set -euo pipefail
cd "$(dirname "$0")"
seconds=${1:-20}
shift $(($# > 0))
if (($# == 0)); then
    set -- fuzz_targets/*.rs
    set -- "${@#fuzz_targets/}"
    set -- "${@%.rs}"
fi
export CARGO_TARGET_DIR=${FUZZ_TARGET_DIR:-$PWD/../target/fuzz}
host=$(rustc -vV | sed -n 's/^host: //p')
export RUSTFLAGS="--cfg fuzzing -Clink-dead-code -Ccodegen-units=1"
export RUSTC_WRAPPER=$PWD/instrument.sh
cargo build --release --quiet --locked --target "$host"
results=$(mktemp -d)
trap 'rm -rf "$results"' EXIT

# fuzz TARGET: a line that begins with "ok" or "FAILED" in a file of its own.
fuzz() {
    local target=$1
    mkdir -p "$CARGO_TARGET_DIR/corpus/$target" "corpus/$target"
    if "$CARGO_TARGET_DIR/$host/release/$target" -max_total_time="$seconds" -timeout=10 -rss_limit_mb=1024 -max_len=8192 \
        -print_final_stats=1 -artifact_prefix="$CARGO_TARGET_DIR/" "$CARGO_TARGET_DIR/corpus/$target" "corpus/$target" \
        >"$CARGO_TARGET_DIR/$target.log" 2>&1; then
        echo "ok      $target: $(sed -n 's/^stat::number_of_executed_units: *//p' "$CARGO_TARGET_DIR/$target.log") executions," \
            "$(grep -oE 'cov: [0-9]+' "$CARGO_TARGET_DIR/$target.log" | tail -1)"
    else
        echo "FAILED  $target: see $CARGO_TARGET_DIR/$target.log"
        tail -20 "$CARGO_TARGET_DIR/$target.log"
    fi >"$results/$target"
    cat "$results/$target"
}

running=0
for target; do
    if ((running >= $(nproc))); then wait -n && running=$((running - 1)); fi
    fuzz "$target" &
    running=$((running + 1))
done
wait
passed=$(grep -l '^ok ' "$results"/* | wc -l)
echo "$passed passed, $(($# - passed)) failed"
((passed == $#))
