#!/usr/bin/env bash
# Compiles the crates that must stay free of any machine around them for a browser: wasm32-unknown-unknown, Rust alone.
#
# With a toolchain that has the target that is one cargo call. Debian's has not, but it has the standard library's source:
# then the standard library is built too, with Debian's rustc for the web.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
# shellcheck source=scripts/need.sh
source scripts/need.sh

target=wasm32-unknown-unknown
crates=(claviger-ctap claviger-joint claviger-account)
build=(check --quiet --locked "${crates[@]/#/--package=}" --no-default-features --target "$target"
  --features "claviger-ctap/es384,claviger-ctap/ml-dsa,claviger-ctap/js")
# A folder of its own: another compiler's files would push out those of the other builds. No optimisation: nothing runs.
export CARGO_TARGET_DIR="$CARGO_TARGET_DIR/wasm"
build+=(--config 'profile.dev.package."*".opt-level=0' --config 'profile.dev.debug=false')

need_rust
if compgen -G "$(rustc --print target-libdir --target "$target")/libcore-*" >/dev/null; then
  cargo "${build[@]}"
else
  need_packages \
    "rustc-web:/usr/share/doc/rustc-web:a compiler for browsers" \
    "cargo-web:/usr/share/doc/cargo-web:its cargo" \
    "rust-web-src:/usr/share/doc/rust-web-src:the standard library's source"
  RUSTC_BOOTSTRAP=1 RUSTC=/usr/bin/rustc /usr/bin/cargo "${build[@]}" -Zbuild-std=std,panic_abort
fi
say "${crates[*]} build for $target"
