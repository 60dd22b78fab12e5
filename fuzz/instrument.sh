#!/usr/bin/env bash
# Stands before rustc: compiles with coverage instrumentation whatever goes into a fuzz target, but not the arithmetic of
# cryptography, whose branches tell a fuzzer nothing and which it makes ten times as slow.
set -euo pipefail
rustc=$1 && shift
flags=(-Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4
  -Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table
  -Cllvm-args=-sanitizer-coverage-trace-compares)
plain=" p256 p384 primeorder primefield elliptic_curve crypto_bigint ff group wnaf ecdsa rfc6979 curve25519_dalek ed25519_dalek
 sha2 sha3 keccak digest block_buffer aes cbc cipher hmac hkdf argon2 blake2 chacha20 chacha20poly1305 poly1305 rsa ml_dsa
 module_lattice shake sponge_cursor ring subtle zeroize typenum hybrid_array "
name='' target=''
for ((i = 1; i < $#; i++)); do
  next=$((i + 1))
  case ${!i} in
    --crate-name) name=${!next} ;;
    --target) target=${!next} ;;
  esac
done
# Build scripts and macros run on this machine and are built without a target.
if [[ -z $target || ${plain//$'\n'/ } == *" $name "* ]]; then
  flags=()
fi
exec "$rustc" "$@" "${flags[@]}"
