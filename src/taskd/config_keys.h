/* The table of keys, and what a row and a type are.
 *
 * A new key is one row in config_keys.c and one field in config.h. Everything else follows: reading the file, the
 * options of `taskd run -- CMD`, the JSON Schema and the manual page. Owner: config. */
#pragma once
#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct value;
struct key_type;

enum key_scope { SCOPE_DAEMON, SCOPE_SOCKET, SCOPE_WORKER };

struct key {
    enum key_scope scope;
    const char *topic; /* on the first row of a group: its heading in the manual */
    const char *name;  /* "stop_timeout"; "log.file" is key "file" of object "log", which has a row of its own before */
    const struct key_type *type;
    size_t offset;            /* of the field, in the struct of the scope */
    int64_t min, max;         /* of a number; `max` alone: bytes of a string */
    const char *const *names; /* of a choice, by value, NULL-terminated */
    const char *def;          /* default, as an option's text would say it; NULL: the field is left zero */
    const char *otherwise;    /* what happens without a default, for people */
    unsigned given;           /* enum config_given: set when the key is written down */
    bool own;                 /* makes no sense for all workers at once: neither in defaults nor an option */
    bool required;
    bool live;        /* takes effect without a new process */
    const char *help; /* sentences; a choice's values in double quotes */
};

enum { KEY_WHY = 256 }; /* bytes for a setter's sentence */

/* What a type can do. `object` is the struct of the key's scope; setters leave it alone when they fail. */
struct key_type {
    const char *what;        /* "must be …" */
    const char *kind;        /* "duration": in the manual */
    const char *placeholder; /* "DURATION": in the help of an option */
    bool plain;              /* a default is written in JSON as in the table: a number, true, false */

    /* From the text of an option, and of a JSON string where from_json is NULL. 0, -ENOMEM, or -EINVAL and a sentence.
     * NULL: cannot be set by a text. */
    int (*from_text)(const struct key *, void *object, const char *text, char *why, size_t why_size);
    /* Reports what is wrong through the value. */
    void (*from_json)(const struct key *, void *object, const struct value *);
    json_t *(*schema)(const struct key *);           /* new reference, NULL when memory is out */
    void (*clear)(const struct key *, void *object); /* frees what the field owns; NULL for plain numbers */
    bool (*equal)(const struct key *, const void *a, const void *b);
};

extern const struct key_type type_string, type_account, type_integer, type_duration, type_size, type_choice, type_umask,
    type_signal;
extern const struct key_type type_real, type_codes, type_name, type_names;
extern const struct key_type type_addresses, type_mode; /* of a socket */
extern const struct key_type type_command, type_env, type_env_file, type_env_inherit, type_limits, type_json;
extern const struct key_type type_group; /* an object whose keys are rows of their own */

extern const struct key config_keys[]; /* ends with a NULL name */

/* What `equal` is for fields of these kinds. */
bool key_equal_string(const struct key *, const void *a, const void *b);
bool key_equal_number(const struct key *, const void *a, const void *b); /* int64_t */
bool key_equal_int(const struct key *, const void *a, const void *b);
bool key_equal_list(const struct key *, const void *a, const void *b); /* of strings */

#define KEY_VALUE(key, object, type) (*(type const *)(const void *)((const char *)(object) + (key)->offset))
#define KEY_FIELD(key, object, type) ((type *)(void *)((char *)(object) + (key)->offset))

/* The row of that scope and name, or NULL. */
const struct key *config_key_find(enum key_scope, const char *name);

/* "file" of "log.file" when `prefix` is "log."; NULL when the row is not directly below the prefix. */
const char *config_key_below(const struct key *, const char *prefix);

/* Reads one value into its field, or reports what is wrong with it. */
void config_key_read(const struct key *, void *object, const struct value *);

/* Every field of the scope at its default; the struct is zeroed first. 0 or -ENOMEM. */
int config_keys_init(enum key_scope, void *object, size_t size);
void config_keys_clear(enum key_scope, void *object);
