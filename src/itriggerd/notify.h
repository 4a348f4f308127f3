/*
 * notify: tells systemd how the service does (sd_notify(3), Type=notify): one datagram to the
 * socket that $NOTIFY_SOCKET names. Without that variable nothing happens. Main thread.
 */
#ifndef ITRIGGERD_NOTIFY_H
#define ITRIGGERD_NOTIFY_H

#include <stdbool.h>

/* The service serves; after a reload, too. */
void notify_ready(void);
void notify_reloading(void);
void notify_stopping(void);
/* The service is alive. Nothing unless the unit has WatchdogSec=. */
void notify_watchdog(void);

#endif
