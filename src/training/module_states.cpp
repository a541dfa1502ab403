#include <metrics/core/errors.h>
#include <metrics/training/checkpoint.h>

#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <torch/nn/module.h>

#include <algorithm>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

namespace metrics::training {
namespace {

using Named = std::vector<std::pair<std::string, at::Tensor>>;

Named named_tensors(const torch::nn::Module& module) {
  Named all;
  for (const auto& parameter : module.named_parameters()) all.emplace_back(parameter.key(), parameter.value());
  for (const auto& buffer : module.named_buffers()) all.emplace_back(buffer.key(), buffer.value());
  return all;
}

[[noreturn]] void refuse_key(const std::string& key, const std::string& why) {
  throw InvalidArgument("state dict key `" + key + "` " + why);
}

}  // namespace

io::Object state_dict(const torch::nn::Module& module) {
  io::Object::Dict dict;
  for (auto& [name, tensor] : named_tensors(module)) {
    if (tensor.defined()) dict.items.push_back({name, tensor.detach()});
  }
  // Python's modules look for the version that wrote them, such as that of batch normalisation.
  io::Object::Dict metadata;
  for (const auto& child : module.named_modules("", /*include_self=*/true)) {
    const bool is_normalisation = child.value()->name().find("BatchNorm") != std::string::npos;
    io::Object::Dict version;
    version.items.push_back({"version", is_normalisation ? 2 : 1});
    metadata.items.push_back({child.key(), std::move(version)});
  }
  dict.attributes.push_back({"_metadata", std::move(metadata)});
  return dict;
}

void load_state_dict(torch::nn::Module& module, const io::Object& states, bool strict) {
  const auto* dict = states.as<io::Object::Dict>();
  if (dict == nullptr) throw InvalidArgument("a module's state dict is " + states.kind() + ", not a dict");
  const Named own = named_tensors(module);
  std::vector<std::pair<at::Tensor, at::Tensor>> copies;
  std::size_t found = 0;
  for (const auto& [name, tensor] : own) {
    if (!tensor.defined()) continue;
    const io::Object* saved = states.find(name);
    if (saved == nullptr) {
      if (strict) refuse_key(name, "is missing");
      continue;
    }
    ++found;
    const auto* value = saved->as<at::Tensor>();
    if (value == nullptr) refuse_key(name, "is " + saved->kind() + ", not a tensor");
    if (value->sizes() != tensor.sizes()) {
      std::ostringstream why;
      why << "has shape " << value->sizes() << ", expected " << tensor.sizes();
      refuse_key(name, why.str());
    }
    copies.emplace_back(tensor, *value);
  }
  if (strict && found < dict->items.size()) {
    for (const io::Object::Item& item : dict->items) {
      const auto* key = item.key.as<std::string>();
      if (key == nullptr)
        throw InvalidArgument("a module's state dict has a key that is " + item.key.kind() + ", not a text");
      const auto is_known = [&](const auto& named) { return named.first == *key; };
      if (std::none_of(own.begin(), own.end(), is_known)) refuse_key(*key, "is not expected");
    }
  }
  const at::NoGradGuard no_gradients;
  for (const auto& [into, from] : copies) into.copy_(from);
}

}  // namespace metrics::training
