# Units name the program where it will be installed; everything else is copied as it is.
systemdsystemunit_DATA = systemd/taskd.service systemd/taskd@.service
sysusers_DATA = $(srcdir)/systemd/sysusers.d/taskd.conf
tmpfiles_DATA = $(srcdir)/systemd/tmpfiles.d/taskd.conf
EXTRA_DIST += systemd/taskd.service.in systemd/taskd@.service.in systemd/sysusers.d/taskd.conf systemd/tmpfiles.d/taskd.conf
CLEANFILES += $(systemdsystemunit_DATA)

$(systemdsystemunit_DATA): %: %.in Makefile
	$(AM_V_GEN)$(MKDIR_P) systemd && sed -e 's|@bindir[@]|$(bindir)|g' -e 's|@sysconfdir[@]|$(sysconfdir)|g' $< >$@.tmp && mv $@.tmp $@
