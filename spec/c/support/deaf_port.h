/*
 * deaf_port: a port of loopback on which nobody listens, and nobody else can while it is held.
 */
#ifndef SPEC_DEAF_PORT_H
#define SPEC_DEAF_PORT_H

/* Take one; *fd holds it until it is closed. */
int deaf_port(int *fd);

#endif
