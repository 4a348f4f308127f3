#include "store/redis_tls.h"

#include <stdio.h>

#ifdef ITR_REDIS_TLS

#include <arpa/inet.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <poll.h>
#include <string.h>

static SSL *ssl_of(struct itr_redis_tls *t)
{
    return (SSL *)(void *)t;
}

bool itr_redis_tls_is_here(void)
{
    return true;
}

void itr_redis_tls_prepare(void)
{
#ifdef OPENSSL_INIT_NO_ATEXIT
    (void)OPENSSL_init_ssl(OPENSSL_INIT_NO_ATEXIT, NULL);
#else
    (void)OPENSSL_init_ssl(0, NULL);
#endif
}

/* The queue of errors is the thread's: it must be empty before each operation. */
static const char *reason(void)
{
    const char *text = ERR_reason_error_string(ERR_peek_last_error());

    return text != NULL ? text : "the connection broke";
}

static bool trust(SSL_CTX *ctx, const char *ca_file)
{
    if (ca_file[0] == '\0')
        return SSL_CTX_set_default_verify_paths(ctx) == 1;
    return SSL_CTX_load_verify_locations(ctx, ca_file, NULL) == 1;
}

/* Return NULL with the reason in what; "" is no memory. */
static SSL_CTX *make_context(const char *ca_file, char *what, size_t size)
{
    SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());

    if (ctx == NULL)
        return NULL;
    SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER, NULL);
    (void)SSL_CTX_set_mode(ctx,
                           SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    if (SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION) == 1 && trust(ctx, ca_file))
        return ctx;
    (void)snprintf(what, size, "the certificates to trust cannot be read: %.120s (%.60s)",
                   ca_file[0] != '\0' ? ca_file : "the system's", reason());
    SSL_CTX_free(ctx);
    return NULL;
}

/* Say whose certificate it must be: an address by itself; a name also in the handshake (SNI), for
 * a server that has several. */
static bool expect_host(SSL *ssl, const char *host)
{
    unsigned char address[sizeof(struct in6_addr)];

    if (inet_pton(AF_INET, host, address) == 1 || inet_pton(AF_INET6, host, address) == 1)
        return X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), host) == 1;
    SSL_set_hostflags(ssl, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
    return SSL_set1_host(ssl, host) == 1 && SSL_set_tlsext_host_name(ssl, host) == 1;
}

enum itr_status itr_redis_tls_new(int fd, const char *host, const char *ca_file,
                                  struct itr_redis_tls **out, char *what, size_t size)
{
    SSL_CTX *ctx;
    SSL *ssl;

    what[0] = '\0';
    ERR_clear_error();
    if ((ctx = make_context(ca_file, what, size)) == NULL)
        return what[0] != '\0' ? ITR_STORE : ITR_NOMEM;
    ssl = SSL_new(ctx);
    SSL_CTX_free(ctx); /* ssl keeps it */
    if (ssl == NULL)
        return ITR_NOMEM;
    if (!expect_host(ssl, host) || SSL_set_fd(ssl, fd) != 1) {
        SSL_free(ssl);
        return ITR_NOMEM;
    }
    SSL_set_connect_state(ssl);
    *out = (struct itr_redis_tls *)(void *)ssl;
    return ITR_OK;
}

void itr_redis_tls_free(struct itr_redis_tls *t)
{
    SSL_free(ssl_of(t));
}

static long judge(SSL *ssl, int got, short *events)
{
    *events = 0;
    if (got > 0)
        return got;
    switch (SSL_get_error(ssl, got)) {
    case SSL_ERROR_WANT_READ:
        *events = POLLIN;
        return -1;
    case SSL_ERROR_WANT_WRITE:
        *events = POLLOUT;
        return -1;
    case SSL_ERROR_ZERO_RETURN:
        return 0;
    default:
        return -1;
    }
}

long itr_redis_tls_shake(struct itr_redis_tls *t, short *events)
{
    ERR_clear_error();
    return judge(ssl_of(t), SSL_do_handshake(ssl_of(t)), events);
}

long itr_redis_tls_read(struct itr_redis_tls *t, void *bytes, size_t n, short *events)
{
    ERR_clear_error();
    return judge(ssl_of(t), SSL_read(ssl_of(t), bytes, (int)n), events);
}

long itr_redis_tls_write(struct itr_redis_tls *t, const void *bytes, size_t n, short *events)
{
    ERR_clear_error();
    return judge(ssl_of(t), SSL_write(ssl_of(t), bytes, (int)n), events);
}

void itr_redis_tls_explain(const struct itr_redis_tls *t, char *what, size_t size)
{
    long verdict = SSL_get_verify_result((const SSL *)(const void *)t);

    if (verdict != X509_V_OK)
        (void)snprintf(what, size, "its certificate was rejected: %s",
                       X509_verify_cert_error_string(verdict));
    else
        (void)snprintf(what, size, "the TLS handshake failed: %.100s; is this its TLS port?",
                       reason());
}

#else

bool itr_redis_tls_is_here(void)
{
    return false;
}

void itr_redis_tls_prepare(void)
{
}

enum itr_status itr_redis_tls_new(int fd, const char *host, const char *ca_file,
                                  struct itr_redis_tls **out, char *what, size_t size)
{
    (void)fd, (void)host, (void)ca_file, (void)out;
    (void)snprintf(what, size, "this build has no TLS");
    return ITR_STORE;
}

void itr_redis_tls_free(struct itr_redis_tls *t)
{
    (void)t;
}

long itr_redis_tls_shake(struct itr_redis_tls *t, short *events)
{
    (void)t;
    *events = 0;
    return -1;
}

long itr_redis_tls_read(struct itr_redis_tls *t, void *bytes, size_t n, short *events)
{
    (void)bytes, (void)n;
    return itr_redis_tls_shake(t, events);
}

long itr_redis_tls_write(struct itr_redis_tls *t, const void *bytes, size_t n, short *events)
{
    (void)bytes, (void)n;
    return itr_redis_tls_shake(t, events);
}

void itr_redis_tls_explain(const struct itr_redis_tls *t, char *what, size_t size)
{
    (void)t;
    (void)snprintf(what, size, "this build has no TLS");
}

#endif
