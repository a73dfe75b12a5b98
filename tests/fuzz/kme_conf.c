// SPDX-License-Identifier: GPL-2.0-or-later
// LIBRARIES: kmed common standin
// PACKAGES: libevent_core libevent_extra libevent_openssl libevent_pthreads libssl libcrypto json-c
/*
 * Fuzzer of the key service's settings: taken whole, or refused with a reason.
 */
#include <stdlib.h>
#include <string.h>

#include "tools/kmed/conf.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = strndup((const char *)data, size), err[512] = "";
	struct conf *c = conf_parse(text, err, sizeof(err));

	if (!c && !*err)
		abort();
	for (unsigned int i = 0; c && i < c->n_links; i++)
		for (unsigned int k = 0; k < c->links[i].n_pairs; k++)
			if (!conf_knows(c, c->links[i].pairs[k].local))
				abort();
	conf_put(c);
	free(text);
	return 0;
}
