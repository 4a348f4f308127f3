/*
 * notify: reports the service's state to systemd (sd_notify(3), Type=notify), as one datagram to
 * the socket in $NOTIFY_SOCKET. Without that variable nothing is sent. Main thread.
 */
#ifndef ITRIGGERD_NOTIFY_H
#define ITRIGGERD_NOTIFY_H

#include <stdbool.h>

/* Report that the service is ready, at the start and after a reload. */
void notify_ready(void);
void notify_reloading(void);
void notify_stopping(void);
/* Report that the service is alive. Nothing is sent unless the unit has WatchdogSec=. */
void notify_watchdog(void);

#endif
