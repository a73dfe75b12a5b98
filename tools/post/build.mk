# SPDX-License-Identifier: GPL-2.0-or-later
LIBRARIES += post
post_SRCS := $(addprefix tools/post/,auth.c bits.c cascade.c \
	cascade_engine_any.c cascade_engine_bmi.c cascade_gather.c \
	cascade_plan.c detect.c estimate.c fft128.c fft128_basis.c \
	fft128_pclmul.c fft128_vpclmul.c fft128_vpclmul256.c gf128.c \
	gf128_pclmul.c polyhash.c shuffle.c sift.c toeplitz.c verify.c wipe.c)
post_LDLIBS := -lm

# the loops of XORs want vectors
CFLAGS_tools/post/fft128.c := -O3

ifeq ($(shell uname -m),x86_64)
CFLAGS_tools/post/cascade_engine_bmi.c := -mpopcnt -mbmi -mbmi2
CFLAGS_tools/post/gf128_pclmul.c := -mpclmul -msse4.1
CFLAGS_tools/post/fft128_pclmul.c := -O3 -mpclmul -msse4.1
CFLAGS_tools/post/fft128_vpclmul.c := -O3 -mpclmul -mvpclmulqdq -mavx512f \
	-mavx512bw -mavx512vl -mprefer-vector-width=512
CFLAGS_tools/post/fft128_vpclmul256.c := -O3 -mpclmul -mvpclmulqdq -mavx2
ifeq ($(SAN),1)
# gcc 12 does not align 64-byte vectors on the sanitizer's stack (PR 110027)
CFLAGS_tools/post/fft128_vpclmul.c += -fno-sanitize=address
endif
endif

post_tests := post_bits post_cascade post_chain post_estimate post_hash \
	post_sift post_toeplitz
TESTS += $(post_tests)
$(foreach t,$(post_tests),$(eval $(t)_SRCS := tests/unit/$(t).c)\
	$(eval $(t)_LIBS := post))

# run under valgrind, by tests/unit/post_secret.sh
HELPERS += post_secret
post_secret_SRCS := tests/unit/post_secret.c
post_secret_LIBS := post

BENCHES += bench_post
bench_post_SRCS := tests/bench/post.c tests/bench/post_others.c
bench_post_LIBS := post
bench_post_PKGS := fftw3
bench_post_LDLIBS := -lgf2x
