/* What runs inside the containers of the contract tests. Statically linked, so it needs no other file. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void die(int signal) { _exit(128 + signal); }

static void wait_forever(void (*on_term)(int)) {
    signal(SIGTERM, on_term);
    signal(SIGINT, on_term);
    signal(SIGQUIT, on_term);
    for (;;) pause();
}

int main(int argc, char **argv) {
    const char *mode = argc > 1 ? argv[1] : "run";
    if (!strcmp(mode, "run")) wait_forever(die);
    if (!strcmp(mode, "ignore-term")) wait_forever(SIG_IGN);
    if (!strcmp(mode, "exit")) return argc > 2 ? atoi(argv[2]) : 0;
    if (!strcmp(mode, "say")) { /* say <exit code> <line>... ; every other line goes to stderr */
        for (int i = 3; i < argc; i++) {
            FILE *out = i % 2 ? stdout : stderr;
            fprintf(out, "%s\n", argv[i]);
            fflush(out);
            usleep(20000); /* two pipes have no common order */
        }
        return argc > 2 ? atoi(argv[2]) : 0;
    }
    if (!strcmp(mode, "say-and-run")) {
        for (int i = 2; i < argc; i++) printf("%s\n", argv[i]);
        fflush(stdout);
        wait_forever(die);
    }
    if (!strcmp(mode, "eat-memory")) {
        for (;;) memset(malloc(1 << 20), 1, 1 << 20);
    }
    return 64;
}
