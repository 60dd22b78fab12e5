#!/usr/bin/env bash
# Builds the Debian packages, from the release build unless CLAVIGER_PROFILE names another: packaging/deb.sh [FOLDER] prints their paths.
#
# They lie in FOLDER, target/deb when there is none: `claviger`, and `claviger-gtk` with the windows. Which files of the system the first
# has is what `claviger setup --system` knows; packaging/debian/ has what only dpkg wants.
set -euo pipefail
folder=$(realpath -m -- "${1:-${CARGO_TARGET_DIR:-$(dirname "${BASH_SOURCE[0]}")/../target}/deb}")
cd "$(dirname "${BASH_SOURCE[0]}")/.."
# shellcheck source=scripts/need.sh
source scripts/need.sh
umask 022

need_deb() {
  need_build && need_node && need_packages \
    "dpkg-dev:dpkg-shlibdeps:finds out which libraries the package needs" \
    "binutils:strip:leaves the symbols out of the package" &&
    build_extension && build_platform
}

need_deb >&2 || { echo "No package was built." >&2; exit 1; }

# The same commit makes the same package. Not before the build: it would build all C code anew.
SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct 2>/dev/null || date +%s)}
export SOURCE_DATE_EPOCH

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
architecture=$(dpkg --print-architecture)
version=$("$PROGRAMS/claviger" --version | cut -d' ' -f2)
maintainer=$(sed -n 's/^Maintainer: //p' packaging/debian/claviger.control.in)

main() {
  mkdir -p "$folder"
  claviger_tree "$work/claviger"
  package claviger
  gtk_tree "$work/claviger-gtk"
  package claviger-gtk
}

# What the platform consists of, below TREE.
claviger_tree() {
  local tree=$1 program=$1/usr/bin/claviger doc=$1/usr/share/doc/claviger
  program "$tree" claviger
  "$program" setup --system --root "$tree" >/dev/null
  mkdir -p "$tree/usr/share/"{bash-completion/completions,zsh/vendor-completions,fish/vendor_completions.d,man/man1,claviger}
  "$program" completions bash >"$tree/usr/share/bash-completion/completions/claviger"
  "$program" completions zsh >"$tree/usr/share/zsh/vendor-completions/_claviger"
  "$program" completions fish >"$tree/usr/share/fish/vendor_completions.d/claviger.fish"
  "$program" man | gzip -9n >"$tree/usr/share/man/man1/claviger.1.gz"
  cp -r extension/dist "$tree/usr/share/claviger/extension"
  for_all_users "$tree/usr/share/chromium/extensions/claviger"
  install -D -m 644 -t "$doc" README.md SECURITY.md ARCHITECTURE.md
  install -D -m 644 -t "$doc/docs" docs/*.md
  install -D -m 644 -t "$doc/docs/images" docs/images/*
}

# The extension where Debian's Chromium loads it for every user, in FOLDER: that copy waits until its user wants it.
for_all_users() {
  mkdir -p "$(dirname "$1")"
  cp -r extension/dist "$1"
  sed -i 's/^export const FOR_ALL_USERS = false;$/export const FOR_ALL_USERS = true;/' "$1/install.js"
  grep -q 'FOR_ALL_USERS = true' "$1/install.js"
}

# The window that asks, and what starts it; the settings.
gtk_tree() {
  local tree=$1
  program "$tree" claviger-prompt
  program "$tree" claviger-settings
  filled packaging/systemd/user/claviger-prompt.service.in "$tree/usr/lib/systemd/user"
  filled packaging/dbus/org.claviger.Prompt.service.in "$tree/usr/share/dbus-1/services"
  install -D -m 644 -t "$tree/usr/share/applications" packaging/applications/*.desktop
  install -D -m 644 -t "$tree/usr/share/metainfo" packaging/metainfo/*.xml
  (cd packaging/icons && find . -name '*.svg' -exec install -D -m 644 {} "$tree/usr/share/icons/{}" \;)
}

# The file that TEMPLATE makes with the path of the window that asks, in FOLDER.
filled() {
  mkdir -p "$2"
  sed 's|@PROGRAM@|/usr/bin/claviger-prompt|' "$1" >"$2/$(basename "$1" .in)"
}

# A program of the build, without its symbols, below TREE.
program() {
  install -D "$PROGRAMS/$2" "$1/usr/bin/$2"
  strip --strip-unneeded "$1/usr/bin/$2"
}

# Makes the package NAME of $work/NAME, with what every package has.
package() {
  local name=$1 tree=$work/$1 doc=$work/$1/usr/share/doc/$1 libraries mit script
  mkdir -p "$doc" "$tree/DEBIAN" "$tree/usr/share/lintian/overrides"
  # In the form that Debian reads: each line indented, an empty one a dot.
  mit=$(sed -e 's/^/ /' -e 's/^ *$/ ./' LICENSE-MIT)
  awk -v mit="$mit" '$0 == "@MIT@" { print mit; next } { print }' packaging/debian/copyright >"$doc/copyright"
  node packaging/notices.mjs "$([[ $name == claviger ]] && echo claviger || echo claviger-prompt)" >"$work/notices"
  gzip -9n <"$work/notices" >"$doc/NOTICES.gz"
  gzip -9n >"$doc/changelog.gz" <<TEXT
claviger ($version) unstable; urgency=medium

  * What changed is told by the project's history.

 -- $maintainer  $(LC_ALL=C date -u -R -d "@$SOURCE_DATE_EPOCH")
TEXT
  install -m 644 "packaging/debian/$name.lintian-overrides" "$tree/usr/share/lintian/overrides/$name"
  # dpkg-shlibdeps looks for a source package around it.
  mkdir -p "$work/debian" && touch "$work/debian/control"
  libraries=$(cd "$work" && dpkg-shlibdeps -O "$tree"/usr/bin/* 2>/dev/null | sed -n 's/^shlibs:Depends=//p')
  sed -e "s/@VERSION@/$version/" -e "s/@ARCHITECTURE@/$architecture/" -e "s/@LIBRARIES@/$libraries/" \
    -e "s/@SIZE@/$(du -sk --apparent-size --exclude=DEBIAN "$tree" | cut -f1)/" "packaging/debian/$name.control.in" >"$tree/DEBIAN/control"
  for script in postinst prerm postrm; do
    if [[ -f packaging/debian/$name.$script ]]; then install -m 755 "packaging/debian/$name.$script" "$tree/DEBIAN/$script"; fi
  done
  # An administrator's changes to these stay.
  (cd "$tree" && if [[ -d etc ]]; then find etc -type f -printf '/%p\n' | sort >DEBIAN/conffiles; fi)
  (cd "$tree" && find usr -type f -print0 | sort -z | xargs -0 md5sum) >"$tree/DEBIAN/md5sums"
  chmod -R u=rwX,go=rX "$tree"
  dpkg-deb --root-owner-group -Zxz --build "$tree" "$folder/${name}_${version}_$architecture.deb" >&2
  echo "$folder/${name}_${version}_$architecture.deb"
}

main
