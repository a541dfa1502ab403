#include <metrics/core/ranges.h>

namespace metrics {

RowRange::~RowRange() = default;
RangedRows::~RangedRows() = default;
SecondRows::~SecondRows() = default;
WholeColumns::~WholeColumns() = default;
RangedValue::~RangedValue() = default;

}  // namespace metrics
