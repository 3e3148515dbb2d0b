# Examples are built and tested with the rest, and not installed: they are there to be copied.
EXTRA_DIST += examples/README.md examples/bring-your-worker.md examples/image-batch/README.md
EXTRA_DIST += examples/container/Containerfile examples/container/Containerfile.static examples/container/README.md \
	examples/container/compose.yaml examples/container/musl.sh examples/container/taskd.json
EXTRA_DIST += examples/unmodified/app.py examples/unmodified/loop.sh examples/unmodified/nginx.conf examples/unmodified/orders.js \
	examples/unmodified/pm2-service.js

EXTRA_DIST += tests/noleaks.c
if ASAN
no_leak_search = tests/noleaks.c
endif

# Linked without libtool's wrapper scripts, so that what a test kills is the program itself.
example_ldflags = $(AM_LDFLAGS) -static
noinst_PROGRAMS += examples/patterns/blocking examples/patterns/event-loop examples/patterns/heartbeat \
	examples/patterns/long-unit examples/patterns/result
examples_patterns_blocking_SOURCES = examples/patterns/blocking.c $(no_leak_search)
examples_patterns_blocking_LDADD = libtaskd.la
examples_patterns_blocking_LDFLAGS = $(example_ldflags)
examples_patterns_event_loop_SOURCES = examples/patterns/event-loop.c $(no_leak_search)
examples_patterns_event_loop_LDADD = libtaskd.la
examples_patterns_event_loop_LDFLAGS = $(example_ldflags)
examples_patterns_heartbeat_SOURCES = examples/patterns/heartbeat.c $(no_leak_search)
examples_patterns_heartbeat_LDADD = libtaskd.la
examples_patterns_heartbeat_LDFLAGS = $(example_ldflags)
examples_patterns_long_unit_SOURCES = examples/patterns/long-unit.c $(no_leak_search)
examples_patterns_long_unit_LDADD = libtaskd.la
examples_patterns_long_unit_LDFLAGS = $(example_ldflags)
examples_patterns_result_SOURCES = examples/patterns/result.c $(no_leak_search)
examples_patterns_result_LDADD = libtaskd.la
examples_patterns_result_LDFLAGS = $(example_ldflags)

pattern_scripts = examples/patterns/abort.sh examples/patterns/race.sh examples/patterns/unmodified.sh
dist_noinst_SCRIPTS = $(pattern_scripts)

if HAVE_IMAGE_BATCH
noinst_PROGRAMS += examples/image-batch/image-batch examples/image-batch/make-pictures
endif
picture_sources = examples/image-batch/output.c examples/image-batch/output.h \
	examples/image-batch/picture.c examples/image-batch/picture.h
examples_image_batch_image_batch_SOURCES = $(picture_sources) \
	examples/image-batch/batch.c examples/image-batch/batch.h \
	examples/image-batch/claims.c examples/image-batch/claims.h \
	examples/image-batch/folder.c examples/image-batch/folder.h \
	examples/image-batch/results.c examples/image-batch/results.h \
	examples/image-batch/main.c $(no_leak_search)
examples_image_batch_image_batch_CFLAGS = $(AM_CFLAGS) $(IMAGE_BATCH_CFLAGS)
examples_image_batch_image_batch_LDADD = libtaskd.la $(IMAGE_BATCH_LIBS)
examples_image_batch_image_batch_LDFLAGS = $(example_ldflags)
examples_image_batch_make_pictures_SOURCES = $(picture_sources) examples/image-batch/make-pictures.c
examples_image_batch_make_pictures_CFLAGS = $(AM_CFLAGS) $(IMAGE_BATCH_CFLAGS)
examples_image_batch_make_pictures_LDADD = $(IMAGE_BATCH_LIBS) -lm
examples_image_batch_make_pictures_LDFLAGS = $(example_ldflags)
