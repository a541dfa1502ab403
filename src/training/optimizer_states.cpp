#include <metrics/core/errors.h>
#include <metrics/training/checkpoint.h>

#include <ATen/ops/scalar_tensor.h>
#include <torch/optim/adam.h>
#include <torch/optim/adamw.h>
#include <torch/optim/sgd.h>

#include <cmath>
#include <memory>
#include <sstream>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

namespace metrics::training {
namespace {

using io::Object;
using torch::optim::OptimizerParamState;

[[noreturn]] void refuse(const std::string& what, const std::string& why) {
  throw InvalidArgument("optimizer's state dict: " + what + " " + why);
}

// How Python writes options and states, and how they are read back. A reader throws for what is missing or of another
// kind.

double number(const Object& group, const char* name) {
  const Object& value = group.at(name);
  if (const auto* real = value.as<double>()) return *real;
  if (const auto* integer = value.as<int64_t>()) return static_cast<double>(*integer);
  if (const auto* tensor = value.as<at::Tensor>(); tensor != nullptr && tensor->numel() == 1)
    return tensor->item<double>();
  refuse("option `" + std::string(name) + "`", "is " + value.kind() + ", not a number");
}

bool flag(const Object& group, const char* name) {
  const Object& value = group.at(name);
  if (const auto* held = value.as<bool>()) return *held;
  refuse("option `" + std::string(name) + "`", "is " + value.kind() + ", not a bool");
}

std::tuple<double, double> betas(const Object& group) {
  const auto* pair = group.at("betas").as<Object::Tuple>();
  const auto at = [&](std::size_t i) { return pair->items[i].as<double>(); };
  if (pair == nullptr || pair->items.size() != 2 || at(0) == nullptr || at(1) == nullptr) {
    refuse("option `betas`", "is no pair of floats");
  }
  return {*at(0), *at(1)};
}

/// The state of that name; undefined where it is None or missing.
at::Tensor tensor_like(const Object& state, const char* name, const at::Tensor& parameter) {
  const Object* found = state.find(name);
  if (found == nullptr || found->is_none()) return {};
  const auto* tensor = found->as<at::Tensor>();
  if (tensor == nullptr || tensor->sizes() != parameter.sizes()) {
    std::ostringstream expected;
    expected << "is no tensor of the parameter's shape " << parameter.sizes();
    refuse("state `" + std::string(name) + "`", expected.str());
  }
  return tensor->detach().to(parameter.options()).clone();
}

at::Tensor required(const at::Tensor& tensor, const char* name) {
  if (!tensor.defined()) refuse("state `" + std::string(name) + "`", "is missing");
  return tensor;
}

/// What all of Python's optimizers have beside their own options.
void add_common(Object& group) {
  for (const char* name : {"maximize", "differentiable"}) group.set(name, false);
  for (const char* name : {"foreach", "fused"}) group.set(name, Object());
}

struct Sgd {
  using Options = torch::optim::SGDOptions;
  using State = torch::optim::SGDParamState;

  static Object group(const Options& options) {
    Object made;
    made.set("lr", options.lr());
    made.set("momentum", options.momentum());
    made.set("dampening", options.dampening());
    made.set("weight_decay", options.weight_decay());
    made.set("nesterov", options.nesterov());
    add_common(made);
    return made;
  }
  static Options options(const Object& group) {
    Options made(number(group, "lr"));
    made.momentum(number(group, "momentum")).dampening(number(group, "dampening"));
    made.weight_decay(number(group, "weight_decay")).nesterov(flag(group, "nesterov"));
    return made;
  }
  static Object state(const State& state) {
    Object made;
    const at::Tensor& buffer = state.momentum_buffer();
    made.set("momentum_buffer", buffer.defined() ? Object(buffer.detach()) : Object());
    return made;
  }
  static std::unique_ptr<State> state(const Object& saved, const at::Tensor& parameter) {
    auto made = std::make_unique<State>();
    made->momentum_buffer(tensor_like(saved, "momentum_buffer", parameter));
    return made;
  }
};

template <class O, class S>
struct AdamLike {
  using Options = O;
  using State = S;

