# The sample is an example, not a configuration in force: installing must never write over one that somebody has made.
sampledir = $(docdir)/examples
dist_sample_DATA = etc/taskd.json

nodist_pkgdata_DATA = etc/taskd.schema.json
CLEANFILES += etc/taskd.schema.json etc/taskd.schema.json.tmp

etc/taskd.schema.json: taskd$(EXEEXT)
	$(AM_V_GEN)$(MKDIR_P) etc && ./taskd$(EXEEXT) schema >$@.tmp && mv $@.tmp $@

# Each where its shell looks; configure has options for other folders.
dist_bashcompletion_DATA = etc/completions/bash/taskd
dist_zshcompletion_DATA = etc/completions/zsh/_taskd
dist_fishcompletion_DATA = etc/completions/fish/taskd.fish
