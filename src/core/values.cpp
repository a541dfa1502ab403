#include <metrics/core/values.h>

#include <ATen/ops/scalar_tensor.h>

namespace metrics {

Values Values::from_double(double number) {
  Values values(at::scalar_tensor(number, at::kDouble));
  values.is_number_ = true;
  return values;
}

Values Values::from_integer(int64_t number) {
  Values values(at::scalar_tensor(number, at::kLong));
  values.is_number_ = true;
  return values;
}

}  // namespace metrics
