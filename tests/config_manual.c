/* Prints the table of keys as docs/configuration.md has it; see config_manual.sh. */
#include "base/memory.h"
#include "config/keys.h"

#include <stdio.h>

int main(void)
{
	OWNED(free) char *manual = keys_manual();
	return fputs(manual, stdout) < 0;
}
