#pragma once

#include <metrics/export.h>
#include <metrics/io/object.h>

namespace torch {
namespace nn {
class Module;
}  // namespace nn
namespace optim {
class Optimizer;
}  // namespace optim
}  // namespace torch

namespace metrics::training {

/// A module's parameters and buffers by name, as `torch.nn.Module.state_dict` has them in Python. For a file,
/// `io::write_torch`.
METRICS_API io::Object state_dict(const torch::nn::Module& module);

/// Copies what a state dict of Python or of here has into a module's parameters and buffers. Strict: all are there, and
/// no others. Throws InvalidArgument that names the key for what is missing, unexpected, no tensor or of another shape;
/// then nothing has changed.
METRICS_API void load_state_dict(torch::nn::Module& module, const io::Object& states, bool strict = true);

/// An optimizer's states and options, as `torch.optim.Optimizer.state_dict` has them in Python: SGD, Adam and AdamW.
/// Throws InvalidArgument for others.
METRICS_API io::Object state_dict(const torch::optim::Optimizer& optimizer);

/// Replaces an optimizer's states and options by those of a state dict of Python or of here. Throws InvalidArgument for
/// other optimizers, for groups of other numbers of parameters, states of other shapes, and options that are missing;
/// then nothing has changed.
METRICS_API void load_state_dict(torch::optim::Optimizer& optimizer, const io::Object& states);

}  // namespace metrics::training
