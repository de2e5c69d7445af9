/*
 * libFuzzer target of the configuration: any bytes as reeve.yaml. It must neither crash nor hang,
 * and answer true or at least one mistake. By hand:
 *   CC=clang meson setup build-fuzz -Dfuzzers=true -Db_sanitize=address,undefined \
 *     -Db_lundef=false -Dc_args=-fsanitize=fuzzer-no-link
 *   ninja -C build-fuzz tests/fuzz_config && build-fuzz/tests/fuzz_config -max_total_time=60
 */
#include "base/memory.h"
#include "config/config.h"

#include <assert.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

static void load_and_describe(const char *path)
{
	struct config *config = NULL;
	struct config_faults faults = { 0 };
	struct error err = { 0 };
	if (config_load(path, &config, &faults, &err)) {
		json_t *described = config_describe(config);
		OWNED(free) char *text = json_dumps(described, 0);
		assert(text);
		for (size_t i = 0; i < config->queue_count; i++)
			assert(config_compare_queue(&config->queues[i], &config->queues[i]) ==
				RELOAD_NOTHING);
		json_decref(described);
		config_destroy(config);
	} else
		assert(faults.count > 0 && err.kind == ERROR_INVALID);
	config_faults_finish(&faults);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	OWNED_FD int fd = memfd_create("reeve.yaml", MFD_CLOEXEC);
	char path[64];
	assert(fd >= 0 && write(fd, bytes, size) == (ssize_t)size);
	snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
	load_and_describe(path);
	return 0;
}
