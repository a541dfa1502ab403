#pragma once

#include <metrics/core/define.h>

/// Defines the classes of a metric that exists for all three tasks.
#define METRICS_DEFINE_TASKS(Name)        \
  METRICS_DEFINE_CLASS(Binary##Name);     \
  METRICS_DEFINE_CLASS(Multiclass##Name); \
  METRICS_DEFINE_CLASS(Multilabel##Name)
