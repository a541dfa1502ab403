#pragma once

/// Marks what the shared library exports; everything else has hidden visibility.
#if defined(METRICS_STATIC)
#define METRICS_API
#elif defined(_WIN32)
#if defined(METRICS_BUILDING)
#define METRICS_API __declspec(dllexport)
#else
#define METRICS_API __declspec(dllimport)
#endif
#else
#define METRICS_API __attribute__((visibility("default")))
#endif
