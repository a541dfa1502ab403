#pragma once

#include <metrics/trainer/logger.h>
#include <metrics/trainer/options.h>

#include <memory>
#include <vector>

namespace metrics::trainer {

/// Where the values of a run go that has these options: its console, terminal and folder, and the loggers that it was
/// given.
std::vector<std::shared_ptr<Logger>> loggers_of(const Options& options);

}  // namespace metrics::trainer
