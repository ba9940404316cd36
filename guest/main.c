/* pid 1. */
#include "amphora.h"

int main(void)
{
	boot();
	loop_open();
	process_init();
	wire_open();
	loop_run();
}
