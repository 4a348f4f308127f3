/*
 * curl_sockets: makes and closes libcurl's sockets, and knows which are open.
 *
 * Two reasons: a script's os.execute must not inherit a connection (libcurl does not set
 * close-on-exec), and a forked child must be able to close its copies without libcurl, which would
 * say goodbye over the parent's TLS connection. One thread, that of the loop.
 */
#ifndef ITR_TRANSPORT_CURL_SOCKETS_H
#define ITR_TRANSPORT_CURL_SOCKETS_H

#include <curl/curl.h>
#include <pthread.h>
#include <stddef.h>

struct itr_curl_sockets {
    int *fds; /* ours; the open ones, in no order */
    size_t n, cap;
    pthread_mutex_t *lock; /* borrowed; held while one is opened or closed; NULL: none */
};

void itr_curl_sockets_init(struct itr_curl_sockets *s);

/* Gives the memory back; closes nothing. */
void itr_curl_sockets_clear(struct itr_curl_sockets *s);

/* Closes all, silently: the peer sees nothing while another process holds the connection. */
void itr_curl_sockets_close(struct itr_curl_sockets *s);

/* CURLOPT_OPENSOCKETFUNCTION and CURLOPT_CLOSESOCKETFUNCTION; ctx is a struct itr_curl_sockets,
 * which must outlive the multi handle. */
curl_socket_t itr_curl_sockets_on_open(void *ctx, curlsocktype purpose, struct curl_sockaddr *a);
int itr_curl_sockets_on_close(void *ctx, curl_socket_t fd);

#endif
