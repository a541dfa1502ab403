#pragma once

#include <metrics/core/metric.h>
#include <metrics/io/checkpoint.h>

#include <string>

namespace metrics::io {

/// All states of a metric, which need not be persistent.
StateDict states_of(const Metric& metric, const std::string& prefix);

/// Replaces a metric's states, of which some have to be there. Throws InvalidArgument that names `source` and the key.
void load_states(Metric& metric, const StateDict& dict, const StatesAt& at, const std::string& source);

}  // namespace metrics::io
