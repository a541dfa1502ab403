#include "metric_states.h"

#include <metrics/core/state_dict.h>
#include <metrics/io/checkpoint.h>

#include <memory>

namespace metrics::trainer {

io::Object state_of(const Metric& metric) {
  const std::unique_ptr<Metric> copy = metric.clone();
  copy->persistent(true);
  return io::to_object(copy->state_dict());
}

void load_state_of(Metric& metric, const io::Object& states) {
  metric.load_state_dict(io::to_state_dict(states));
}

}  // namespace metrics::trainer
