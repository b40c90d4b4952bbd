#!/bin/sh
# Build the extension with the address and undefined-behaviour sanitizers, in a copy, and run tests.
#
#     sh tests/sanitize.sh            all tests
#     sh tests/sanitize.sh tests/test_kernels.py -k avx2
set -eu
top=$(cd "$(dirname "$0")/.." && pwd)
python=${PYTHON:-python}
copy=$(mktemp -d)
trap 'rm -rf "$copy"' EXIT
cd "$top"
cp -r benchmarks csrc docs examples export faceseg tests setup.py pyproject.toml MANIFEST.in \
  README.md CHANGELOG.md LICENSE Makefile "$copy"
cd "$copy"
find . -name '*.so' -exec rm {} +
FACESEG_SANITIZE=1 $python setup.py -q build_ext --inplace
# pycocotools reads beyond a buffer of its own: rleToString gives strlen() a string without end.
echo 'interceptor_via_lib:pycocotools' > asan.supp
# Python itself leaks by design, so leaks are not looked for here: see tests/leak.py.
preload="$(gcc -print-file-name=libasan.so) $(gcc -print-file-name=libubsan.so)"
[ $# -gt 0 ] || set -- tests
LD_PRELOAD=$preload ASAN_OPTIONS=detect_leaks=0:suppressions=$copy/asan.supp \
  UBSAN_OPTIONS=halt_on_error=1:print_stacktrace=1 PYTHONPATH="$copy" \
  $python -m pytest -p no:cacheprovider "$@"
