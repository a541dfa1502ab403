#pragma once

#include <metrics/export.h>

#include <ATen/core/Tensor.h>
#include <torch/nn/module.h>

#include <cstdint>
#include <memory>
#include <utility>

namespace metrics::training {

enum class Normalisation {
  None,
  L2,           ///< x / |x|, with its gradient.
  L2FixedNorm,  ///< The same values; the norm is a constant to gradients, as in OML's `normalise`.
};

struct EmbedderOptions {
  Normalisation normalisation = Normalisation::None;
};

/// Rows of length 1: [N, D] of floating numbers. A row of zeros, or of a length below 1e-12, stays as it is: divided by
/// 1e-12, as in torch.nn.functional.normalize. Throws InvalidArgument for other shapes and dtypes.
METRICS_API at::Tensor normalised(const at::Tensor& embeddings, Normalisation normalisation = Normalisation::L2);

/// A module of which embeddings come: those of `backbone`, flattened to [N, D] and normalised where asked for.
///
///   const auto net = std::make_shared<Embedder<torch::nn::Linear>>(torch::nn::Linear(64, 16), EmbedderOptions{…});
///   DistributedDataParallel model(net);
///
/// `Backbone` is a torch::nn holder or a shared_ptr to a module, and is registered as `backbone`.
template <class Backbone>
class Embedder : public torch::nn::Module {
 public:
  explicit Embedder(Backbone backbone, EmbedderOptions options = {})
      : backbone_(register_module("backbone", std::move(backbone))), options_(options) {}

  template <class... Inputs>
  at::Tensor forward(Inputs&&... inputs) {
    const at::Tensor output = backbone_->forward(std::forward<Inputs>(inputs)...);
    return normalised(output.dim() > 2 ? output.flatten(1) : output, options_.normalisation);
  }

  Backbone& backbone() { return backbone_; }
  const EmbedderOptions& options() const { return options_; }

 private:
  Backbone backbone_;
  EmbedderOptions options_;
};

}  // namespace metrics::training
