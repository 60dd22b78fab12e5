# Sourced by vm/run and vm/suite from the project's root, after scripts/need.sh: what the virtual machine is made of.
#
# Only QEMU is installed on this machine. Debian's kernel and the programs that run inside are packages too, but they
# are unpacked under target/vm: no second kernel in your boot menu, no ssh server started on your machine.
# shellcheck shell=bash

VM_CACHE="$CARGO_TARGET_DIR/vm"

# What runs in the guest besides what this project builds.
VM_PACKAGES=(dbus-daemon util-linux fido2-tools openssh-client openssh-server udev chromium firefox-esr
  systemd cryptsetup-bin libpam-u2f pamu2fcfg pamtester git)

# What a Linux of the guest's own (`vm/run -r`) is made of: a system that people log in to.
# shellcheck disable=SC2034 # for vm/suite
VM_ROOT_PACKAGES=(systemd-sysv udev dbus-user-session libpam-systemd kmod python3 fido2-tools acl)
# The same with a desktop: a login without a password, X on a screen in memory, a window manager, a browser, a screen reader's eyes.
# shellcheck disable=SC2034 # for vm/suite
VM_DESKTOP_PACKAGES=(systemd-sysv udev dbus-user-session libpam-systemd kmod python3 libgtk-4-1 libadwaita-1-0 adwaita-icon-theme fonts-dejavu-core
  greetd xinit xserver-xorg-core xserver-xorg-legacy xserver-xorg-video-dummy openbox chromium chromium-sandbox
  at-spi2-core gir1.2-atspi-2.0 python3-gi xdotool imagemagick)

# What the initial RAM disk loads, in this order; modprobe adds what these need.
VM_MODULES=(virtio_pci virtio_console virtio-rng virtiofs 9pnet_virtio 9p overlay af_packet uhid hid-generic
  loop dm-crypt xts ecb aesni-intel algif_skcipher)

# need_vm: everything that `vm/run` needs. Sets VM_KERNEL, VM_INITRD and VM_LAYER; VM_READY says that it is all there.
need_vm() {
  # shellcheck disable=SC2034 # for vm/run
  VM_KERNEL="$VM_CACHE/kernel/vmlinuz" VM_INITRD="$VM_CACHE/kernel/initrd" VM_LAYER="$VM_CACHE/layer"
  [[ -z ${VM_READY:-} ]] || return 0
  if [[ $(uname -m) != x86_64 ]]; then
    say "The virtual machine shares this machine's programs, and is made for x86_64 so far."
    return 1
  fi
  need_packages "qemu-system-x86:qemu-system-x86_64:runs a Linux with /dev/uhid, in software, whatever this machine is" \
    "xz-utils:xz:unpacks the guest's modules" || return 1
  mkdir -p "$VM_CACHE/debs/partial"
  need_vm_layer && need_vm_kernel
}

# need_vm_suite: everything that `vm/suite` needs besides. Sets VM_PYTHON.
need_vm_suite() {
  need_build && need_node && need_packages "python3-venv:/usr/share/doc/python3-venv:holds the FIDO client in Python" &&
    need_vm && need_vm_python && build_programs --package claviger-virtual-key --bin claviger-virtual-key
}

