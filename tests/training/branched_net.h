#pragma once

#include <ATen/ATen.h>
#include <torch/nn/modules/batchnorm.h>
#include <torch/nn/modules/linear.h>

#include <nlohmann/json.hpp>

#include <memory>
#include <string>
#include <utility>
#include <vector>

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

/// The net with the weights that Python's began with, by name, and one number in all of its buffer.
inline std::shared_ptr<BranchedNet> started(const nlohmann::json& weights, double seen) {
  auto net = std::make_shared<BranchedNet>();
  const at::NoGradGuard no_grad;
  for (auto& parameter : net->named_parameters()) {
    const auto numbers = weights.at(parameter.key()).get<std::vector<float>>();
    parameter.value().copy_(at::tensor(numbers).reshape(parameter.value().sizes()));
  }
  net->seen.fill_(seen);
  return net;
}

struct Bank : torch::nn::Module {
  explicit Bank(at::Tensor held) { numbers = register_buffer("numbers", std::move(held)); }
  at::Tensor numbers;
};

/// That file's net with batch norm, and a bank of numbers that may be replaced by a longer one.
struct NormedNet : torch::nn::Module {
  NormedNet() : first(4, 5), norm(5), last(5, 2) {
    register_module("first", first);
    register_module("norm", norm);
    register_module("last", last);
    bank = register_module("bank", std::make_shared<Bank>(at::zeros({1})));
  }
  at::Tensor forward(const at::Tensor& x) { return last(norm(first(x)).tanh()) * (1 + bank->numbers.sum()); }
  torch::nn::Linear first;
  torch::nn::BatchNorm1d norm;
  torch::nn::Linear last;
  std::shared_ptr<Bank> bank;
};

}  // namespace metrics_test
