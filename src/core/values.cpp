#include <metrics/core/autograd_scope.h>
#include <metrics/core/values.h>

#include <ATen/EmptyTensor.h>

namespace metrics {

namespace {

template <class T>
Tensor scalar(T number, at::ScalarType dtype) {
  const AutogradScope scope;
  Tensor tensor(at::detail::empty_cpu({}, dtype));
  *tensor.mutable_data_ptr<T>() = number;
  return tensor;
}

}  // namespace

Values Values::from_double(double number) {
  Values values(scalar(number, at::kDouble));
  values.is_number_ = true;
  return values;
}

Values Values::from_integer(int64_t number) {
  Values values(scalar(number, at::kLong));
  values.is_number_ = true;
  return values;
}

}  // namespace metrics
