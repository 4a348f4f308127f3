#include "itriggerd/address.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#define HOST_MAX 64

static const char *parse_unix(const char *path, struct address *out)
{
    struct sockaddr_un *un = (struct sockaddr_un *)&out->at;

    if (*path != '/')
        return "a Unix socket requires an absolute path";
    if (strlen(path) >= sizeof un->sun_path)
        return "the path does not fit into a socket's address";
    un->sun_family = AF_UNIX;
    memcpy(un->sun_path, path, strlen(path) + 1);
    out->len = sizeof *un;
    out->is_unix = true;
    return NULL;
}

static bool parse_port(const char *text, in_port_t *port)
{
    char *end;
    long value = strtol(text, &end, 10);

    if (*text < '0' || *text > '9' || *end != '\0' || value < 0 || value > 65535)
        return false;
    *port = htons((uint16_t)value);
    return true;
}

static const char *parse_v6(const char *host, in_port_t port, struct address *out)
{
    struct sockaddr_in6 *in = (struct sockaddr_in6 *)&out->at;

    in->sin6_family = AF_INET6;
    in->sin6_port = port;
    if (inet_pton(AF_INET6, host, &in->sin6_addr) != 1)
        return "no IPv6 address between the brackets";
    out->len = sizeof *in;
    out->is_loopback = IN6_IS_ADDR_LOOPBACK(&in->sin6_addr);
    return NULL;
}

static const char *parse_v4(const char *host, in_port_t port, struct address *out)
{
    struct sockaddr_in *in = (struct sockaddr_in *)&out->at;

    if (strcmp(host, "localhost") == 0)
        host = "127.0.0.1";
    else if (strcmp(host, "*") == 0)
        host = "0.0.0.0";
    in->sin_family = AF_INET;
    in->sin_port = port;
    if (inet_pton(AF_INET, host, &in->sin_addr) != 1)
        return "the host must be an IP address, localhost or *";
    out->len = sizeof *in;
    out->is_loopback = ntohl(in->sin_addr.s_addr) >> 24 == 127;
    return NULL;
}

const char *address_parse(const char *text, struct address *out)
{
    const char *colon = strrchr(text, ':');
    char host[HOST_MAX];
    in_port_t port;
    size_t n;

    memset(out, 0, sizeof *out);
    if (strncmp(text, "unix:", strlen("unix:")) == 0)
        return parse_unix(text + strlen("unix:"), out);
    if (colon == NULL || colon == text || !parse_port(colon + 1, &port))
        return "it must be HOST:PORT, with a port of 0 to 65535, or unix:/path";
    if ((n = (size_t)(colon - text)) >= sizeof host)
        return "the host is too long";
    memcpy(host, text, n);
    host[n] = '\0';
    if (*host != '[')
        return parse_v4(host, port, out);
    if (host[n - 1] != ']')
        return "a bracket is open";
    host[n - 1] = '\0';
    return parse_v6(host + 1, port, out);
}
