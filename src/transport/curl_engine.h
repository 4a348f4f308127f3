/*
 * curl_engine: the transport (transport.h) of event loops: libcurl on a thread of its own. The host
 * starts an exchange, goes on, and looks again when the notifier wakes it.
 *
 * All transports of a process that are opened with the same options share one thread, and so its
 * connections, whichever Lua state or client they serve. The thread starts with the first exchange
 * and ends with the last transport or the process. No signal of the host's reaches it.
 *
 * Beyond transport.h:
 * - start() copies the request; nothing is borrowed after it but the exchange itself. The deadline
 *   counts from start(). may_send must be NULL (ITR_USAGE): it would be asked on another thread.
 *   ITR_NETWORK: ITR_CURL_WORKER_MOST requests are in flight, no thread can be created, or the
 *   process is ending. (Not ITR_NOMEM, which is raised in Lua.)
 * - wait(t, 0) only looks, and takes no system call. Otherwise it blocks this thread alone.
 *   Exchanges come out in the order they completed.
 * - The notifier is notified when something completed, and by wake(). Once it was answered, all
 *   that completed must be taken: look until wait(t, 0) is NULL.
 * - cancel() does not wait for the thread, so response.sent is false only if that is sure.
 * - free() does not wait either; connections in use are closed a moment later.
 * - In the child of a fork abandon() and free() are the same. What was in flight comes out of
 * wait() as ITR_NETWORK with sent = true, and new exchanges have a thread and connections of the
 * child's own; but the notifier is the parent's, so who has one opens a new transport.
 * - When the process exits, what is in flight comes out as ITR_NETWORK; exit waits for the thread's
 *   end.
 *
 * A transport belongs to one thread at a time, but for wake(). docs/design.md section 6.
 */
#ifndef ITR_TRANSPORT_CURL_ENGINE_H
#define ITR_TRANSPORT_CURL_ENGINE_H

#include "core/http/transport.h"
#include "core/os/notifier.h"

/* Open a transport on the process's thread for these options. notifier: retained; may serve several
 * transports; NULL: none. ITR_CONFIG, ITR_NETWORK (no descriptors are left), ITR_NOMEM. */
enum itr_status itr_curl_engine_open(const struct itr_transport_options *options,
                                     struct itr_notifier *notifier, struct itr_transport **out,
                                     struct itr_error *e);

#endif
