#!/usr/bin/env bash
# The reference's phone table carried over to this machine from measured networks. About 8 minutes the first time.
set -euo pipefail
lab=${1:?the binary to time}
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)/latency
root=$(cd "$here/../../.." && pwd)
data=${SPACEEVO_REFERENCE_DATA:-$(dirname "$root")/shared/data}
tables=$data/block_lut/mobilew
[[ -d $tables ]] || {
    echo "this bench needs the reference's look-up tables, and there is no block_lut/mobilew in $data" >&2
    echo "set SPACEEVO_REFERENCE_DATA to the folder that holds block_lut/mobilew" >&2
    exit 1
}
exec "$lab" run "$here/carry.rhai" "$tables"
