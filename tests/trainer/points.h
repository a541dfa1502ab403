#pragma once

#include <metrics/trainer/stage.h>
#include <metrics/training/loader.h>
#include <metrics/training/sampler.h>

#include <ATen/ATen.h>
#include <torch/nn/functional/loss.h>
#include <torch/nn/modules/linear.h>

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <stdexcept>
#include <string>
#include <vector>

// What tests of the trainer train on.

namespace metrics_test {

/// Points of the plane, and on which side of two lines each lies: 3 classes.
struct Points {
  explicit Points(int64_t count) {
    const at::Tensor i = at::arange(count).to(at::kFloat);
    data = at::stack({at::sin(i * 1.7), at::cos(i * 2.3)}, 1);
    target = (data.select(1, 0) > 0.2).to(at::kLong) + (data.select(1, 1) > 0.4).to(at::kLong);
  }
  at::Tensor data, target;
};

inline metrics::training::Loader loader_of(const Points& points,
                                           metrics::training::DistributedSamplerOptions options = {},
                                           int64_t batch_size = 4) {
  return metrics::training::Loader(metrics::training::in_memory(points.data, points.target),
                                   metrics::training::DistributedSampler(points.data.size(0), options),
                                   {.batch_size = batch_size});
}

inline const auto train_step = [](auto& model, const metrics::training::Batch& batch) -> metrics::trainer::Result {
  const at::Tensor scores = model.forward(batch.data);
  return {torch::nn::functional::cross_entropy(scores, batch.target), {scores.detach(), batch.target}};
};

inline const auto validation_step = [](auto& net, const metrics::training::Batch& batch) -> metrics::trainer::Result {
  const at::Tensor scores = net->forward(batch.data);
  const auto losses = torch::nn::functional::CrossEntropyFuncOptions().reduction(torch::kNone);
  return {torch::nn::functional::cross_entropy(scores, batch.target, losses), {scores, batch.target}};
};

inline double value_of(const metrics::trainer::StageValues& values, const std::string& name) {
  for (const auto& [own, value] : values)
    if (own == name) return value.item<double>();
  throw std::runtime_error("there is no value " + name);
}

inline std::vector<std::string> lines_of(const std::filesystem::path& file) {
  std::vector<std::string> lines;
  std::ifstream stream(file);
  for (std::string line; std::getline(stream, line);) lines.push_back(line);
  return lines;
}

/// A net of two weights that starts as written here.
inline torch::nn::Linear small_net() {
  torch::nn::Linear net(2, 3);
  const at::NoGradGuard no_grad;
  net->weight.copy_(at::arange(6).reshape({3, 2}) / 10);
  net->bias.zero_();
  return net;
}

}  // namespace metrics_test
