#!/usr/bin/env bash
# Holds the walls of the house: what a crate or a module may use, beyond what its Cargo.toml already says.
#
# Prints each break with its place and ends with 1, or says nothing and ends with 0. The reasons stand in ARCHITECTURE.md.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
# shellcheck source=scripts/breaks.sh
source scripts/breaks.sh

# Crates with no machine around them: no runtime, bus, database or file, themselves or through what they use.
pure=(claviger-ctap claviger-webauthn claviger-joint claviger-account)
machine='tokio|zbus|rusqlite'

# product FOLDER PATTERN: where the code that is shipped, without comments and tests, has the pattern.
# shellcheck disable=SC2016 # awk expands what stands in single quotes
product() {
  find "$1" -name '*.rs' ! -path '*/tests/*' ! -name tests.rs ! -name fixtures.rs ! -path '*/interleavings*' -print0 | sort -z |
    xargs -0 awk -v pattern="$2" '
      FNR == 1 { tests = 0 }
      /^#\[cfg\(test\)\]/ { tests = 1 }
      !tests && !/^ *\/\// && $0 ~ pattern { print FILENAME ":" FNR ": " $0 }'
}

# outside PATH...: drops the lines of these files and folders.
outside() {
  grep -vE "^($(IFS='|' && printf '%s' "$*"))(/|\.rs:)" || true
}

for crate in "${pure[@]}"; do
  cargo tree --quiet --locked --package "$crate" --edges normal --prefix none --format '{p}' |
    { grep -E "^($machine) " || true; } | sort -u | breaks "$crate is pure, but depends on"
  product "crates/${crate#claviger-}/src" 'std::(fs|net|process|env)[^a-z_]|std::\{[^}]*(fs|net|process|env)::' |
    breaks "$crate is pure, but touches the machine:"
done

product crates/broker/src '(^|[^a-z_])zbus([^a-z_]|$)' | outside crates/broker/src/daemon crates/broker/src/dbus |
  breaks "Only the broker's daemon and dbus speak D-Bus, but:"

# What a door is like is said by its traits, its name in one place outside the broker.
product crates/broker/src 'Door::Hid|"(hid|browser|portal|cli)"' | breaks "The broker knows no door by name, but:"

# A provider's id is parsed where it comes in: from the bus, a manifest or a file of the broker's. From there on it is a type.
product crates/broker/src 'ProviderId::parse' | outside crates/broker/src/daemon crates/broker/src/dbus crates/broker/src/registry \
  crates/broker/src/cache/file crates/broker/src/rules crates/broker/src/unconfirmed |
  breaks "A provider's id is parsed once, where it comes in, but:"

# What tests share is in no program.
for program in claviger claviger-virtual-key claviger-prompt; do
  cargo tree --quiet --locked --package "$program" --edges normal,build --prefix none --format '{p}' |
    { grep '^claviger-dev ' || true; } | sort -u | breaks "$program is shipped, but depends on"
done

# A machine without a display needs nothing of the windows, and the windows hold nothing of what the platform knows.
cargo tree --quiet --locked --package claviger --edges normal --prefix none --format '{p}' |
  { grep -E '^(claviger-prompt|gtk4|libadwaita|glib) ' || true; } | sort -u | breaks "claviger has no window, but depends on"
cargo tree --quiet --locked --package claviger-prompt --edges normal --prefix none --format '{p}' |
  { grep -E '^claviger-(broker|hello|vault|account|doors|provider|webauthn|files) ' || true; } | sort -u |
  breaks "A window draws what the broker says, but depends on"

# Text is drawn as it is, and escaped where a widget knows nothing but markup. Others choose much of it.
product crates/prompt/src 'markup' | { grep -v 'markup_escape_text(' || true; } | breaks "No window reads text as markup, but:"

# Whatever a person reads goes through the one sanitiser. The native host's output is a browser's.
product crates/claviger/src 'io::(stdout|stderr)|io::\{[^}]*(stdout|stderr)' | outside crates/claviger/src/output crates/claviger/src/roles |
  breaks "Only output.rs has the terminal, but:"

exit "$broken"
