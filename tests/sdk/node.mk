# sdk/node: an npm package of its own; what is installed with make is not concerned.
EXTRA_DIST += sdk/node/README.md sdk/node/index.d.ts sdk/node/index.js sdk/node/lib/channel.js sdk/node/lib/encode.js sdk/node/lib/failure.js \
	sdk/node/lib/inbox.js sdk/node/lib/inherited.js sdk/node/lib/lines.js sdk/node/lib/units.js sdk/node/package.json \
	tests/sdk/conform.mjs tests/sdk/types.mts

node_tests = tests/sdk/test_node.py tests/sdk/test_node_wire.py
dist_check_SCRIPTS += $(node_tests)
if HAVE_PYTHON3
TESTS += $(node_tests)
endif
