#include "branched_net.h"
#include "worker.h"
#include <metrics/core/errors.h>
#include <metrics/distributed/data_parallel.h>
#include <metrics/distributed/process_group.h>

#include <ATen/ATen.h>
#include <torch/nn/modules/linear.h>

#include <doctest/doctest.h>
#include <nlohmann/json.hpp>

#include <cstdlib>
#include <fstream>
#include <memory>
#include <string>
#include <vector>

using at::Tensor;
using metrics::init_process_group;
using metrics::InvalidArgument;
using metrics::SyncError;
using metrics::distributed::DistributedDataParallel;
using metrics_test::BranchedNet;
using metrics_test::expect;
using metrics_test::expect_contains;
using metrics_test::run_workers;
using metrics_test::sync_error_of;
using nlohmann::json;

namespace {

using Model = DistributedDataParallel<std::shared_ptr<BranchedNet>>;

std::string branch_of(const std::string& mode, int64_t rank, int64_t step) {
  if (mode == "unused") return step < 2 || rank == 0 ? "left" : "right";
  return mode == "static_graph" ? "left" : "both";
}

std::vector<json> reference() {
  std::ifstream file(METRICS_FIXTURE_DIR "/distributed/data_parallel.jsonl");
  std::vector<json> rows;
  for (std::string line; std::getline(file, line);) rows.push_back(json::parse(line));
  return rows;
}

Tensor tensor_of(const json& numbers) {
  return at::tensor(numbers.get<std::vector<float>>());
}

void expect_close(const Tensor& got, const json& expected, const std::string& what) {
  const Tensor reference = tensor_of(expected);
  expect(got.numel() == reference.numel(), what + " to have as many numbers as Python's");
  expect(at::allclose(got.detach().flatten(), reference, 1e-6, 1e-6), what + " to be Python's");
}

std::shared_ptr<BranchedNet> started(const json& weights, double seen) {
  auto net = std::make_shared<BranchedNet>();
  const at::NoGradGuard no_grad;
  for (auto& parameter : net->named_parameters()) {
    parameter.value().copy_(tensor_of(weights.at(parameter.key())).reshape(parameter.value().sizes()));
  }
  net->seen.fill_(seen);
  return net;
}

void step_and_clear(BranchedNet& net) {
  const at::NoGradGuard no_grad;
  for (Tensor& parameter : net.parameters()) {
    if (!parameter.grad().defined()) continue;
    parameter.sub_(parameter.grad(), 0.1);
    parameter.mutable_grad().reset();
  }
}

}  // namespace

WORKER(trains_as_python) {
  const auto group = init_process_group();
  const auto rank = group->rank();
  const auto rows = reference();
  expect(rows.size() == 5, "four modes in the reference");
  for (std::size_t row = 1; row < rows.size(); ++row) {
    const std::string mode = rows[row].at("mode");
    const auto net = started(rows[0].at("start").at(static_cast<std::size_t>(rank)), static_cast<double>(rank));
    Model model(net, {.find_unused_parameters = mode == "unused", .static_graph = mode == "static_graph"});
    std::size_t steps = 0;
    for (int64_t step = 0; step < 4; ++step) {
      const json& batch = rows[0].at("batches").at(static_cast<std::size_t>(rank)).at(static_cast<std::size_t>(step));
      const Tensor data = tensor_of(batch.at(0)).reshape({3, 4}), target = tensor_of(batch.at(1)).reshape({3, 2});
      const auto backward = [&] { at::mse_loss(model(data, branch_of(mode, rank, step)), target).backward(); };
      if (mode == "no_sync" && step % 2 == 0) {
        const auto alone = model.no_sync();
        backward();
        continue;
      }
      backward();
      const json& gradients = rows[row].at("gradients").at(steps++);
      for (const auto& parameter : net->named_parameters()) {
        const std::string what = mode + ", step " + std::to_string(step) + ": the gradient of " + parameter.key();
        const Tensor gradient = parameter.value().grad();
        expect(gradient.defined() == gradients.contains(parameter.key()), what + " to be where Python has one");
        if (gradient.defined()) expect_close(gradient, gradients.at(parameter.key()), what);
      }
      step_and_clear(*net);
    }
    const json& state = rows[row].at("state");
    for (const auto& parameter : net->named_parameters())
      expect_close(parameter.value(), state.at(parameter.key()), mode + ": " + parameter.key());
    if (rank == 0) expect_close(net->seen, state.at("seen"), mode + ": seen");
  }
  // Its collectives can be counted: c10d's Reducer sends over the group that the program sees.
  expect(group->c10d_counters().collectives > 0, "collectives of gradients to be counted");
  expect(group->counters().collectives == 0, "none of them to be the metrics'");
}

WORKER(sends_as_little_as_it_can) {
  const auto group = init_process_group();
  const auto net = std::make_shared<BranchedNet>();
  Model model(net, {.broadcast_buffers = false});
  const auto step = [&] { model(at::ones({3, 4}), "both").sum().backward(); };
  step();
  step();  // buckets are made anew
  const auto before = group->c10d_counters();
  step();
  const auto sent = group->c10d_counters() - before;
  expect(sent.collectives == 1, "one bucket for a small net, not " + std::to_string(sent.collectives));
  expect(sent.bytes == 4 * (4 * 5 + 5 + 2 * (5 * 2 + 2)), "the gradients' bytes, not " + std::to_string(sent.bytes));
  const auto quiet = group->c10d_counters();
  {
    const auto alone = model.no_sync();
    step();
  }
  {
    const at::NoGradGuard no_grad;
    model(at::ones({3, 4}), "both");
  }
  expect(group->c10d_counters() == quiet, "nothing to be sent without gradients to average");
}

WORKER(refuses_modules_that_differ) {
  const auto group = init_process_group();
  const auto rank = group->rank();
  auto net = std::make_shared<BranchedNet>();
  if (rank == 1) net->replace_module("right", torch::nn::Linear(5, 3));
  const std::string message = sync_error_of([&] { Model model(net); });
  expect_contains(message, "rank 0 has `right.weight` of Float [2, 5], rank 1 has `right.weight` of Float [3, 5]");
  auto longer = std::make_shared<BranchedNet>();
  if (rank == 0) longer->register_parameter("scale", at::ones({1}));
  expect_contains(sync_error_of([&] { Model model(longer); }), "`scale`");
  // The group is none the worse for it.
  Model model(std::make_shared<BranchedNet>());
  model(at::ones({3, 4}), "both").sum().backward();
}

TEST_CASE("data parallel: what cannot be trained is refused") {
  auto frozen = std::make_shared<BranchedNet>();
  for (Tensor& parameter : frozen->parameters()) parameter.requires_grad_(false);
  CHECK_THROWS_AS(Model{frozen}, InvalidArgument);
  CHECK_THROWS_AS(Model(std::make_shared<BranchedNet>(), {.bucket_cap_mb = 0}), InvalidArgument);
}

TEST_CASE("data parallel: one process is a module as ever") {
  const auto net = std::make_shared<BranchedNet>();
  Model model(net);
  model.forward(at::ones({2, 4}), "both").sum().backward();
  CHECK(net->left->weight.grad().defined());
}

TEST_CASE("data parallel: gradients and weights are those of Python's, run on two ranks") {
  CHECK(run_workers("trains_as_python", 2).ok());
}

TEST_CASE("data parallel: a small net sends one bucket a step") {
  CHECK(run_workers("sends_as_little_as_it_can", 2).ok());
}

TEST_CASE("data parallel: modules that differ are an error on all ranks that names the parameter") {
  CHECK(run_workers("refuses_modules_that_differ", 2).ok());
}
