#include "branched_net.h"
#include "distributed/worker.h"
#include <metrics/core/errors.h>
#include <metrics/distributed/process_group.h>
#include <metrics/training/data_parallel.h>

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
using metrics::training::DistributedDataParallel;
using metrics_test::BranchedNet;
using metrics_test::expect;
using metrics_test::expect_contains;
using metrics_test::message_of;
using metrics_test::NormedNet;
using metrics_test::run_workers;
using metrics_test::started;
using metrics_test::sync_error_of;
using nlohmann::json;

namespace {

using Model = DistributedDataParallel<std::shared_ptr<BranchedNet>>;
using NormedModel = DistributedDataParallel<std::shared_ptr<NormedNet>>;
constexpr std::size_t branched_modes = 4;  // rows of the reference after the inputs; those of the other net follow

std::string branch_at(const std::string& mode, int64_t rank, int64_t step) {
  if (mode == "unused") return step < 2 || rank == 0 ? "left" : "right";
  return mode == "static_graph" ? "left" : "both";
}

std::vector<json> reference() {
  std::ifstream file(METRICS_FIXTURE_DIR "/training/data_parallel.jsonl");
  std::vector<json> rows;
  for (std::string line; std::getline(file, line);) rows.push_back(json::parse(line));
  return rows;
}

Tensor tensor_of(const json& numbers) {
  return at::tensor(numbers.get<std::vector<float>>());
}

// Batch norm over few rows enlarges what rounding leaves.
constexpr double of_branched = 1e-6, of_normed = 1e-5;

void expect_close(const Tensor& got, const json& expected, double tolerance, const std::string& what) {
  const Tensor reference = tensor_of(expected);
  expect(got.numel() == reference.numel(), what + " to have as many numbers as Python's");
  const Tensor distance = (got.detach().flatten() - reference).abs().max();
  expect(at::allclose(got.detach().flatten(), reference, tolerance, tolerance),
         what + " to be Python's, " + std::to_string(distance.item<double>()) + " away");
}

void expect_gradients(const torch::nn::Module& net, const json& gradients, double tolerance, const std::string& when) {
  for (const auto& parameter : net.named_parameters()) {
    const std::string what = when + ": the gradient of " + parameter.key();
    const Tensor gradient = parameter.value().grad();
    expect(gradient.defined() == gradients.contains(parameter.key()), what + " to be where Python has one");
    if (gradient.defined()) expect_close(gradient, gradients.at(parameter.key()), tolerance, what);
  }
}

std::shared_ptr<NormedNet> normed(const json& start) {
  auto net = std::make_shared<NormedNet>();
  const at::NoGradGuard no_grad;
  const auto take = [&](const auto& items) {
    for (const auto& item : items) item.value().copy_(tensor_of(start.at(item.key())).reshape(item.value().sizes()));
  };
  take(net->named_parameters());
  take(net->named_buffers());
  return net;
}

void replace_buffers(NormedNet& net, const std::string& mode, int64_t rank, int64_t step) {
  const auto number = static_cast<double>(rank + step);
  if (mode == "replaced_eval" && step > 0) net.norm->running_mean.set_data(at::full({5}, number / 4));
  if (mode == "grown" && step > 0)
    net.bank = net.replace_module("bank", std::make_shared<metrics_test::Bank>(at::full({1 + step}, number / 8)));
}

Tensor pair_loss(NormedModel& model, const std::string& mode, const Tensor& data, const Tensor& other_data,
                 const Tensor& target) {
  const Tensor one = model(data);
  Tensor other;
  {
    const at::AutoGradMode grad(mode != "consistency");
    other = model(other_data);
  }
  if (mode == "discriminator") return at::softplus(-one).mean() + at::softplus(other).mean();
  if (mode == "first_unused_static_graph") return at::mse_loss(other, target);
  return at::mse_loss(one, target) + at::mse_loss(one, other);
}

void step_and_clear(torch::nn::Module& net) {
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
  for (std::size_t row = 1; row <= branched_modes; ++row) {
    const std::string mode = rows[row].at("mode");
    const auto net = started(rows[0].at("start").at(static_cast<std::size_t>(rank)), static_cast<double>(rank));
    Model model(net, {.find_unused_parameters = mode == "unused", .static_graph = mode == "static_graph"});
    std::size_t steps = 0;
    for (int64_t step = 0; step < 4; ++step) {
      const json& batch = rows[0].at("batches").at(static_cast<std::size_t>(rank)).at(static_cast<std::size_t>(step));
      const Tensor data = tensor_of(batch.at(0)).reshape({3, 4}), target = tensor_of(batch.at(1)).reshape({3, 2});
      const auto backward = [&] { at::mse_loss(model(data, branch_at(mode, rank, step)), target).backward(); };
      if (mode == "no_sync" && step % 2 == 0) {
        const auto alone = model.no_sync();
        backward();
        continue;
      }
      backward();
      const std::string when = mode + ", step " + std::to_string(step);
      expect_gradients(*net, rows[row].at("gradients").at(steps++), of_branched, when);
      step_and_clear(*net);
    }
    const json& state = rows[row].at("state");
    for (const auto& parameter : net->named_parameters())
      expect_close(parameter.value(), state.at(parameter.key()), of_branched, mode + ": " + parameter.key());
    if (rank == 0) expect_close(net->seen, state.at("seen"), of_branched, mode + ": seen");
  }
  // Its collectives can be counted: c10d's Reducer sends over the group that the program sees.
  expect(group->c10d_counters().collectives > 0, "collectives of gradients to be counted");
  expect(group->counters().collectives == 0, "none of them to be the metrics'");
}

WORKER(trains_pairs_as_python) {
  const auto group = init_process_group();
  const auto rank = group->rank();
  const auto place = static_cast<std::size_t>(rank);
  const auto rows = reference();
  expect(rows.size() == branched_modes + 11, "ten modes of pairs in the reference");
  for (std::size_t row = branched_modes + 1; row < rows.size(); ++row) {
    const std::string mode = rows[row].at("mode");
    const auto net = normed(rows[0].at("normed_start").at(place));
    net->train(!mode.ends_with("eval"));
    NormedModel model(
        net, {.find_unused_parameters = mode.ends_with("unused"), .static_graph = mode.ends_with("static_graph")});
    std::size_t steps = 0;
    for (int64_t step = 0; step < 4; ++step) {
      const auto of_step = static_cast<std::size_t>(step);
      const json& batch = rows[0].at("batches").at(place).at(of_step);
      const Tensor data = tensor_of(batch.at(0)).reshape({3, 4}), target = tensor_of(batch.at(1)).reshape({3, 2});
      const Tensor other = tensor_of(rows[0].at("other_data").at(place).at(of_step)).reshape({3, 4});
      replace_buffers(*net, mode, rank, step);
      if (mode.ends_with("no_sync") && step % 2 == 0) {
        const auto alone = model.no_sync();
        pair_loss(model, mode, data, other, target).backward();
        continue;
      }
      pair_loss(model, mode, data, other, target).backward();
      expect_gradients(*net, rows[row].at("gradients").at(steps++), of_normed, mode + ", step " + std::to_string(step));
      step_and_clear(*net);
    }
    const json& state = rows[row].at("state");
    for (const auto& parameter : net->named_parameters())
      expect_close(parameter.value(), state.at(parameter.key()), of_normed, mode + ": " + parameter.key());
    if (rank != 0) continue;
    for (const auto& buffer : net->named_buffers())
      expect_close(buffer.value().to(at::kFloat), state.at(buffer.key()), of_normed, mode + ": " + buffer.key());
  }
}

// A change that the module makes itself is still one.
WORKER(notices_changes_of_the_modules_own) {
  const auto group = init_process_group();
  const auto net = std::make_shared<NormedNet>();
  net->eval();
  NormedModel model(net);
  const Tensor loss = model(at::ones({3, 4})).sum();
  {
    const at::NoGradGuard no_grad;
    net->norm->running_var.mul_(2);
  }
  expect_contains(message_of<c10::Error>([&] {
                    (loss + model(at::ones({3, 4})).sum()).backward();
                  }),
                  "modified by an inplace operation");
}

WORKER(refuses_parameters_that_it_does_not_know) {
  const auto group = init_process_group();
  const auto net = std::make_shared<BranchedNet>();
  net->right->weight.requires_grad_(false);
  Model model(net);
  const auto step = [&] { model(at::ones({3, 4}), "both").sum().backward(); };
  step();
  net->right->weight.requires_grad_(true);
  expect_contains(message_of<InvalidArgument>(step), "parameter `right.weight` has been replaced, added or unfrozen");
  net->right->weight.requires_grad_(false);
  step();
  net->left = net->replace_module("left", torch::nn::Linear(5, 2));
  expect_contains(message_of<InvalidArgument>(step), "parameter `left.weight`");
  {
    const at::NoGradGuard no_grad;
    model(at::ones({3, 4}), "both");
  }
  Model anew(net);
  anew(at::ones({3, 4}), "both").sum().backward();
}

WORKER(refuses_buffers_that_differ) {
  const auto group = init_process_group({.timeout = metrics_test::short_timeout});
  const auto rank = group->rank();
  const auto net = std::make_shared<NormedNet>();
  NormedModel model(net);
  const auto step = [&] { model(at::ones({3, 4})).sum().backward(); };
  step();
  net->bank = net->replace_module("bank", std::make_shared<metrics_test::Bank>(at::ones({2 + rank})));
  expect_contains(sync_error_of(step), "buffers have been replaced since the last forward, which ranks do alike");
  expect_contains(sync_error_of(step),
                  "rank 0 has `bank.numbers` of Float [2] without gradient, rank 1 has `bank.numbers` of Float [3]");
  net->bank = net->replace_module("bank", std::make_shared<metrics_test::Bank>(at::ones({2})));
  step();
  // One rank's own change is an error as well, at the latest when the time is over.
  if (rank == 1) net->bank = net->replace_module("bank", std::make_shared<metrics_test::Bank>(at::ones({4})));
  const std::string message = sync_error_of(step);
  if (rank == 1) expect_contains(message, "buffers have been replaced");
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

TEST_CASE("data parallel: a change of the module's own to what backward needs is an error as ever") {
  CHECK(run_workers("notices_changes_of_the_modules_own", 2).ok());
}

TEST_CASE("data parallel: parameters whose gradients nobody would average are an error that names them") {
  CHECK(run_workers("refuses_parameters_that_it_does_not_know", 2).ok());
}

TEST_CASE("data parallel: buffers that ranks have replaced by different ones are an error on all ranks") {
  CHECK(run_workers("refuses_buffers_that_differ", 2).ok());
}

TEST_CASE("data parallel: two forwards before a backward, and replaced buffers, are as Python's on two ranks") {
  CHECK(run_workers("trains_pairs_as_python", 2).ok());
}

TEST_CASE("data parallel: a small net sends one bucket a step") {
  CHECK(run_workers("sends_as_little_as_it_can", 2).ok());
}

TEST_CASE("data parallel: modules that differ are an error on all ranks that names the parameter") {
  CHECK(run_workers("refuses_modules_that_differ", 2).ok());
}
