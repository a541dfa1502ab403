#pragma once

// The one place that holds the version: CMake reads it from here.
#define METRICS_VERSION_MAJOR 0
#define METRICS_VERSION_MINOR 1
#define METRICS_VERSION_PATCH 0

#define METRICS_STRINGIFY_(x) #x
#define METRICS_STRINGIFY(x) METRICS_STRINGIFY_(x)

/// "major.minor.patch".
#define METRICS_VERSION                    \
  METRICS_STRINGIFY(METRICS_VERSION_MAJOR) \
  "." METRICS_STRINGIFY(METRICS_VERSION_MINOR) "." METRICS_STRINGIFY(METRICS_VERSION_PATCH)
