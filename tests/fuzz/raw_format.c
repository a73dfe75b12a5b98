// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Fuzzer of the detections format, as drivers read it: a header, then frames.
 * What is accepted is in order and within its bounds.
 */
#include <stdlib.h>

#include "tools/raw/raw.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void events(const struct raw_frame *f)
{
	uint64_t *slot = malloc((f->count + 1) * sizeof(*slot)), last = 0;
	uint8_t *code = malloc(f->count + 1);
	ssize_t n, i;

	if (!slot || !code)
		abort();
	n = raw_frame_events(f, slot, code);
	if (n > (ssize_t)f->count)
		abort();
	for (i = 0; i < n; i++) {
		if (slot[i] < f->start || slot[i] >= f->end ||
		    code[i] >= RAW_CODE_SKIP || (i && slot[i] <= last))
			abort();
		last = slot[i];
	}
	free(slot);
	free(code);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct raw_header h;
	struct raw_totals t;
	struct raw_frame f;
	char word[16];
	double v[4];
	ssize_t used;

	used = raw_header_parse(data, size, &h);
	if (used > 0) {
		raw_header_word(&h, "seeded", word, sizeof(word));
		raw_header_numbers(&h, "intensities", v, 4);
	} else {
		/* frames alone are worth looking at as well */
		used = 0;
	}
	for (; used >= 0 && (size_t)used < size; ) {
		data += used;
		size -= used;
		used = raw_frame_parse(data, size, &f);
		if (used <= 0)
			break;
		if ((size_t)used > size || f.len > size)
			abort();
		if (f.type == RAW_EVENTS)
			events(&f);
		else if (f.type == RAW_TOTALS)
			raw_frame_totals(&f, &t);
	}
	return 0;
}
