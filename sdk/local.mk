# The SDKs other than libtaskd. The shell's is installed; those of other languages are packages of their own.
sdkdir = $(pkgdatadir)
dist_sdk_DATA = sdk/shell/taskd.sh
EXTRA_DIST += sdk/shell/README.md
