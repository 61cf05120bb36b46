#!/bin/sh
# Runs each fuzz target for so many seconds (default 60): fuzz/run.sh [SECONDS]
#
# Needs a stable toolchain and a C++ compiler. Installs cargo-fuzz if it is missing (half a minute); the
# first build takes three to four minutes on two cores. RUSTC_BOOTSTRAP lets the stable compiler take
# the coverage flags that libFuzzer needs. No sanitizer: our code has no unsafe, and what is looked
# for are panics, overflows and memory growth.
# A finding is kept below fuzz/artifacts, and the line that runs it again is printed.
set -eu
cd "$(dirname "$0")/.."
seconds=${1:-60}
version=0.13.2

command -v cargo-fuzz >/dev/null 2>&1 || cargo install cargo-fuzz --locked --version "$version"

export RUSTC_BOOTSTRAP=1
cargo fuzz build --sanitizer none
for target in command login reply; do
    mkdir -p "fuzz/corpus/$target"
    echo "fuzz: $target for $seconds s"
    cargo fuzz run --sanitizer none "$target" "fuzz/corpus/$target" -- \
        -max_total_time="$seconds" -timeout=10 -rss_limit_mb=1024 -malloc_limit_mb=256 -max_len=4096 \
        -print_final_stats=1 -verbosity=1
done
