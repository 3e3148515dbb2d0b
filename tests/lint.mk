# make lint: what a reader of the code would otherwise have to look for. Needs `./bootstrap deps lint`.
lint_c = find src examples -name '*.c'
lint_scripts = bootstrap .ci/run etc/completions/bash/taskd $$(find sdk tests examples -name '*.sh')
lint_flags = $(TASKD_CFLAGS) $(TASKD_CPPFLAGS) -I$(abs_top_srcdir)/src -I$(abs_top_builddir) \
	$(LIBEVENT_CFLAGS) $(JANSSON_CFLAGS) $(CHECK_CFLAGS) $(IMAGE_BATCH_CFLAGS) $(DEFS)

lint: lint-format lint-shell lint-man lint-types lint-rules lint-cppcheck lint-tidy
.PHONY: lint lint-format lint-shell lint-man lint-types lint-rules lint-cppcheck lint-tidy
EXTRA_DIST += tests/lint.mk tests/sdk/types.sh tests/cppcheck.cfg tests/cppcheck.txt

lint-format:
	@echo "lint: clang-format"; cd $(srcdir) && find src tests examples -name '*.[ch]' | xargs $(CLANG_FORMAT) --dry-run -Werror

lint-shell:
	@echo "lint: shellcheck"; cd $(srcdir) && shellcheck -e SC2016 $(lint_scripts)

lint-man: $(nodist_man_MANS)
	@echo "lint: mandoc"; $(MANDOC) -Tlint -Wwarning $(dist_man_MANS:%=$(srcdir)/%) $(nodist_man_MANS)

lint-types:
	@echo "lint: mypy, tsc"; $(srcdir)/tests/sdk/types.sh $(srcdir)

lint-rules:
	@echo "lint: broken rules"; $(PYTHON3) $(srcdir)/tests/sdk/broken_rules.py --check

lint-cppcheck:
	@echo "lint: cppcheck"; cd $(srcdir) && cppcheck -q --std=c11 --enable=warning,performance,portability --inline-suppr --error-exitcode=1 \
	  --suppressions-list=tests/cppcheck.txt \
	  --library=tests/cppcheck.cfg -j "$$(nproc)" -Isrc src examples

# gcc's own flags mean nothing to clang's parser. One process a core: the analyser is slow.
lint-tidy:
	@echo "lint: clang-tidy"; cd $(srcdir) && $(lint_c) -print0 | xargs -0 -n 4 -P "$$(nproc)" \
	  sh -c 'clang-tidy --quiet "$$@" -- $(filter-out -Wduplicated-cond -Wlogical-op,$(lint_flags)) -Wno-unknown-warning-option' lint
