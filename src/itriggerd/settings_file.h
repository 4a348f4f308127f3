/*
 * settings_file: the settings as a file, read and written by one table of their names. Errors are
 * reported with their line (ini_reader.h).
 */
#ifndef ITRIGGERD_SETTINGS_FILE_H
#define ITRIGGERD_SETTINGS_FILE_H

#include <stdio.h>

#include "itriggerd/settings.h"

/* Read the file, check the settings and finish them. check_only: a secret that only systemd can
 * provide may be missing. False: *c says what is wrong. */
bool settings_read(struct settings *s, const char *path, bool check_only, struct complaint *c);

/* Write the settings that are in force, defaults included, as a configuration file; secrets and
 * passwords are masked. */
void settings_print(struct settings *s, FILE *out);

#endif
