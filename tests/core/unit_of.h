#pragma once

#include <metrics/core/unit.h>

namespace metrics::testing {

/// A metric that has states of its own, as such.
inline const Unit& unit_of(const Metric& metric) {
  return dynamic_cast<const Unit&>(metric);
}

}  // namespace metrics::testing
