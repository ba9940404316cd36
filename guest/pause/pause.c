/*
 * Two small duties beside containers, in one static program.
 *
 * pause                         The first process of a sandbox: reaps what is left to it and ends on SIGTERM.
 * pause attend RUNTIME [GLOBALS...] create --pid-file FILE ...
 *                     Called by a monitor that expects "create": does "run" in the background instead, writes its
 *                     pid to FILE and ends, so that the monitor watches a process that ends as the container ends.
 * pause masked PROGRAM...
 *                     Runs PROGRAM where /proc/sys/net is empty: gVisor before 2023 takes a namespace that has
 *                     rmem_default for the host's own, and since Linux 6.10 or so every namespace has it.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

static void end(int signal_number) {
  (void)signal_number;
  _exit(0);
}

static void reap(int signal_number) {
  int saved = errno;
  (void)signal_number;
  while (waitpid(-1, NULL, WNOHANG) > 0) {
  }
  errno = saved;
}

static int rest(void) {
  struct sigaction on_end = {.sa_handler = end}, on_child = {.sa_handler = reap, .sa_flags = SA_NOCLDSTOP};
  if (sigaction(SIGTERM, &on_end, NULL) < 0 || sigaction(SIGINT, &on_end, NULL) < 0) return 1;
  if (sigaction(SIGCHLD, &on_child, NULL) < 0) return 1;
  for (;;) pause();
}

/* Whole or not at all for who reads it: written under another name first. */
static int write_pid(const char *file, pid_t pid) {
  char temporary[4096], text[32];
  int fd, length = snprintf(text, sizeof text, "%d", (int)pid);
  if (snprintf(temporary, sizeof temporary, "%s.tmp", file) >= (int)sizeof temporary) return -1;
  fd = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  if (fd < 0) return -1;
  if (write(fd, text, (size_t)length) != length || close(fd) < 0) return -1;
  return rename(temporary, file);
}

static int attend(char **words) {
  const char *file = NULL;
  int kept = 0, created = 0;
  pid_t pid;
  for (int i = 0; words[i]; i++) {
    if (!created && strcmp(words[i], "create") == 0) {
      created = 1;
      words[kept++] = "run";
    } else if (created && strcmp(words[i], "--pid-file") == 0 && words[i + 1]) {
      file = words[++i];
    } else {
      words[kept++] = words[i];
    }
  }
  words[kept] = NULL;
  if (!created || !file) return 2;
  pid = fork();
  if (pid < 0) return 1;
  if (pid == 0) {
    execv(words[0], words);
    _exit(errno == ENOENT ? 127 : 126);
  }
  if (write_pid(file, pid) == 0) return 0;
  perror("pid file");
  kill(pid, SIGKILL);
  return 1;
}

static int masked(char **program) {
  if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_SLAVE, NULL) < 0 ||
      mount("none", "/proc/sys/net", "tmpfs", MS_NOSUID | MS_NODEV | MS_NOEXEC | MS_RDONLY, "size=4k") < 0) {
    perror("mask /proc/sys/net");
    return 1;
  }
  execv(program[0], program);
  perror(program[0]);
  return 127;
}

int main(int argc, char **argv) {
  if (argc >= 4 && strcmp(argv[1], "attend") == 0) return attend(argv + 2);
  if (argc >= 3 && strcmp(argv[1], "masked") == 0) return masked(argv + 2);
  if (argc == 1) return rest();
  fputs("usage: pause | pause attend RUNTIME [GLOBAL...] create --pid-file FILE ...\n", stderr);
  return 2;
}
