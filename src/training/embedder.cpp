#include <metrics/core/errors.h>
#include <metrics/core/readable.h>
#include <metrics/training/embedder.h>

#include <ATen/TensorOperators.h>
#include <ATen/ops/linalg_vector_norm.h>

namespace metrics::training {

at::Tensor normalised(const at::Tensor& embeddings, Normalisation normalisation) {
  constexpr double least_norm = 1e-12;
  metrics::detail::check_readable("Embedder", "embeddings", embeddings);
  if (embeddings.dim() != 2 || !at::isFloatingType(embeddings.scalar_type())) {
    throw InvalidArgument("embeddings: expected [N, D] of floating numbers, got " +
                          c10::str(embeddings.scalar_type(), " ", embeddings.sizes()));
  }
  if (normalisation == Normalisation::None) return embeddings;
  const at::Tensor norms =
      at::linalg_vector_norm(embeddings, 2, at::IntArrayRef{1}, /*keepdim=*/true).clamp_min(least_norm);
  return embeddings / (normalisation == Normalisation::L2FixedNorm ? norms.detach() : norms);
}

}  // namespace metrics::training
