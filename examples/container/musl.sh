#!/bin/sh
# musl.sh DIR: builds a taskd that needs no shared library, with musl, on Debian: DIR/taskd, stripped, and a worker beside it. libevent
# and jansson are built for musl from the sources of the distribution, as its own libraries are glibc's.
#
# Needs: ./bootstrap deps build, and Debian's musl-tools. To use sources that are there already, put the two .orig tarballs into
# DIR/sources.
set -eu
die() { echo "musl.sh: $*" >&2; exit 1; }
[ $# = 1 ] || die "usage: musl.sh DIR"
command -v musl-gcc >/dev/null || die "there is no musl-gcc: apt-get install musl-tools"
top=$(cd "$(dirname "$0")/../.." && pwd)
mkdir -p "$1"
dir=$(cd "$1" && pwd)
prefix=$dir/prefix
jobs=$(nproc)

tarball() { # NAME
  find "$dir/sources" -name "$1_*.orig.tar.*" ! -name '*.asc' 2>/dev/null | head -n 1
}

# The machine's own lists usually name no sources: the same places are asked for them, with lists in DIR.
fetch() {
  apt=$dir/apt
  mkdir -p "$dir/sources" "$apt/lists/partial" "$apt/parts" "$apt/cache/archives/partial"
  for file in /etc/apt/sources.list /etc/apt/sources.list.d/debian.*; do
    if [ -f "$file" ]; then
      sed -e 's/^Types:.*/Types: deb-src/' -e 's/^deb /deb-src /' "$file" >"$apt/parts/$(basename "$file")"
    fi
  done
  options="-q -o Dir::Etc::sourcelist=/dev/null -o Dir::Etc::sourceparts=$apt/parts -o Dir::State::lists=$apt/lists -o Dir::Cache=$apt/cache"
  if [ "$(id -u)" = 0 ]; then options="$options -o APT::Sandbox::User=root"; fi
  # shellcheck disable=SC2086 # a list of words
  (cd "$dir/sources" && apt-get $options update && apt-get $options source --download-only libevent jansson)
}

library() { # NAME, options of configure
  name=$1
  shift
  rm -rf "${dir:?}/$name"
  mkdir "$dir/$name"
  tar xf "$(tarball "$name")" -C "$dir/$name" --strip-components=1
  (cd "$dir/$name" && autoreconf -fi && ./configure CC=musl-gcc --prefix="$prefix" --disable-shared "$@" &&
    make -j"$jobs" && make install) >"$dir/$name.log" 2>&1 || die "$name cannot be built: see $dir/$name.log"
}

if [ -z "$(tarball libevent)" ] || [ -z "$(tarball jansson)" ]; then fetch; fi
library libevent --disable-openssl --disable-samples --disable-libevent-regress
library jansson
[ -x "$top/configure" ] || (cd "$top" && autoreconf -fi)
mkdir -p "$dir/build"
cd "$dir/build"
PKG_CONFIG_LIBDIR=$prefix/lib/pkgconfig "$top/configure" -q CC=musl-gcc --disable-shared --enable-static-binary --prefix=/usr --sysconfdir=/etc \
  --localstatedir=/var
make -s -j"$jobs" taskd
make -s examples/patterns/long-unit example_ldflags=-all-static
strip -o "$dir/taskd" taskd
strip -o "$dir/worker" examples/patterns/long-unit
echo "$dir/taskd: $(stat -c %s "$dir/taskd") bytes"
