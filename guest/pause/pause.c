/*
 * Two small duties beside containers, in one static program.
 *
 * pause                         The first process of a sandbox: reaps what is left to it and ends on SIGTERM.
 * pause attend FILE -- PROG...  Starts PROG in the background, writes its pid to FILE and ends: a monitor that is
 *                               a subreaper and expects a "runtime create" then watches PROG as the container.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
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

static int attend(const char *file, char **program) {
  pid_t pid = fork();
  if (pid < 0) return 1;
  if (pid == 0) {
    execv(program[0], program);
    _exit(errno == ENOENT ? 127 : 126);
  }
  if (write_pid(file, pid) == 0) return 0;
  perror("pid file");
  kill(pid, SIGKILL);
  return 1;
}

int main(int argc, char **argv) {
  if (argc >= 5 && strcmp(argv[1], "attend") == 0 && strcmp(argv[3], "--") == 0) return attend(argv[2], argv + 4);
  if (argc == 1) return rest();
  fputs("usage: pause | pause attend FILE -- PROGRAM [ARGUMENT...]\n", stderr);
  return 2;
}
