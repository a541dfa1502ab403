#include <metrics/core/ranges.h>

namespace metrics {

RangedRows::Range::~Range() = default;
RangedRows::~RangedRows() = default;
RangedValue::~RangedValue() = default;

}  // namespace metrics