# need_vm_root NAME PACKAGE...: a Linux of the guest's own with these packages, from this machine's package sources, under target/vm/NAME.
need_vm_root() {
  local root="$VM_CACHE/$1" sources recipe suite
  shift
  if ((EUID != 0)); then
    say "Only root can lay out a root file system with its owners. Please run this part as root."
    return 1
  fi
  need_packages "mmdebstrap:mmdebstrap:lays out the small Debian that people log in to" || return 1
  vm_files install --reinstall systemd >/dev/null || return 1
  sources=$(apt-get indextargets --format "deb \$(REPO_URI) \$(RELEASE) \$(COMPONENT)" "Created-By: Packages" "Origin: Debian" | sort -u)
  suite=$(apt-get indextargets --format "\$(CODENAME)" "Created-By: Packages" "Origin: Debian" | head -n 1)
  suite=${suite%%-*}
  if [[ -z $sources ]]; then
    say "This machine's package sources are not Debian's, of which the guest's Linux is made."
    return 1
  fi
  recipe="$sources $(apt-cache policy "$@" | awk '/^[a-z]/ || /Candidate:/') $(cksum <vm/need.sh)"
  [[ -f $root.recipe && $(<"$root.recipe") == "$recipe" ]] && return 0
  say "Laying out a small Debian ($suite) for the guest under $root."
  rm -rf "$root" "$root.recipe" "$root.new" && mkdir -p "$VM_CACHE" || return 1
  mmdebstrap --quiet --mode=root --variant=minbase --include="$(IFS=, && echo "$*")" \
    "$suite" "$root.new" - <<<"$sources" >"$root.log" 2>&1 || { cat "$root.log"; return 1; }
  # Nothing is to be kept up to date there, and nobody is logged in before a test wants it.
  rm -rf "$root.new/etc/systemd/system/timers.target.wants" "$root.new/etc/systemd/system/display-manager.service"
  mv "$root.new" "$root" && printf '%s' "$recipe" >"$root.recipe"
}

# need_vm_python: Python with Yubico's library, the one that drives a key the way browsers do.
need_vm_python() {
  VM_PYTHON="$VM_CACHE/python/bin/python"
  cmp -s vm/parts/requirements.txt "$VM_CACHE/python/installed" && return 0
  say "Installing the Python package fido2 (a FIDO client) under $VM_CACHE/python."
  python3 -m venv --clear "$VM_CACHE/python" &&
    "$VM_PYTHON" -m pip install --quiet --disable-pip-version-check -r vm/parts/requirements.txt </dev/null &&
    cp vm/parts/requirements.txt "$VM_CACHE/python/installed"
}

# vm_apt ARGUMENTS...: apt-get with this machine's lists, which needs no root because it installs nothing.
vm_apt() {
  apt-get -qq -o Debug::NoLocking=true -o "Dir::Cache::archives=$VM_CACHE/debs" -o APT::Sandbox::User= "$@" </dev/null
}

# vm_files ARGUMENTS...: the names of the files that apt-get would fetch if none were here: it names no address of a file
# that is downloaded already, so it is shown a folder without any. When it knows too little, its lists are renewed.
vm_files() {
  local found empty="$VM_CACHE/no-debs"
  mkdir -p "$empty/partial" || return 1
  if ! found=$(vm_apt -o "Dir::Cache::archives=$empty" --print-uris "$@" 2>/dev/null); then
    if ((EUID != 0)); then
      say "This machine's lists of packages are not enough for the virtual machine. Please run this, then start again:"
      say "  sudo apt-get update"
      return 1
    fi >&2
    apt-get update -qq </dev/null >/dev/null 2>&1
    found=$(vm_apt -o "Dir::Cache::archives=$empty" --print-uris "$@") || return 1
  fi
  [[ -z $found ]] || cut -d' ' -f2 <<<"$found"
}

# need_vm_layer: the programs for the guest that this machine lacks, unpacked into one tree.
need_vm_layer() {
  local wanted package
  wanted=$(vm_files install --no-install-recommends "${VM_PACKAGES[@]}") || return 1
  [[ -f $VM_LAYER.list && $(<"$VM_LAYER.list") == "$wanted" ]] && return 0
  say "Fetching the guest's programs that this machine lacks (unpacked under $VM_CACHE, installed nowhere)."
  rm -rf "$VM_LAYER" "$VM_LAYER.list" "$VM_LAYER.new" && mkdir -p "$VM_LAYER.new" || return 1
  vm_apt install --download-only --yes --no-install-recommends "${VM_PACKAGES[@]}" >/dev/null || return 1
  for package in $wanted; do vm_unpack "$VM_CACHE/debs/$package" "$VM_LAYER.new" || return 1; done
  mv "$VM_LAYER.new" "$VM_LAYER" && printf '%s' "$wanted" >"$VM_LAYER.list"
}

