#!/usr/bin/env bash
# How soon Tab answers with ten thousand names in scope, and while a study runs. The binary has no way to ask for a
# completion but its prompt, so this times the library from inside the test suite: tests/suite/completing.rs.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
cargo test --quiet --test suite -- --ignored --exact completing::bench_completion --nocapture |
    # Without what the test runner says of itself.
    awk '/^(completion|claim|  )/ || /panicked|FAILED|^error/'
