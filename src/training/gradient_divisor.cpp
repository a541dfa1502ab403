#include "gradient_divisor.h"

#include <ATen/core/List.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/full.h>

#include <exception>

namespace metrics::training {

bool DivisorWork::wait(std::chrono::milliseconds) {
  return true;
}

std::vector<at::Tensor> DivisorWork::result() {
  return {at::full({1}, divisor_(), at::kLong)};
}

c10::intrusive_ptr<c10::ivalue::Future> DivisorWork::getFuture() {
  auto future = c10::make_intrusive<c10::ivalue::Future>(c10::ListType::create(c10::TensorType::get()));
  future->markCompleted(c10::IValue(result()));
  return future;
}

c10::intrusive_ptr<c10::ivalue::Future> SampleWeights::runHook(c10d::GradBucket& bucket) {
  at::Tensor& gradients = bucket.getBufferRef();
  if (!samples_) {
    std::vector<at::Tensor> tensors{gradients.div_(divisor_())};
    return group_->allreduce(tensors)->getFuture();
  }
  // Half formats cannot count samples.
  const bool half = gradients.scalar_type() == at::kHalf || gradients.scalar_type() == at::kBFloat16;
  const int64_t length = gradients.numel();
  at::Tensor weighed = at::empty({length + 1}, half ? gradients.options().dtype(at::kFloat) : gradients.options());
  weighed.narrow(0, 0, length).copy_(gradients).mul_(*samples_);
  weighed.narrow(0, length, 1).fill_(*samples_);
  std::vector<at::Tensor> tensors{weighed};
  const auto sum = group_->allreduce(tensors)->getFuture();
  return sum->then(
      [weighed, length, type = gradients.scalar_type()](c10::ivalue::Future& done) -> c10::IValue {
        if (done.hasError()) std::rethrow_exception(done.exception_ptr());
        const at::Tensor samples = weighed.narrow(0, length, 1).clamp_min(1);
        return std::vector<at::Tensor>{weighed.narrow(0, 0, length).div_(samples).to(type)};
      },
      sum->elementType());
}

at::Tensor SampleWeights::parseHookResult(const c10::IValue& result) {
  return c10d::detail::parseCppCommHookResult(result);
}

}  // namespace metrics::training
