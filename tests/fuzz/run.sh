#!/bin/sh
# Fuzz the kernels: FUZZ_RUNS executions (10^8) in all, under libFuzzer with the address and the
# undefined-behaviour sanitizers. Needs clang with its runtime libraries (Debian: clang, llvm).
#
#     FUZZ_RUNS=100000000 FUZZ_TARGETS="coco kaggle" CLANG=clang-14 sh tests/fuzz/run.sh
#
# Each target has a share of them, by how fast it is; FUZZ_TARGETS runs some of the targets. What is
# found new goes to build/fuzz/corpus, what fails to build/fuzz/<target>-crash-*. The kernels are
# instrumented; the targets, whose loops are the plain way to the answer, are only optimised.
set -eu
top=$(cd "$(dirname "$0")/../.." && pwd)
all=${FUZZ_RUNS:-100000000}
targets=${FUZZ_TARGETS:-coco kaggle pixels paint merge shapes polygons confusion}
clang=${CLANG:-$(command -v clang || command -v clang-14 || true)}
[ -n "$clang" ] || { echo "no clang: CLANG=/path/to/clang names one"; exit 1; }
out=$top/build/fuzz
mkdir -p "$out"
objects=$(mktemp -d "$out/objects.XXXXXX")
trap 'rm -rf "$objects"' EXIT
flags="-g -O2 -std=c11 -Wall -Wextra -I$top/csrc"
sanitize="-fsanitize=address,undefined -fno-sanitize-recover=undefined"
for file in "$top"/csrc/*.c; do
  # Without the comparisons traced: five times as many executions.
  $clang $flags $sanitize -fsanitize-coverage=inline-8bit-counters,pc-table -c "$file" \
    -o "$objects/$(basename "$file" .c).o"
done
$clang $flags -DFUZZ_ASAN -c "$top/tests/fuzz/fuzz.c" -o "$objects/fuzz.o"
share() {
  case $1 in
    coco | kaggle) echo 26 ;;
    merge | paint | shapes) echo 10 ;;
    pixels | polygons) echo 7 ;;
    *) echo 4 ;;
  esac
}
failed=0
for target in $targets; do
  $clang $flags -DFUZZ_ASAN -c "$top/tests/fuzz/$target.c" -o "$objects/target"
  $clang $sanitize -fsanitize=fuzzer "$objects/target" "$objects"/*.o -o "$out/$target"
  mkdir -p "$out/corpus/$target"
  log=$out/$target.log
  finding="no finding"
  "$out/$target" -runs=$((all / 100 * $(share "$target"))) -max_len=256 -timeout=60 \
    -print_final_stats=1 -artifact_prefix="$out/$target-" "$out/corpus/$target" "$top/tests/fuzz/corpus/$target" \
    > "$log" 2>&1 || { finding="FAILED, see $log"; failed=1; }
  executions=$(sed -n 's/^stat::number_of_executed_units: *//p' "$log")
  rate=$(sed -n 's/^stat::average_exec_per_sec: *//p' "$log")
  echo "$target: ${executions:-0} executions, ${rate:-0} a second, $finding"
done
exit $failed
