#!/bin/sh
# Run the tests of the kernels on an emulated 64-bit Arm processor, so that the version "neon" is run
# and not hoped for. On Debian, with these packages:
#
#     gcc-aarch64-linux-gnu libc6-dev-arm64-cross qemu-user apt dpkg
#
# and $PYTHON (python3), which has Cython and pip. All that is fetched and built lies in
# $FACESEG_AARCH64 (build/aarch64): Debian's CPython for arm64, unpacked and not installed, and the
# wheels of NumPy, Pillow, pytest and Hypothesis. FACESEG_EXAMPLES is the number of examples a property test
# takes; an emulated processor is slow.
#
# 1. The fuzz targets, over their corpus and changed copies of it.
# 2. The Python tests of the kernels.
set -eu
top=$(cd "$(dirname "$0")/.." && pwd)
cache=${FACESEG_AARCH64:-$top/build/aarch64}
python=${PYTHON:-python3}
compiler=${AARCH64_CC:-aarch64-linux-gnu-gcc}
emulator=${AARCH64_EMULATOR:-qemu-aarch64}
copies=${FUZZ_COPIES:-20}
for program in "$python" "$compiler" "$emulator" apt-get dpkg; do
  command -v "$program" > /dev/null || { echo "needs $program: see the head of $0"; exit 1; }
done
mkdir -p "$cache/apt/lists/partial" "$cache/apt/archives/partial" "$cache/objects"
cache=$(cd "$cache" && pwd)
root=$cache/root
site=$cache/site

# Debian's CPython and what it depends on, chosen as if nothing were installed.
if [ ! -e "$root/.complete" ]; then
  : > "$cache/apt/status"
  debian() {
    apt-get -q -o APT::Architecture=arm64 -o APT::Architectures::=arm64 -o Debug::NoLocking=1 \
      -o Dir::State="$cache/apt" -o Dir::State::status="$cache/apt/status" \
      -o Dir::Cache="$cache/apt" -o APT::Sandbox::User=root "$@"
  }
  debian update
  debian install --yes --download-only --no-install-recommends \
    python3-minimal libpython3-stdlib libpython3-dev libstdc++6
  for package in "$cache"/apt/archives/*.deb; do
    dpkg -x "$package" "$root"
  done
  touch "$root/.complete"
fi
arm_python=$(ls "$root"/usr/bin/python3.[0-9]* | grep -v config | head -n 1)
release=${arm_python##*/python}

if [ ! -e "$site/.complete" ]; then
  $python -m pip install --quiet --target "$site" --only-binary :all: --implementation cp \
    --python-version "$release" --platform manylinux_2_28_aarch64 \
    --platform manylinux_2_17_aarch64 --platform manylinux2014_aarch64 numpy pillow pytest hypothesis
  touch "$site/.complete"
fi

# The kernels and the fuzz targets.
flags="-O2 -g -std=c11 -Wall -Wextra -fPIC -I$top/csrc"
for file in "$top"/csrc/*.c; do
  $compiler $flags -O3 -c "$file" -o "$cache/objects/$(basename "$file" .c).o"
done
for target in "$top"/tests/fuzz/corpus/*/; do
  target=$(basename "$target")
  $compiler $flags "$top/tests/fuzz/$target.c" "$top/tests/fuzz/fuzz.c" \
    "$top/tests/fuzz/driver.c" "$cache"/objects/*.o -lm -static -o "$cache/fuzz-$target"
  echo "$target: $($emulator "$cache/fuzz-$target" "$copies" "$top/tests/fuzz/corpus/$target")"
done

# The package, with the extension for arm64, beside no other.
package=$cache/package
rm -rf "$package"
mkdir -p "$package"
cp -r "$top/faceseg" "$top/tests" "$top/docs" "$top/pyproject.toml" "$package"
find "$package" -name '*.so' -exec rm {} +
(cd "$package" && $python -m cython -3 faceseg/_kernels.pyx -o "$cache/_kernels.c")
$compiler -O2 -std=c11 -fPIC -shared -DNPY_NO_DEPRECATED_API=NPY_2_0_API_VERSION -I"$top/csrc" \
  -I"$root/usr/include/python$release" -I"$site/numpy/_core/include" -idirafter "$root/usr/include" \
  "$cache/_kernels.c" "$cache"/objects/*.o -lm -o "$package/faceseg/_kernels.so"

cd "$package"
FACESEG_EXAMPLES=${FACESEG_EXAMPLES:-10} $emulator -L "$root" \
  -E PYTHONHOME="$root/usr" -E PYTHONPATH="$package:$site" -E PYTHONDONTWRITEBYTECODE=1 \
  "$arm_python" -m pytest -p no:cacheprovider --rootdir "$package" "$@" \
  tests/test_kernels.py tests/test_rle.py tests/test_malformed.py tests/test_golden.py
