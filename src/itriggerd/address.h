/*
 * address: one thing to listen on, as it is written: "127.0.0.1:8700", "[::1]:8700",
 * "localhost:8700", "*:8700", "unix:/run/itriggerd/itriggerd.sock". Pure; no name is looked up.
 */
#ifndef ITRIGGERD_ADDRESS_H
#define ITRIGGERD_ADDRESS_H

#include <stdbool.h>
#include <sys/socket.h>
#include <sys/un.h>

struct address {
    struct sockaddr_storage at;
    socklen_t len;
    bool is_unix;
    bool is_loopback;
};

/* NULL: *out is written; else what is wrong with it (static). */
const char *address_parse(const char *text, struct address *out);

#endif
