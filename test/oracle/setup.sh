#!/bin/bash
# Prepares everything the oracle needs from Debian's packages, in a cache folder that git ignores. Idempotent.
#   setup.sh              kernels 6.1, 6.12 and sid's newest, libbpf, and the guest's loader
#   setup.sh --upgrade    fetch newer kernel packages even where there is one
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
cache=${BPF_STUDIO_ORACLE:-$here/../../.cache/oracle}
mkdir -p "$cache" && cache=$(cd "$cache" && pwd)
upgrade=
for a in "$@"; do
	case $a in
	--upgrade) upgrade=1 ;;
	*) sed -n '2,4p' "$0" >&2; exit 2 ;;
	esac
done
mkdir -p "$cache"/{debs,k,suites}

need=()
for p in qemu-system-x86:qemu-system-x86_64 busybox-static:/bin/busybox gcc:gcc xz-utils:xz cpio:cpio binutils:strings; do
	command -v "${p#*:}" >/dev/null || need+=("${p%%:*}")
done
for f in libelf-dev:/usr/include/libelf.h zlib1g-dev:/usr/include/zlib.h linux-libc-dev:/usr/include/linux/bpf.h; do
	[ -e "${f#*:}" ] || need+=("${f%%:*}")
done
if [ ${#need[@]} -gt 0 ]; then
	apt-get update -qq
	DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${need[@]}"
fi

# apt for another Debian suite, without touching the system's own sources.
suite_apt() {
	local s=$1 d=$cache/suites/$1 mirror
	shift
	if [ ! -e "$d/apt.conf" ]; then
		mkdir -p "$d"/{lists/partial,cache/archives/partial}
		# the mirror that this system uses itself
		mirror=$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' | grep -v security | head -1)
		echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $mirror $s main" >"$d/sources.list"
		cat >"$d/apt.conf" <<-E
			Dir::Etc::sourcelist "$d/sources.list";
			Dir::Etc::sourceparts "/dev/null";
			Dir::State::lists "$d/lists";
			Dir::Cache "$d/cache";
			APT::Sandbox::User "root";
		E
		APT_CONFIG=$d/apt.conf apt-get update -qq
	fi
	APT_CONFIG=$d/apt.conf "$@"
}

# A libbpf that knows today's objects; Debian 12's own (1.1) is the last resort.
if [ ! -e "$cache/libbpf/usr/include/bpf/libbpf.h" ]; then
	for s in sid trixie bookworm; do
		(cd "$cache/debs" && rm -f libbpf-dev_* && suite_apt $s apt-get -o APT::Sandbox::User=root download -qq libbpf-dev) || continue
		rm -rf "$cache/libbpf.new"
		dpkg-deb -x "$cache"/debs/libbpf-dev_*.deb "$cache/libbpf.new"
		mv "$cache/libbpf.new" "$cache/libbpf"
		break
	done
fi

if [ ! -e "$cache/loader" ] || [ "$here/guest/loader.c" -nt "$cache/loader" ]; then
	gcc -O2 -Wall -Wextra -Wno-unused-parameter -static -Wl,--wrap=syscall -I"$cache/libbpf/usr/include" \
		-o "$cache/loader.new" "$here/guest/loader.c" "$cache"/libbpf/usr/lib/*/libbpf.a -lelf -lz
	mv "$cache/loader.new" "$cache/loader"
fi

unpack() { # suite, package: download it unless it is there, unpack it on top
	compgen -G "$cache/debs/$2_*.deb" >/dev/null ||
		(cd "$cache/debs" && ${1:+suite_apt $1} apt-get -o APT::Sandbox::User=root download -qq "$2")
	dpkg-deb -x "$(ls "$cache"/debs/"$2"_*.deb | tail -1)" "$cache/unpack"
}

# One kernel: package -> vmlinuz, config, and the few modules a guest loads.
kernel() { # key, suite ("" = this system's), package
	local key=$1 suite=$2 pkg=$3 k=$cache/k/$1 m todo name dep
	if [ -e "$k/package" ] && { [ -z "$upgrade" ] || [ "$(cat "$k/package")" = "$pkg" ]; }; then return; fi
	echo "kernel $key: $pkg" >&2
	rm -rf "$k" "$cache/unpack"
	mkdir -p "$k/modules"
	unpack "$suite" "$pkg"
	if ! compgen -G "$cache/unpack/boot/vmlinuz-*" >/dev/null; then # newer packaging: split up
		for m in base binary modules; do unpack "$suite" "${pkg/-image-/-$m-}"; done
	fi
	find "$cache/unpack/" -name 'vmlinuz*' -type f -exec cp {} "$k/vmlinuz" \; -quit
	find "$cache/unpack/" \( -path '*/boot/config-*' -o -path '*/modules/*/config' \) -type f -exec cp {} "$k/config" \; -quit
	: >"$k/modules.load"
	module() {
		local f
		f=$(find "$cache/unpack/" -name "$1.ko*" -o -name "${1//_/-}.ko*" | head -1)
		[ -n "$f" ] || return 0
		[ ! -e "$k/modules/$1.ko" ] || return 0
		case $f in *.xz) xz -dc "$f" ;; *) cat "$f" ;; esac >"$k/modules/$1.ko"
		for dep in $(strings "$k/modules/$1.ko" | sed -n 's/^depends=//p' | tr ',-' ' _'); do module "$dep"; done
		echo "$1" >>"$k/modules.load"
	}
	for m in virtio_pci virtio_console nf_conntrack nf_nat; do module $m; done
	rm -rf "$cache/unpack"
	echo "$pkg" >"$k/package"
}
latest() { # pattern, apt-cache prefix command
	"${@:2}" apt-cache search --names-only "$1" | awk '{print $1}' | sort -V | tail -1
}
kernel 6.1 "" "$(latest '^linux-image-6\.1\.[0-9]+-[0-9]+-cloud-amd64$')"
kernel 6.12 "" "$(latest '^linux-image-6\.12\.[0-9]+\+deb12-cloud-amd64$')"
kernel 7.2 sid "$(latest '^linux-image-[0-9.]+\+deb[0-9]+-cloud-amd64$' suite_apt sid)"

# The part of the initramfs that all guests share, and each kernel's modules.
pack() { # directory, archive
	(cd "$1" && find . | LC_ALL=C sort | cpio -o -H newc --quiet -R 0:0 | gzip -1) >"$2.new"
	mv "$2.new" "$2"
}
r=$cache/root
rm -rf "$r" && mkdir -p "$r"/{bin,proc,sys,dev,tmp,in,modules}
cp /bin/busybox "$r/bin/busybox"
cp "$cache/loader" "$r/bin/loader"
cp "$here/guest/init" "$r/init"
chmod +x "$r/init"
pack "$r" "$cache/base.cpio.gz"
rm -rf "$r"
for k in "$cache"/k/*/; do
	mkdir -p "$r/modules" && cp "$k"/modules/*.ko "$k/modules.load" "$k/config" "$r/modules/"
	pack "$r" "$k/modules.cpio.gz"
	rm -rf "$r"
done
for k in "$cache"/k/*/; do echo "$(basename "$k"): $(cat "$k/package")"; done
