#include "trainer/folder.h"
#include <metrics/core/errors.h>
#include <metrics/io/files.h>
#include <metrics/training/checkpoint.h>

#include <ATen/ATen.h>
#include <torch/nn/modules/activation.h>
#include <torch/nn/modules/batchnorm.h>
#include <torch/nn/modules/container/sequential.h>
#include <torch/nn/modules/conv.h>
#include <torch/nn/modules/linear.h>
#include <torch/optim/adam.h>
#include <torch/optim/adamw.h>
#include <torch/optim/rmsprop.h>
#include <torch/optim/sgd.h>

#include <doctest/doctest.h>

#include <cstdlib>
#include <memory>
#include <string>

namespace training_checkpoint_test {
namespace {

using at::Tensor;
using metrics::InvalidArgument;
using metrics::io::Object;
using metrics::training::load_state_dict;
using metrics::training::state_dict;

torch::nn::Sequential network() {
  return torch::nn::Sequential(torch::nn::Conv2d(torch::nn::Conv2dOptions(1, 4, 3).bias(false)),
                               torch::nn::BatchNorm2d(4), torch::nn::ReLU(), torch::nn::Flatten(),
                               torch::nn::Linear(64, 3));
}

void step(torch::nn::Sequential& net, torch::optim::Optimizer& optimizer, const Tensor& input) {
  net->train();
  optimizer.zero_grad();
  net->forward(input).square().mean().backward();
  optimizer.step();
}

std::unique_ptr<torch::optim::Optimizer> optimizer_for(const std::string& name, const std::vector<Tensor>& parameters) {
  if (name == "sgd") {
    return std::make_unique<torch::optim::SGD>(parameters,
                                               torch::optim::SGDOptions(0.05).momentum(0.9).weight_decay(1e-3));
  }
  if (name == "adam") {
    return std::make_unique<torch::optim::Adam>(parameters,
                                                torch::optim::AdamOptions(0.01).betas({0.8, 0.99}).amsgrad(true));
  }
  return std::make_unique<torch::optim::AdamW>(parameters, torch::optim::AdamWOptions(0.02).weight_decay(0.1));
}

void check_equal(const torch::nn::Sequential& a, const torch::nn::Sequential& b, double tolerance) {
  const auto first = a->named_parameters(), second = b->named_parameters();
  REQUIRE(first.size() == second.size());
  for (const auto& parameter : first) {
    CAPTURE(parameter.key());
    CHECK(at::allclose(parameter.value(), second[parameter.key()], tolerance, tolerance));
  }
}

}  // namespace

TEST_CASE("states of a module that are missing, unexpected or of other shapes are refused, and nothing has changed") {
  torch::nn::Sequential net = network(), other = network();
  const Object saved = state_dict(*net);
  const auto refused = [&](const std::string& key, const Object& value, const std::string& why) {
    Object spoiled = saved;
    spoiled.set(key, value);
    const Tensor before = other->parameters()[0].clone();
    CHECK_THROWS_WITH_AS(load_state_dict(*other, spoiled), doctest::Contains(("`" + key + "` " + why).c_str()),
                         InvalidArgument);
    CHECK(at::equal(other->parameters()[0], before));
  };
  refused("4.bias", at::zeros({4}), "has shape [4], expected [3]");
  refused("4.bias", 3, "is an integer, not a tensor");
  refused("5.bias", at::zeros({3}), "is not expected");
  Object few;
  few.set("4.bias", at::ones({3}));
  CHECK_THROWS_WITH_AS(load_state_dict(*other, few), doctest::Contains("is missing"), InvalidArgument);
  load_state_dict(*other, few, /*strict=*/false);
  CHECK(at::equal(other->named_parameters()["4.bias"], at::ones({3})));
  CHECK_THROWS_AS(load_state_dict(*other, Object(7)), InvalidArgument);
}

TEST_CASE("states of an optimizer that do not fit are refused, and nothing has changed") {
  torch::nn::Sequential net = network();
  auto adam = optimizer_for("adam", net->parameters());
  step(net, *adam, at::rand({8, 1, 6, 6}));
  const Object saved = state_dict(*adam);
  const auto refused = [&](const Object& bad, const char* why) {
    CHECK_THROWS_WITH_AS(load_state_dict(*adam, bad), doctest::Contains(why), InvalidArgument);
    CHECK(metrics::io::torch_bytes(state_dict(*adam)) == metrics::io::torch_bytes(saved));
  };
  refused(Object(1), "param_groups");
  Object bad = saved;
  Object state = saved.at("state"), first = state.at(0);
  first.set("exp_avg", at::zeros({1}));
  state.set(0, first);
  bad.set("state", state);
  refused(bad, "`exp_avg` is no tensor of the parameter's shape");
  bad = saved;
  Object group = saved.at("param_groups").as<Object::List>()->front();
  group.set("betas", Object::Tuple{{0.5}});
  bad.set("param_groups", Object::List{group});
  refused(bad, "`betas`");
  bad.set("param_groups", Object::List{});
  refused(bad, "has 0 groups, expected 1");
  torch::optim::RMSprop other(net->parameters());
  CHECK_THROWS_WITH_AS(state_dict(other), doctest::Contains("neither SGD, Adam nor AdamW"), InvalidArgument);
}

TEST_CASE("Python goes on from a checkpoint of here, and here from one of Python") {
  const metrics_test::Folder folder;
  torch::manual_seed(5);
  const Tensor input = at::rand({8, 1, 6, 6});
  for (const std::string name : {"sgd", "adam", "adamw"}) {
    CAPTURE(name);
    torch::nn::Sequential net = network();
    auto optimizer = optimizer_for(name, net->parameters());
    for (int i = 0; i < 3; ++i) step(net, *optimizer, input);
    net->eval();
    Object checkpoint;
    checkpoint.set("model", state_dict(*net));
    checkpoint.set("optimizer", state_dict(*optimizer));
    checkpoint.set("optimizer_name", name);
    checkpoint.set("input", input);
    checkpoint.set("output", net->forward(input).detach());
    const auto here = folder.path() / (name + ".pt"), there = folder.path() / (name + "_python.pt");
    metrics::io::write_torch(here, checkpoint);

    const std::string command = std::string(METRICS_PYTHON) + " " + METRICS_SOURCE_DIR +
                                "/tests/training/checkpoint.py " + here.string() + " " + there.string();
    REQUIRE(std::system(command.c_str()) == 0);
    step(net, *optimizer, input);
    const Object python = metrics::io::read_torch(there);
    torch::nn::Sequential back = network();
    load_state_dict(*back, python.at("model"));
    check_equal(net, back, 1e-5);

    // A step further, from the states that Python wrote.
    auto resumed = optimizer_for(name, back->parameters());
    load_state_dict(*resumed, python.at("optimizer"));
    step(net, *optimizer, input);
    step(back, *resumed, input);
    check_equal(net, back, 1e-5);
  }
}

}  // namespace training_checkpoint_test
