/*
 * address: an address to listen on, parsed from its text: "127.0.0.1:8700", "[::1]:8700",
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

/* Parse an address. Return NULL when *out is written, else what is wrong with the text (static). */
const char *address_parse(const char *text, struct address *out);

#endif
