#pragma once

#include <metrics/core/metric.h>
#include <metrics/io/object.h>

namespace metrics::trainer {

/// All states of a metric, whether they are persistent or not.
io::Object state_of(const Metric& metric);
/// Throws InvalidArgument for what are not the metric's; then nothing has changed.
void load_state_of(Metric& metric, const io::Object& states);

}  // namespace metrics::trainer
