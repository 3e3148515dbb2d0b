libdaemon_la_SOURCES += \
	src/taskd/address.c src/taskd/address.h \
	src/taskd/cmd_check.c \
	src/taskd/cmd_schema.c \
	src/taskd/config.c src/taskd/config.h \
	src/taskd/config_account.c src/taskd/config_account.h \
	src/taskd/config_diff.c src/taskd/config_diff.h \
	src/taskd/config_document.c src/taskd/config_document.h \
	src/taskd/config_env.c src/taskd/config_env.h \
	src/taskd/config_errors.c src/taskd/config_errors.h \
	src/taskd/config_file.c src/taskd/config_file.h \
	src/taskd/config_include.c src/taskd/config_include.h \
	src/taskd/config_keys.c src/taskd/config_keys.h \
	src/taskd/config_limits.c src/taskd/config_limits.h \
	src/taskd/config_list.c src/taskd/config_list.h \
	src/taskd/config_load.c \
	src/taskd/config_man.c \
	src/taskd/config_name.c src/taskd/config_name.h \
	src/taskd/config_order.c src/taskd/config_order.h \
	src/taskd/config_read.c src/taskd/config_read.h \
	src/taskd/config_schema.c \
	src/taskd/config_signal.c src/taskd/config_signal.h \
	src/taskd/config_socket.c src/taskd/config_socket.h \
	src/taskd/config_type_json.c \
	src/taskd/config_type_limits.c \
	src/taskd/config_type_socket.c \
	src/taskd/config_types.c \
	src/taskd/config_types_lists.c \
	src/taskd/config_types_more.c \
	src/taskd/config_value.c src/taskd/config_value.h \
	src/taskd/config_worker.c src/taskd/config_worker.h \
	src/taskd/jsonpos.c src/taskd/jsonpos.h
