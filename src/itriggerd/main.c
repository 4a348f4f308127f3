#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "core/base/hex.h"
#include "core/base/version.h"
#include "itriggerd/credential.h"
#include "itriggerd/daemon.h"
#include "itriggerd/log.h"
#include "itriggerd/notify.h"
#include "itriggerd/settings_env.h"
#include "itriggerd/settings_file.h"

/*
 * itriggerd: the central token server (docs/design.md 4.6). Exit codes: 0; 1: the system refused
 * what it needs (a port in use, a store that cannot be used); 2: the configuration or the command
 * line is wrong.
 */

#define EXIT_RUNTIME 1
#define EXIT_CONFIG 2
#define ROUND_S 1 /* how often the watchdog hears of us */
#define LOG_FLUSH_MS 500

static const char help[] =
    "usage: itriggerd [--config FILE]\n"
    "       itriggerd --check [--config FILE] [--reload PID]\n"
    "       itriggerd --show-config [--config FILE]\n"
    "       itriggerd --make-key\n"
    "\n"
    "The central token server of itrigger: it holds the app secrets, fetches and refreshes the\n"
    "tokens, and gives them to clients that show a key.\n"
    "\n"
    "  --config FILE   serve what the file says (see itriggerd(8))\n"
    "  --check         only check the configuration: exit code 0, or 2\n"
    "  --reload PID    with --check: if the check succeeds, tell that itriggerd to reload "
    "(SIGHUP)\n"
    "  --show-config   print the configuration with all defaults; secrets are masked\n"
    "  --make-key      print a new client key, and the key_sha256 line for the file\n"
    "  --version       print the version\n"
    "  --help          print this\n"
    "\n"
    "Without a file it serves the app of ITRIGGER_APP_ID, ITRIGGER_APP_SECRET and "
    "ITRIGGER_GATEWAY\n"
    "on 127.0.0.1:8700 (ITRIGGERD_LISTEN), with the key ITRIGGER_TOKEN_STORE_KEY or one that it\n"
    "makes. SIGHUP reads the file again, SIGTERM ends it.\n";

struct command {
    const char *config; /* NULL: the environment */
    bool check, show;
    long reload_pid; /* 0: none */
};

/* ---- the command line ---- */

static int make_key(void)
{
    char key[KEY_TEXT_MAX], hex[2 * ITR_SHA256_LEN + 1];
    struct key_digest digest;

    if (!key_make(key)) {
        fputs("itriggerd: the system gave no random bytes for a key\n", stderr);
        return EXIT_RUNTIME;
    }
    key_digest_of(key, strlen(key), &digest);
    itr_hex_write(digest.bytes, sizeof digest.bytes, hex);
    printf("key (for the client): %s\nkey_sha256 = %s\n", key, hex);
    itr_wipe(key, sizeof key);
    return 0;
}

static bool read_pid(const char *text, long *pid)
{
    char *end;

    *pid = strtol(text, &end, 10);
    if (end != text && *end == '\0' && *pid > 1)
        return true;
    fprintf(stderr, "itriggerd: --reload %s: expected a process id\n", text);
    return false;
}

/* -1: go on; else the exit code. */
static int read_command(int argc, char **argv, struct command *cmd)
{
    static const struct option options[] = {
        {"config", required_argument, NULL, 'c'}, {"check", no_argument, NULL, 'k'},
        {"show-config", no_argument, NULL, 's'},  {"make-key", no_argument, NULL, 'm'},
        {"reload", required_argument, NULL, 'r'}, {"version", no_argument, NULL, 'v'},
        {"help", no_argument, NULL, 'h'},         {NULL, 0, NULL, 0}};
    int which;

    while ((which = getopt_long(argc, argv, "c:h", options, NULL)) != -1)
        switch (which) {
        case 'c':
            cmd->config = optarg;
            break;
        case 'k':
            cmd->check = true;
            break;
        case 's':
            cmd->show = true;
            break;
        case 'r':
            if (!read_pid(optarg, &cmd->reload_pid))
                return EXIT_CONFIG;
            break;
        case 'm':
            return make_key();
        case 'v':
            puts("itriggerd " ITR_VERSION);
            return 0;
        case 'h':
            (void)fputs(help, stdout);
            return 0;
        default: /* getopt_long said which */
            fputs("itriggerd: see --help\n", stderr);
            return EXIT_CONFIG;
        }
    if (cmd->reload_pid != 0 && !cmd->check) {
        fputs("itriggerd: --reload needs --check\n", stderr);
        return EXIT_CONFIG;
    }
    if (optind == argc)
        return -1;
    fprintf(stderr, "itriggerd: unexpected argument \"%s\"; see --help\n", argv[optind]);
    return EXIT_CONFIG;
}

