#pragma once

// All of the library but the trainer. A program that cares for compile time includes the topics that it uses.

#include <metrics/aggregation/aggregation.h>
#include <metrics/core/dynamic.h>
#include <metrics/core/metric_of.h>
#include <metrics/core/warning.h>
#include <metrics/version.h>
