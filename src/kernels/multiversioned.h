#pragma once

// Whether kernels are compiled in versions for AVX-512, AVX2 and any x86-64. Under a sanitizer one version has to do:
// with its checks each takes minutes to compile.
#if defined(__x86_64__) && !defined(METRICS_SANITIZED)
#define METRICS_VERSIONS
#endif

// Builds a function in versions; the loader picks. ThreadSanitizer crashes on it at start.
#if defined(METRICS_VERSIONS) && defined(__GNUC__) && !defined(__clang__) && !defined(__SANITIZE_THREAD__)
#define METRICS_MULTIVERSIONED __attribute__((target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")))
#else
#define METRICS_MULTIVERSIONED
#endif

// The body of a multiversioned function has to be compiled inside of it.
#define METRICS_INLINE inline __attribute__((always_inline))
// The same of a lambda: [&]() METRICS_INLINED { … }
#define METRICS_INLINED __attribute__((always_inline))
