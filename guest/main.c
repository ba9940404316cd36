/* pid 1. */
#include "amphora.h"
#include <string.h>
#include <unistd.h>

int main(int count, char **arguments)
{
	if (getpid() != 1)
		return count == 2 && strcmp(arguments[1], "--tsc-khz") == 0 ? print_tsc_khz() : 2;
	boot();
	loop_open();
	process_init();
	wire_open();
	loop_run();
}
