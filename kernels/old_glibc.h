// Binds the CPU libraries to the oldest versions of what they call in glibc, so that they load where it is older than on the machine that built them:
// from 2.28 on, RHEL 8. The versions since then differ in errno and in speed, or are in another file. Included in front of every source of theirs.
#pragma once

#include <features.h>

#if defined(__GLIBC__) && defined(__x86_64__)
#define DIFFSVD_OLDEST(name) __asm__(".symver " #name ", " #name "@GLIBC_2.2.5");
#elif defined(__GLIBC__) && defined(__aarch64__)
#define DIFFSVD_OLDEST(name) __asm__(".symver " #name ", " #name "@GLIBC_2.17");
#else
#define DIFFSVD_OLDEST(name)
#endif

DIFFSVD_OLDEST(hypot)
DIFFSVD_OLDEST(hypotf)
DIFFSVD_OLDEST(log)
DIFFSVD_OLDEST(pow)
DIFFSVD_OLDEST(dladdr)
DIFFSVD_OLDEST(dlclose)
DIFFSVD_OLDEST(dlerror)
DIFFSVD_OLDEST(dlopen)
DIFFSVD_OLDEST(dlsym)
