#pragma once

#include <c10/core/GradMode.h>
#include <c10/core/InferenceMode.h>

namespace metrics {

/// For its scope: tensors are made so that they can be changed anywhere later, also under the caller's InferenceMode,
/// and gradients are recorded only where `gradients` says so. (Leaving InferenceMode alone would switch them on.)
class AutogradScope {
 public:
  explicit AutogradScope(bool gradients = false) : gradients_(gradients) {}

 private:
  c10::InferenceMode no_inference_{false};
  c10::AutoGradMode gradients_;
};

}  // namespace metrics