# vm_unpack FILE TREE: one package; what it has in /bin or /lib goes to /usr, as on a system whose /bin is a link.
vm_unpack() {
  local folder
  dpkg-deb -x "$1" "$2" || return 1
  [[ -L /bin ]] || return 0
  for folder in bin sbin lib lib64; do
    [[ -d $2/$folder && ! -L $2/$folder ]] || continue
    mkdir -p "$2/usr/$folder" && cp -a "$2/$folder/." "$2/usr/$folder/" && rm -r "${2:?}/$folder" || return 1
  done
}

# need_vm_kernel: Debian's newest kernel for this release, and an initial RAM disk with the modules that it needs.
need_vm_kernel() {
  local package files recipe made="$VM_CACHE/kernel"
  package=$(apt-cache depends linux-image-amd64 2>/dev/null | awk '/Depends: linux-image-/ { print $2; exit }')
  if [[ -z $package ]]; then
    say "This machine's package sources have no linux-image-amd64; the virtual machine is made of Debian's packages."
    return 1
  fi
  files=$(vm_files download busybox-static "$package") || return 1
  recipe="$files $(cat vm/need.sh vm/guest/init | cksum)"
  [[ -f $made/recipe && $(<"$made/recipe") == "$recipe" ]] && return 0
  say "Preparing Debian's kernel for the virtual machine ($package)."
  rm -rf "$made" "$made.new" && mkdir -p "$made.new" || return 1
  (cd "$VM_CACHE/debs" && vm_apt download busybox-static "$package") || return 1
  # shellcheck disable=SC2086 # two names
  (cd "$made.new" && vm_make_kernel $files) || return 1
  printf '%s' "$recipe" >"$made.new/recipe" && mv "$made.new" "$made"
}

# vm_make_kernel FILE FILE: `vmlinuz` and `initrd` in this folder, from the files of the two packages.
vm_make_kernel() {
  local busybox=unpacked/usr/bin/busybox init="$OLDPWD/vm/guest/init" modules file
  mkdir -p unpacked disk/{bin,dev,proc,sys,host,layer,throwaway,new,lib/modules} || return 1
  for file in "$@"; do vm_unpack "../debs/$file" unpacked || return 1; done
  cp unpacked/boot/vmlinuz-* vmlinuz || return 1
  [[ -x $busybox ]] || busybox=unpacked/bin/busybox
  modules=unpacked/usr/lib/modules
  [[ -d $modules ]] || modules=unpacked/lib/modules
  cp "$busybox" disk/bin/busybox && cp "$init" disk/init && chmod 755 disk/init || return 1
  vm_make_modules "$busybox" "$modules" || return 1
  (cd disk && find . | "../$busybox" cpio -o -H newc 2>/dev/null | gzip -1) >initrd && rm -r unpacked disk
}

# vm_make_modules BUSYBOX FOLDER: the modules that the guest loads, those they need, and the order.
vm_make_modules() {
  local busybox=$1 version files file
  version=$(basename "$2"/*)
  "$busybox" depmod -b "${2%/lib/modules}" "$version" || return 1
  files=$(printf '%s\n' "${VM_MODULES[@]}" | awk '
    NR == FNR { wanted[$1]; next }
    { name = $1; sub(/.*\//, "", name); sub(/\.ko.*/, "", name); gsub(/-/, "_", name) }
    name in wanted { gsub(/:/, ""); print }' <(printf '%s\n' "${VM_MODULES[@]//-/_}") "$2/$version/modules.dep" | tr ' ' '\n' | sort -u)
  for file in $files; do
    mkdir -p "disk/lib/modules/$version/$(dirname "$file")" && cp "$2/$version/$file" "disk/lib/modules/$version/$file" || return 1
    case $file in
      *.xz) xz -d "disk/lib/modules/$version/$file" ;;
      *.zst) zstd -q --rm -d "disk/lib/modules/$version/$file" ;;
    esac || return 1
  done
  cp "$2/$version/"modules.{builtin,order} "disk/lib/modules/$version/"
  printf '%s\n' "${VM_MODULES[@]}" >disk/modules
  "$busybox" depmod -b disk "$version"
}
