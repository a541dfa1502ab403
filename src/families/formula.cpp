#include "formula.h"

#include <ATen/ops/empty_like.h>
#include <ATen/ops/log.h>

namespace metrics::families::formula {

namespace {

bool is_by_own_math(const at::Tensor& x) {
  return x.is_cpu() && x.scalar_type() == at::kDouble && !x.requires_grad();
}

template <class F>
at::Tensor each_number(const at::Tensor& x, const F& f) {
  const at::Tensor from = x.contiguous();
  at::Tensor to = at::empty_like(from);
  const double* numbers = from.const_data_ptr<double>();
  auto* results = to.mutable_data_ptr<double>();
  for (int64_t i = 0; i < from.numel(); ++i) results[i] = f(numbers[i]);
  return to;
}

}  // namespace

at::Tensor value_power(const at::Tensor& x, double p) {
  return is_by_own_math(x) ? each_number(x, [p](double number) { return kernels::power(number, p); }) : at::pow(x, p);
}

at::Tensor value_logarithm(const at::Tensor& x) {
  return is_by_own_math(x) ? each_number(x, [](double number) { return kernels::logarithm(number); }) : at::log(x);
}

}  // namespace metrics::families::formula
