#include "itriggerd/credential.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PLACE "/run/credentials/"
#define DIRECTORY_MAX 4096

bool credential_path(const char *name, char *out, size_t cap)
{
    const char *directory = getenv("CREDENTIALS_DIRECTORY");

    return directory != NULL && snprintf(out, cap, "%s/%s", directory, name) < (int)cap;
}

static bool begins(const char *text, const char *with)
{
    return with != NULL && strncmp(text, with, strlen(with)) == 0;
}

bool credential_is_hidden(const char *path)
{
    char directory[DIRECTORY_MAX];
    const char *end = strrchr(path, '/');

    if (end == NULL || (!begins(path, PLACE) && !begins(path, getenv("CREDENTIALS_DIRECTORY"))))
        return false;
    (void)snprintf(directory, sizeof directory, "%.*s", (int)(end - path), path);
    return access(directory, X_OK) != 0;
}
