/*
 * raw_server: a TCP server on loopback that plays a script of bytes, for faults that nginx cannot
 * show: a connection cut or reset in the middle, bytes that are not HTTP, a server that is silent.
 *
 * One thread a connection. Connection k plays script k, the last script serves all that follow.
 * What arrived is counted and kept. Everything may be asked from the test's thread at any time.
 */
#ifndef SPEC_SUPPORT_RAW_SERVER_H
#define SPEC_SUPPORT_RAW_SERVER_H

#include <stdbool.h>
#include <stddef.h>

enum raw_act {
    RAW_END = 0, /* closes the connection in an orderly way */
    RAW_READ,    /* reads one whole request (by Content-Length); end of input closes */
    RAW_SEND,    /* sends text */
    RAW_REPEAT,  /* n bytes, all of text's first character */
    RAW_RESET,   /* closes so that the peer gets a reset */
    RAW_DRIP,    /* one byte of text's first character every 10 ms, until the peer is gone */
    RAW_HOLD,    /* does nothing until the peer is gone */
    RAW_GATE,    /* waits until raw_server_open_gate was called */
    RAW_AGAIN    /* from the first step again, on the same connection */
};

struct raw_step {
    enum raw_act act;
    const char *text;
    size_t n;
};

struct raw_server;

/* scripts: n_scripts arrays that end with RAW_END, RAW_RESET or RAW_AGAIN; they must outlive the
 * server. A failure ends the test program. */
struct raw_server *raw_server_new(const struct raw_step *const *scripts, size_t n_scripts);

/* The same on a Unix socket. */
struct raw_server *raw_server_new_unix(const char *path, const struct raw_step *const *scripts,
                                       size_t n_scripts);

/* Ends all connections and threads. */
void raw_server_free(struct raw_server *s);

int raw_server_port(const struct raw_server *s);
size_t raw_server_connections(struct raw_server *s);
size_t raw_server_requests(struct raw_server *s); /* whole ones */
void raw_server_open_gate(struct raw_server *s);

/* Waits until that many connections are over (the peer closed them, or the script ended). */
void raw_server_await_closed(struct raw_server *s, size_t n);
void raw_server_await_requests(struct raw_server *s, size_t n);

/* Waits until that many RAW_SEND steps are done. The bytes may still be on their way, and so may
 * the end of a connection that is closed: even loopback takes its time on a busy machine. */
void raw_server_await_sends(struct raw_server *s, size_t n);

/* Waits until each connection of this process to the server has bytes or an end to be read. */
void raw_server_await_arrived(const struct raw_server *s);

/* A descriptor of this process that is connected to the server (TCP only); -1: none is. */
int raw_server_peer(const struct raw_server *s);

/* The last whole request as it arrived, for free(). */
char *raw_server_last(struct raw_server *s, size_t *len);

#endif
