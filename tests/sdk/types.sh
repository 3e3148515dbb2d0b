#!/bin/sh
# types.sh TOP: do the types of the SDKs hold? Needs mypy and tsc.
set -eu
top=$1
mypy --strict --cache-dir=/dev/null "$top/sdk/python/taskd.py"
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
mkdir "$dir/node_modules"
ln -s "$(cd "$top" && pwd)/sdk/node" "$dir/node_modules/taskd"
cp "$top/tests/sdk/types.mts" "$dir"
cd "$dir"
cat >tsconfig.json <<'END'
{"compilerOptions": {"strict": true, "noEmit": true, "module": "nodenext", "target": "es2022", "lib": ["es2022", "dom"], "types": []}, "files": ["types.mts"]}
END
tsc -p .
