/* PURE: what a worker may be called. Owner: config. */
#pragma once
#include <stdbool.h>

enum { CONFIG_NAME_MAX = 64 };
#define CONFIG_NAME_PATTERN "^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$"

/* 1 to CONFIG_NAME_MAX letters, digits, '.', '_' or '-', the first a letter or a digit. */
bool config_name_ok(const char *);

/* A name made from a command's file name; caller frees, NULL when memory is out. */
char *config_name_from(const char *command);
