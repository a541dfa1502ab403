#include <metrics/core/errors.h>
#include <metrics/core/readable.h>
#include <metrics/training/triplet_loss.h>

#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/cdist.h>
#include <ATen/ops/linalg_vector_norm.h>
#include <ATen/ops/relu.h>
#include <ATen/ops/softplus.h>

#include <utility>

namespace metrics::training {

namespace {

/// Above this exp may overflow in float32; below it, log1p(exp(x)) is x to the last bit of a float64.
constexpr double linear_from = 80;
/// Of `cdist`: differences are squared and summed, as they are for single pairs; products would lose digits.
constexpr int64_t without_products = 2;

void check_vectors(const char* name, const at::Tensor& vectors) {
  metrics::detail::check_readable("TripletLoss", name, vectors);
  if (vectors.dim() != 2 || vectors.size(0) == 0 || vectors.size(1) == 0) {
    throw InvalidArgument(std::string(name) + ": expected [T, D] with a triplet at least, got " +
                          c10::str(vectors.sizes()));
  }
  if (at::isFloatingType(vectors.scalar_type())) return;
  throw InvalidArgument(std::string(name) + ": expected floating numbers, got " + c10::str(vectors.scalar_type()));
}

void check_like(const char* name, const at::Tensor& vectors, const at::Tensor& anchor) {
  check_vectors(name, vectors);
  if (vectors.sizes() == anchor.sizes() && vectors.scalar_type() == anchor.scalar_type()) return;
  throw InvalidArgument(std::string(name) + ": expected " + c10::str(anchor.scalar_type(), " ", anchor.sizes()) +
                        " as the anchors are, got " + c10::str(vectors.scalar_type(), " ", vectors.sizes()));
}

at::Tensor at_least_float(const at::Tensor& tensor) {
  return at::isReducedFloatingType(tensor.scalar_type()) ? tensor.to(at::kFloat) : tensor;
}

at::Tensor distance(const at::Tensor& a, const at::Tensor& b) {
  return at::linalg_vector_norm(at_least_float(a) - at_least_float(b), 2, at::IntArrayRef{1});
}

double mean_of(const at::Tensor& numbers) {
  return numbers.mean(at::kDouble).item<double>();
}

}  // namespace

TripletLoss::TripletLoss(TripletLossOptions options) : options_(std::move(options)) {
  const std::optional<double>& margin = options_.margin;
  if (!margin || *margin > 0) return;
  throw InvalidArgument("margin: expected a number above 0, or none for the soft loss, got " + c10::str(*margin));
}

at::Tensor TripletLoss::operator()(const at::Tensor& anchor, const at::Tensor& positive, const at::Tensor& negative) {
  check_vectors("anchor", anchor);
  check_like("positive", positive, anchor);
  check_like("negative", negative, anchor);
  return of_distances(distance(anchor, positive), distance(anchor, negative));
}

at::Tensor TripletLoss::operator()(const MinedTriplets& triplets) {
  check_vectors("vectors", triplets.vectors);
  if (triplets.size() == 0) throw InvalidArgument("triplets: expected one at least, got none");
  const at::Tensor& vectors = triplets.vectors;
  const auto picked = [&](const at::Tensor& rows) { return vectors.index_select(0, rows); };
  const int64_t rows = vectors.size(0);
  if (2 * triplets.size() < rows * rows) {
    const at::Tensor anchors = picked(triplets.anchors);
    return of_distances(distance(anchors, picked(triplets.positives)), distance(anchors, picked(triplets.negatives)));
  }
  const at::Tensor exact = at_least_float(vectors);
  const at::Tensor distances = at::cdist(exact, exact, 2, without_products).view({-1});
  const auto of_pairs = [&](const at::Tensor& others) {
    return distances.index_select(0, triplets.anchors * rows + others);
  };
  return of_distances(of_pairs(triplets.positives), of_pairs(triplets.negatives));
}

at::Tensor TripletLoss::plain(const at::Tensor& embeddings) {
  check_vectors("embeddings", embeddings);
  if (embeddings.size(0) % 3 != 0) {
    throw InvalidArgument("embeddings: expected a multiple of 3 rows, got " + std::to_string(embeddings.size(0)));
  }
  const auto every_third = [&](int64_t first) { return embeddings.slice(0, first, std::nullopt, 3); };
  return (*this)(every_third(0), every_third(1), every_third(2));
}

at::Tensor TripletLoss::of_distances(const at::Tensor& positive, const at::Tensor& negative) {
  const std::optional<double>& margin = options_.margin;
  const at::Tensor loss =
      margin ? at::relu(positive + *margin - negative) : at::softplus(positive - negative, 1, linear_from);
  if (options_.need_logs) {
    const at::NoGradGuard no_grad;
    logs_ = {{"active_tri", mean_of((loss > 0).to(at::kDouble))},
             {"pos_dist", mean_of(positive)},
             {"neg_dist", mean_of(negative)}};
  }
  switch (options_.reduction) {
    case LossReduction::Mean:
      return loss.mean();
    case LossReduction::Sum:
      return loss.sum();
    case LossReduction::None:
      break;
  }
  return loss;
}

TripletLossWithMiner::TripletLossWithMiner(TripletLossOptions options, Miner miner)
    : need_logs_(options.need_logs), loss_(std::move(options)), miner_(std::move(miner)) {
  if (!miner_) throw InvalidArgument("miner: expected one, got an empty function");
}

at::Tensor TripletLossWithMiner::operator()(const at::Tensor& embeddings, const at::Tensor& labels) {
  const MinedTriplets triplets = miner_(embeddings, labels);
  at::Tensor loss = loss_(triplets);
  if (need_logs_) {
    logs_ = loss_.last_logs();
    logs_.insert(triplets.logs.begin(), triplets.logs.end());
  }
  return loss;
}

}  // namespace metrics::training
