/* The event loop: one event at a time, so that a source may free itself and others in its handler. */
#include "amphora.h"
#include <errno.h>
#include <sys/epoll.h>
#include <unistd.h>

static int epoll = -1;

void loop_open(void)
{
	epoll = epoll_create1(EPOLL_CLOEXEC);
}

void loop_watch(struct source *source, uint32_t events)
{
	struct epoll_event event = { .events = events, .data.ptr = source };
	epoll_ctl(epoll, EPOLL_CTL_ADD, source->fd, &event);
}

void loop_change(struct source *source, uint32_t events)
{
	struct epoll_event event = { .events = events, .data.ptr = source };
	if (epoll_ctl(epoll, EPOLL_CTL_MOD, source->fd, &event) < 0 && errno == ENOENT && events)
		epoll_ctl(epoll, EPOLL_CTL_ADD, source->fd, &event);
}

void loop_forget(struct source *source)
{
	epoll_ctl(epoll, EPOLL_CTL_DEL, source->fd, NULL);
}

void loop_run(void)
{
	for (;;) {
		struct epoll_event event;
		wire_pump();
		if (epoll_wait(epoll, &event, 1, -1) == 1) {
			struct source *source = event.data.ptr;
			source->ready(source, event.events);
		}
	}
}
