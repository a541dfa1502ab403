#include <metrics/core/errors.h>
#include <metrics/core/readable.h>
#include <metrics/core/rows.h>

#include <sstream>

namespace metrics {

namespace {

void check(const std::optional<Tensor>& tensor, const char* name, at::ScalarType dtype, int64_t row_count) {
  if (!tensor) return;
  const bool readable = detail::is_readable(*tensor);
  if (readable && tensor->scalar_type() == dtype && tensor->dim() == 1 && tensor->size(0) == row_count) return;
  std::ostringstream message;
  message << "Rows." << name << ": expected " << dtype << " of shape [" << row_count << "], got ";
  if (readable) {
    message << tensor->scalar_type() << " of shape " << tensor->sizes();
  } else {
    message << detail::unreadable_kind(*tensor);
  }
  throw InvalidArgument(message.str());
}

void check_weights(const Tensor& weights, int64_t row_count) {
  const bool readable = detail::is_readable(weights);
  if (readable && weights.dim() == 1 && weights.size(0) == row_count) return;
  std::ostringstream message;
  message << "Rows.weights: expected floating numbers, integers or bool of shape [" << row_count << "], got ";
  if (readable) {
    message << weights.scalar_type() << " of shape " << weights.sizes();
  } else {
    message << detail::unreadable_kind(weights);
  }
  throw InvalidArgument(message.str());
}

}  // namespace

void check_rows(const Rows& rows, int64_t row_count) {
  check(rows.valid, "valid", at::kBool, row_count);
  check(rows.ids, "ids", at::kLong, row_count);
  if (rows.weights) check_weights(*rows.weights, row_count);
}

}  // namespace metrics
