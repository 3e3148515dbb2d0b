/* Gives every name that the library's files share a prefix. Included ahead of each of them by the compiler's command
 * line.
 *
 * The shared library hides these names; a static one cannot, and a program with a function called fd_close() of its own
 * would silently get into the library's way. A test looks for names that are missing here. */
#pragma once

#define fd_cloexec   taskd_in_fd_cloexec
#define fd_nonblock  taskd_in_fd_nonblock
#define fd_write_all taskd_in_fd_write_all
#define fd_read_file taskd_in_fd_read_file
#define fd_close     taskd_in_fd_close

#define jsonline_decode   taskd_in_jsonline_decode
#define jsonline_depth_ok taskd_in_jsonline_depth_ok

#define jsonout_begin  taskd_in_jsonout_begin
#define jsonout_string taskd_in_jsonout_string
#define jsonout_int    taskd_in_jsonout_int
#define jsonout_bool   taskd_in_jsonout_bool
#define jsonout_bytes  taskd_in_jsonout_bytes
#define jsonout_raw    taskd_in_jsonout_raw
#define jsonout_open   taskd_in_jsonout_open
#define jsonout_close  taskd_in_jsonout_close
#define jsonout_line   taskd_in_jsonout_line
#define jsonout_free   taskd_in_jsonout_free

#define linebuf_new     taskd_in_linebuf_new
#define linebuf_free    taskd_in_linebuf_free
#define linebuf_feed    taskd_in_linebuf_feed
#define linebuf_finish  taskd_in_linebuf_finish
#define linebuf_pending taskd_in_linebuf_pending

#define proto_type_name  taskd_in_proto_type_name
#define proto_type_find  taskd_in_proto_type_find
#define proto_reply_name taskd_in_proto_reply_name
#define proto_reply_find taskd_in_proto_reply_find

#define text_is_utf8   taskd_in_text_is_utf8
#define text_to_utf8   taskd_in_text_to_utf8
#define text_printable taskd_in_text_printable
#define text_width     taskd_in_text_width
#define text_nearest   taskd_in_text_nearest

#define dispatched_clear taskd_in_dispatched_clear

#define inbox_now_ms taskd_in_inbox_now_ms
#define inbox_read   taskd_in_inbox_read
#define inbox_lost   taskd_in_inbox_lost

#define outbox_begin     taskd_in_outbox_begin
#define outbox_send      taskd_in_outbox_send
#define outbox_settle    taskd_in_outbox_settle
#define outbox_give_back taskd_in_outbox_give_back
