# The keys in the page come from the table that reads them, so the page cannot lag behind.
nodist_man_MANS += man/taskd.json.5
EXTRA_DIST += man/taskd.json.5.in
CLEANFILES += man/taskd.json.5 man/taskd.json.5.keys man/taskd.json.5.tmp

man/taskd.json.5: man/taskd.json.5.in taskd$(EXEEXT)
	$(AM_V_GEN)$(MKDIR_P) man && ./taskd$(EXEEXT) schema --man >$@.keys && \
	  sed -e '/^@KEYS@$$/r $@.keys' -e '/^@KEYS@$$/d' $(srcdir)/man/taskd.json.5.in >$@.tmp && mv $@.tmp $@ && rm -f $@.keys
