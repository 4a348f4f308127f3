/*
 * sandbox: the sandbox gateway for C tests. The one that a runner started (SANDBOX_DIR in the
 * environment), else one of this program, which ends with it. Run from the project's folder.
 */
#ifndef SPEC_SUPPORT_SANDBOX_H
#define SPEC_SUPPORT_SANDBOX_H

/* Starts it when it is asked for the first time; a failure ends the test program. */
void sandbox_start(void);

/* The value of a line that sandbox/run prints: "SANDBOX_HTTPS", "ITRIGGER_CA_FILE" ... Static
 * memory. */
const char *sandbox_value(const char *name);

/* Ends it, if it is this program's. */
void sandbox_stop(void);

#endif