/* ---- the configuration ---- */

static bool load(const struct command *cmd, struct settings *s, struct settings_env *env,
                 struct complaint *c)
{
    settings_init(s);
    if (cmd->config != NULL)
        return settings_read(s, cmd->config, cmd->check || cmd->show, c);
    return settings_env_read(s, env, c);
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

static int check(const struct command *cmd, const struct settings *s)
{
    struct itr_error e;

    if (daemon_check(s, &e) != ITR_OK) {
        fprintf(stderr, "itriggerd: %s\n", e.text);
        return EXIT_CONFIG;
    }
    printf("itriggerd: %s: ok\n", cmd->config != NULL ? cmd->config : "the environment");
    if (s->unread_secret != NULL)
        printf("itriggerd: note: the secret of [app %s] comes from systemd (LoadCredential), and "
               "was not checked here\n",
               s->unread_secret);
    if (s->tls_key != NULL && credential_is_hidden(s->tls_key))
        puts("itriggerd: note: the certificate comes from systemd (LoadCredential), and was not "
             "checked here");
    if (cmd->reload_pid == 0 || kill((pid_t)cmd->reload_pid, SIGHUP) == 0)
        return 0;
    fprintf(stderr, "itriggerd: --reload %ld: %s\n", cmd->reload_pid, strerror(errno));
    return EXIT_RUNTIME;
}

static void reload(const struct command *cmd, struct daemon *d)
{
    struct settings fresh;
    struct settings_env unused;
    struct complaint c = {0};
    char text[COMPLAINT_TEXT + 256];

    if (cmd->config == NULL) {
        log_warning("reload", NULL, "there is no configuration file to reload; restart instead");
        return;
    }
    notify_reloading();
    if (load(cmd, &fresh, &unused, &c)) {
        daemon_reload(d, &fresh);
    } else {
        write_complaint(cmd, &c, text, sizeof text);
        daemon_reload_failed(d, text);
    }
    settings_clear(&fresh);
    notify_ready();
}

/* ---- life ---- */

/* The parent may have closed them. The next file or socket would take the place of stderr, and log
 * lines would be written into it. */
static bool open_standard_files(void)
{
    int fd;

    for (fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
        if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", O_RDWR) != fd)
            return false;
    return true;
}

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
    const struct timespec round = {.tv_sec = ROUND_S};
    int got;

    notify_ready();
    do {
        got = sigtimedwait(set, NULL, &round);
        if (got == SIGHUP)
            reload(cmd, d);
        if (server_is_alive(&d->server))
            notify_watchdog();
    } while (got != SIGTERM && got != SIGINT);
    notify_stopping();
    log_info("stop", NULL, "stopping; requests in progress are finished first");
}

static int serve(const struct command *cmd, struct settings *s, const struct settings_env *env)
{
    static struct daemon d; /* threads of others' libraries may look at it until the very end */
    struct itr_error e;
    sigset_t set;
    char where[256];
    enum itr_status st;
    int code;

    take_signals(&set);
    raise_limit();
    (void)log_start(); /* without it each line is written by its caller */
    if ((st = daemon_start(&d, s, &e)) != ITR_OK) {
        log_error("start", NULL, "%s", e.text);
    } else {
        listener_name(&d.listeners[0], where, sizeof where);
        if (cmd->config == NULL) {
            log_flush(LOG_FLUSH_MS); /* the log first */
            settings_env_print(d.server.snapshot->apps[0]->config, env, where);
        }
        run(cmd, &d, &set);
    }
    code = st == ITR_OK ? 0 : st == ITR_CONFIG ? EXIT_CONFIG : EXIT_RUNTIME;
    daemon_stop(&d, code);
    log_flush(LOG_FLUSH_MS);
    return code;
}

int main(int argc, char **argv)
{
    struct command cmd = {0};
    struct settings s;
    struct settings_env env;
    struct complaint c = {0};
    char text[COMPLAINT_TEXT + 256];
    int code;

    if (!open_standard_files())
        return EXIT_RUNTIME;
    if ((code = read_command(argc, argv, &cmd)) >= 0)
        return code;
    if (!load(&cmd, &s, &env, &c)) {
        settings_clear(&s);
        write_complaint(&cmd, &c, text, sizeof text);
        fprintf(stderr, "itriggerd: %s\n", text);
        return EXIT_CONFIG;
    }
    if (cmd.check || cmd.show) {
        if (cmd.show)
            settings_print(&s, stdout);
        code = cmd.check ? check(&cmd, &s) : 0;
        settings_clear(&s);
    } else {
        code = serve(&cmd, &s, &env);
    }
    itr_wipe(&env, sizeof env);
    return code;
}
