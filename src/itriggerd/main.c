#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#include "core/base/version.h"
#include "itriggerd/daemon.h"
#include "itriggerd/log.h"
#include "itriggerd/settings_env.h"

/*
 * itriggerd: the central token server (docs/design.md 4.6). Exit codes: 0, 1 (it cannot serve: a
 * port in use, a store that cannot be used), 2 (the configuration or the command line is wrong).
 */

#define EXIT_CONFIG 2
#define SWEEP_S 1

static const char help[] =
    "itriggerd [--config FILE] [--check]\n"
    "\n"
    "The central token server of itrigger: it owns the app secrets, fetches and refreshes the\n"
    "tokens, and gives them to clients that show a key.\n"
    "\n"
    "  --config FILE   serve what the file says (see itriggerd(8))\n"
    "  --check         only say whether the configuration is right: exit code 0, or 2\n"
    "  --version       print the version\n"
    "  --help          print this\n"
    "\n"
    "Without a file it serves the app of ITRIGGER_APP_ID, ITRIGGER_APP_SECRET and "
    "ITRIGGER_GATEWAY\n"
    "on 127.0.0.1:8700 (ITRIGGERD_LISTEN), with the key ITRIGGER_TOKEN_STORE_KEY or one that it\n"
    "makes. SIGHUP reads the file again, SIGTERM ends it.\n";

struct command {
    const char *config; /* NULL: the environment */
    bool check;
};

/* ---- the command line ---- */

/* -1: go on; else the exit code. */
static int read_command(int argc, char **argv, struct command *cmd)
{
    static const struct option options[] = {{"config", required_argument, NULL, 'c'},
                                            {"check", no_argument, NULL, 'k'},
                                            {"version", no_argument, NULL, 'v'},
                                            {"help", no_argument, NULL, 'h'},
                                            {NULL, 0, NULL, 0}};
    int which;

    while ((which = getopt_long(argc, argv, "c:h", options, NULL)) != -1)
        switch (which) {
        case 'c':
            cmd->config = optarg;
            break;
        case 'k':
            cmd->check = true;
            break;
        case 'v':
            puts("itriggerd " ITR_VERSION);
            return 0;
        case 'h':
            (void)fputs(help, stdout);
            return 0;
        default:
            return EXIT_CONFIG;
        }
    if (optind == argc)
        return -1;
    fprintf(stderr, "itriggerd: \"%s\" is not understood; see --help\n", argv[optind]);
    return EXIT_CONFIG;
}

/* ---- the configuration ---- */

static bool load(const struct command *cmd, struct settings *s, struct settings_env *how,
                 struct complaint *c)
{
    settings_init(s);
    if (cmd->config != NULL)
        return settings_read(s, cmd->config, c);
    return settings_env_read(s, how, c);
}

static void write_complaint(const struct command *cmd, const struct complaint *c, char *out,
                            size_t cap)
{
    if (cmd->config == NULL)
        (void)snprintf(out, cap, "%s", c->text);
    else if (c->line == 0)
        (void)snprintf(out, cap, "%s: %s", cmd->config, c->text);
    else
        (void)snprintf(out, cap, "%s:%d: %s", cmd->config, c->line, c->text);
}

static int check(const struct command *cmd, struct settings *s)
{
    struct itr_error e;
    enum itr_status st = daemon_check_tls(s, &e);

    settings_clear(s);
    if (st != ITR_OK)
        fprintf(stderr, "itriggerd: %s\n", e.text);
    else
        printf("itriggerd: %s: ok\n", cmd->config != NULL ? cmd->config : "the environment");
    return st == ITR_OK ? 0 : EXIT_CONFIG;
}

static void reload(const struct command *cmd, struct daemon *d)
{
    struct settings fresh;
    struct settings_env unused;
    struct complaint c = {0};
    char text[COMPLAINT_TEXT + 256];

    if (cmd->config == NULL) {
        log_warning("reload", NULL, "there is no file to read again: needs a restart");
        return;
    }
    if (load(cmd, &fresh, &unused, &c)) {
        daemon_reload(d, &fresh);
        return;
    }
    settings_clear(&fresh);
    write_complaint(cmd, &c, text, sizeof text);
    log_warning("reload", NULL, "%s; the old configuration stays", text);
}

/* ---- life ---- */

/* Blocked in all threads that are made after this; the main thread takes them one by one. */
static void take_signals(sigset_t *set)
{
    (void)sigemptyset(set);
    (void)sigaddset(set, SIGTERM);
    (void)sigaddset(set, SIGINT);
    (void)sigaddset(set, SIGHUP);
    (void)pthread_sigmask(SIG_BLOCK, set, NULL);
    (void)signal(SIGPIPE, SIG_IGN);
}

/* A connection is a file. */
static void raise_limit(void)
{
    struct rlimit files;

    if (getrlimit(RLIMIT_NOFILE, &files) != 0)
        return;
    files.rlim_cur = files.rlim_max;
    (void)setrlimit(RLIMIT_NOFILE, &files);
}

static void run(const struct command *cmd, struct daemon *d, const sigset_t *set)
{
    const struct timespec sweep = {.tv_sec = SWEEP_S};
    int got;

    do {
        got = sigtimedwait(set, NULL, &sweep);
        if (got == SIGHUP)
            reload(cmd, d);
        daemon_sweep(d);
    } while (got != SIGTERM && got != SIGINT);
    log_info("stop", NULL, "finishing what is under way");
}

static int serve(const struct command *cmd, struct settings *s, const struct settings_env *how)
{
    static struct daemon d; /* threads of others' libraries may look at it until the very end */
    struct itr_error e;
    sigset_t set;
    char where[256];
    enum itr_status st;

    take_signals(&set);
    raise_limit();
    if ((st = daemon_start(&d, s, &e)) != ITR_OK) {
        log_warning("start", NULL, "%s", e.text);
    } else {
        listener_name(&d.listeners[0], where, sizeof where);
        if (cmd->config == NULL)
            settings_env_print(&d.settings, how, where);
        run(cmd, &d, &set);
    }
    daemon_stop(&d);
    return st == ITR_OK ? 0 : st == ITR_CONFIG ? EXIT_CONFIG : 1;
}

int main(int argc, char **argv)
{
    struct command cmd = {0};
    struct settings s;
    struct settings_env how;
    struct complaint c = {0};
    char text[COMPLAINT_TEXT + 256];
    int code = read_command(argc, argv, &cmd);

    if (code >= 0)
        return code;
    if (!load(&cmd, &s, &how, &c)) {
        settings_clear(&s);
        write_complaint(&cmd, &c, text, sizeof text);
        fprintf(stderr, "itriggerd: %s\n", text);
        return EXIT_CONFIG;
    }
    code = cmd.check ? check(&cmd, &s) : serve(&cmd, &s, &how);
    itr_wipe(&how, sizeof how);
    return code;
}
