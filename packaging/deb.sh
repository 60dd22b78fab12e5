#!/usr/bin/env bash
# Builds the Debian package, from the release build unless CLAVIGER_PROFILE names another: packaging/deb.sh [FOLDER] prints the package's path.
#
# It lies in FOLDER, target/deb when there is none. Which files of the system it has is what `claviger setup --system`
# knows; packaging/debian/ has what only dpkg wants.
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
tree=$work/tree
program=$tree/usr/bin/claviger
doc=$tree/usr/share/doc/claviger

install -D "$PROGRAMS/claviger" "$program"
strip --strip-unneeded "$program"
"$program" setup --system --root "$tree" >/dev/null

mkdir -p "$tree/usr/share/"{bash-completion/completions,zsh/vendor-completions,fish/vendor_completions.d,man/man1,claviger}
"$program" completions bash >"$tree/usr/share/bash-completion/completions/claviger"
"$program" completions zsh >"$tree/usr/share/zsh/vendor-completions/_claviger"
"$program" completions fish >"$tree/usr/share/fish/vendor_completions.d/claviger.fish"
"$program" man | gzip -9n >"$tree/usr/share/man/man1/claviger.1.gz"
cp -r extension/dist "$tree/usr/share/claviger/extension"

version=$("$program" --version | cut -d' ' -f2)
architecture=$(dpkg --print-architecture)
maintainer=$(sed -n 's/^Maintainer: //p' packaging/debian/control.in)

install -D -m 644 -t "$doc" README.md SECURITY.md ARCHITECTURE.md
install -D -m 644 -t "$doc/docs" docs/*.md
install -D -m 644 -t "$doc/docs/images" docs/images/*
# In the form that Debian reads: each line indented, an empty one a dot.
mit=$(sed -e 's/^/ /' -e 's/^ *$/ ./' LICENSE-MIT)
awk -v mit="$mit" '$0 == "@MIT@" { print mit; next } { print }' packaging/debian/copyright >"$doc/copyright"
node packaging/notices.mjs >"$work/notices"
gzip -9n <"$work/notices" >"$doc/NOTICES.gz"
gzip -9n >"$doc/changelog.gz" <<TEXT
claviger ($version) unstable; urgency=medium

  * What changed is told by the project's history.

 -- $maintainer  $(LC_ALL=C date -u -R -d "@$SOURCE_DATE_EPOCH")
TEXT

# dpkg-shlibdeps looks for a source package around it.
mkdir -p "$work/debian" "$tree/DEBIAN" && touch "$work/debian/control"
libraries=$(cd "$work" && dpkg-shlibdeps -O "$program" 2>/dev/null | sed -n 's/^shlibs:Depends=//p')
sed -e "s/@VERSION@/$version/" -e "s/@ARCHITECTURE@/$architecture/" -e "s/@LIBRARIES@/$libraries/" \
  -e "s/@SIZE@/$(du -sk --apparent-size --exclude=DEBIAN "$tree" | cut -f1)/" packaging/debian/control.in >"$tree/DEBIAN/control"
install -m 755 -t "$tree/DEBIAN" packaging/debian/{postinst,prerm,postrm}
# An administrator's changes to these stay.
(cd "$tree" && find etc -type f -printf '/%p\n' | sort) >"$tree/DEBIAN/conffiles"
(cd "$tree" && find usr -type f -print0 | sort -z | xargs -0 md5sum) >"$tree/DEBIAN/md5sums"
chmod -R u=rwX,go=rX "$tree"

mkdir -p "$folder"
package=$folder/claviger_${version}_$architecture.deb
dpkg-deb --root-owner-group -Zxz --build "$tree" "$package" >&2
echo "$package"