  static Object group(const Options& options) {
    Object made;
    made.set("lr", options.lr());
    made.set("betas", Object::Tuple{{std::get<0>(options.betas()), std::get<1>(options.betas())}});
    made.set("eps", options.eps());
    made.set("weight_decay", options.weight_decay());
    made.set("amsgrad", options.amsgrad());
    made.set("capturable", false);
    add_common(made);
    return made;
  }
  static Options options(const Object& group) {
    Options made(number(group, "lr"));
    made.betas(betas(group)).eps(number(group, "eps"));
    made.weight_decay(number(group, "weight_decay")).amsgrad(flag(group, "amsgrad"));
    return made;
  }
  static Object state(const State& state) {
    Object made;
    made.set("step", at::scalar_tensor(state.step(), at::kFloat));
    made.set("exp_avg", state.exp_avg().detach());
    made.set("exp_avg_sq", state.exp_avg_sq().detach());
    if (state.max_exp_avg_sq().defined()) made.set("max_exp_avg_sq", state.max_exp_avg_sq().detach());
    return made;
  }
  static std::unique_ptr<State> state(const Object& saved, const at::Tensor& parameter) {
    auto made = std::make_unique<State>();
    const double step = number(saved, "step");
    if (!(step >= 0 && step <= 0x1p53) || step != std::floor(step)) refuse("state `step`", "is no number of steps");
    made->step(static_cast<int64_t>(step));
    made->exp_avg(required(tensor_like(saved, "exp_avg", parameter), "exp_avg"));
    made->exp_avg_sq(required(tensor_like(saved, "exp_avg_sq", parameter), "exp_avg_sq"));
    made->max_exp_avg_sq(tensor_like(saved, "max_exp_avg_sq", parameter));
    return made;
  }
};

struct Adam : AdamLike<torch::optim::AdamOptions, torch::optim::AdamParamState> {};
struct AdamW : AdamLike<torch::optim::AdamWOptions, torch::optim::AdamWParamState> {};

template <class Kind>
Object saved(const torch::optim::Optimizer& optimizer) {
  Object::Dict states;
  Object::List groups;
  int64_t index = 0;
  for (const auto& group : optimizer.param_groups()) {
    Object options = Kind::group(static_cast<const typename Kind::Options&>(group.options()));
    Object::List numbers;
    for (const at::Tensor& parameter : group.params()) {
      const auto found = optimizer.state().find(parameter.unsafeGetTensorImpl());
      if (found != optimizer.state().end()) {
        states.items.push_back({index, Kind::state(static_cast<const typename Kind::State&>(*found->second))});
      }
      numbers.emplace_back(index++);
    }
    options.set("params", numbers);
    groups.push_back(options);
  }
  Object dict;
  dict.set("state", std::move(states));
  dict.set("param_groups", std::move(groups));
  return dict;
}

template <class Kind>
void load(torch::optim::Optimizer& optimizer, const Object& saved) {
  const auto* groups = saved.at("param_groups").as<Object::List>();
  if (groups == nullptr) refuse("`param_groups`", "is no list");
  if (groups->size() != optimizer.param_groups().size()) {
    refuse("`param_groups`", "has " + std::to_string(groups->size()) + " groups, expected " +
                                 std::to_string(optimizer.param_groups().size()));
  }
  const Object& states = saved.at("state");
  std::vector<typename Kind::Options> options;
  std::vector<std::pair<void*, std::unique_ptr<OptimizerParamState>>> made;
  for (std::size_t g = 0; g < groups->size(); ++g) {
    const Object& group = (*groups)[g];
    const auto* numbers = group.at("params").as<Object::List>();
    const auto& parameters = optimizer.param_groups()[g].params();
    if (numbers == nullptr || numbers->size() != parameters.size()) {
      refuse("group " + std::to_string(g),
             "is of another number of parameters than " + std::to_string(parameters.size()));
    }
    options.push_back(Kind::options(group));
    for (std::size_t i = 0; i < parameters.size(); ++i) {
      const auto* number = (*numbers)[i].as<int64_t>();
      if (number == nullptr)
        refuse("group " + std::to_string(g), "names a parameter by something else than its number");
      if (const Object* state = states.find(*number)) {
        made.emplace_back(parameters[i].unsafeGetTensorImpl(), Kind::state(*state, parameters[i]));
      }
    }
  }
  for (std::size_t g = 0; g < options.size(); ++g) {
    static_cast<typename Kind::Options&>(optimizer.param_groups()[g].options()) = options[g];
  }
  optimizer.state().clear();
  for (auto& [parameter, state] : made) optimizer.state()[parameter] = std::move(state);
}

/// Calls with the kind of an optimizer.
template <class F>
decltype(auto) with_kind(const torch::optim::Optimizer& optimizer, F&& f) {
  if (dynamic_cast<const torch::optim::SGD*>(&optimizer) != nullptr) return f(Sgd{});
  if (dynamic_cast<const torch::optim::AdamW*>(&optimizer) != nullptr) return f(AdamW{});
  if (dynamic_cast<const torch::optim::Adam*>(&optimizer) != nullptr) return f(Adam{});
  throw InvalidArgument("an optimizer that is neither SGD, Adam nor AdamW has no form in Python's files here");
}

}  // namespace

Object state_dict(const torch::optim::Optimizer& optimizer) {
  return with_kind(optimizer, [&]<class Kind>(Kind) { return saved<Kind>(optimizer); });
}

void load_state_dict(torch::optim::Optimizer& optimizer, const Object& states) {
  with_kind(optimizer, [&]<class Kind>(Kind) { load<Kind>(optimizer, states); });
}

}  // namespace metrics::training
