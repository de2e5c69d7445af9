#pragma once
/* A worker whose program pulls for itself; see worker_main, which calls it. */
#include "workers/worker.h"

_Noreturn void program_main(const struct worker_setup *setup);
