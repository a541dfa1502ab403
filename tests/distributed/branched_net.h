#pragma once

#include <ATen/ATen.h>
#include <torch/nn/modules/linear.h>

#include <string>

namespace metrics_test {

/// The net of python_compat_fixtures/branched.py: two branches, of which an input picks one, and a running mean.
struct BranchedNet : torch::nn::Module {
  BranchedNet() : first(4, 5), left(5, 2), right(5, 2) {
    register_module("first", first);
    register_module("left", left);
    register_module("right", right);
    seen = register_buffer("seen", at::zeros({4}));
  }
  at::Tensor forward(const at::Tensor& x, const std::string& branch) {
    seen.add_(x.detach().mean(0));
    const at::Tensor hidden = first(x).tanh();
    if (branch == "both") return left(hidden) + right(hidden);
    return branch == "left" ? left(hidden) : right(hidden);
  }
  torch::nn::Linear first, left, right;
  at::Tensor seen;
};

}  // namespace metrics_test
