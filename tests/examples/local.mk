# The examples do what their pages say, under the real taskd.
example_tests = tests/examples/test_container.py tests/examples/test_patterns.py tests/examples/test_unmodified.py
batch_tests = tests/examples/test_image_batch.py
dist_check_SCRIPTS += $(example_tests) $(batch_tests)
if HAVE_PYTHON3
TESTS += $(example_tests)
if HAVE_IMAGE_BATCH
TESTS += $(batch_tests)
endif
endif
