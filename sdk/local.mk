# The SDKs other than libtaskd. The shell's is installed; those of other languages are packages of their own.
sdkdir = $(pkgdatadir)
dist_sdk_DATA = sdk/shell/taskd.sh
EXTRA_DIST += sdk/shell/README.md
EXTRA_DIST += sdk/python/LICENSE sdk/python/README.md sdk/python/backend.py sdk/python/pyproject.toml sdk/python/taskd.py
EXTRA_DIST += sdk/node/README.md sdk/node/package.json sdk/node/index.d.ts sdk/node/index.js sdk/node/lib/channel.js sdk/node/lib/encode.js \
	sdk/node/lib/failure.js sdk/node/lib/inbox.js sdk/node/lib/inherited.js sdk/node/lib/lines.js sdk/node/lib/units.js
