#include <metrics/core/draws.h>
#include <metrics/core/errors.h>
#include <metrics/core/readable.h>
#include <metrics/training/balance_sampler.h>

#include <algorithm>
#include <map>
#include <string>
#include <utility>

namespace metrics::training {

namespace {

/// Numbers drawn one after the other.
class EpochDraws {
 public:
  EpochDraws(int64_t seed, int64_t epoch) : draws_(seed, epoch) {}
  std::size_t below(std::size_t count) { return static_cast<std::size_t>(draws_.word(drawn_++) % count); }
  /// Puts `count` drawn ones in front.
  template <class T>
  void draw(std::vector<T>& from, std::size_t count) {
    for (std::size_t i = 0; i < count; ++i) std::swap(from[i], from[i + below(from.size() - i)]);
  }

 private:
  Draws draws_;
  int64_t drawn_ = 0;
};

Batches samples_by_label(const at::Tensor& labels) {
  metrics::detail::check_readable("BalanceSampler", "labels", labels);
  if (labels.dim() != 1 || !at::isIntegralType(labels.scalar_type(), /*includeBool=*/true)) {
    throw InvalidArgument("labels: expected [N] of integers, got " +
                          c10::str(labels.scalar_type(), " ", labels.sizes()));
  }
  const at::Tensor numbers = labels.to(at::kCPU, at::kLong).contiguous();
  std::map<int64_t, std::vector<int64_t>> by_label;
  for (int64_t i = 0; i < numbers.numel(); ++i) by_label[numbers.const_data_ptr<int64_t>()[i]].push_back(i);
  Batches samples;
  for (auto& [label, indices] : by_label) {
    if (indices.size() < 2) {
      throw InvalidArgument("labels: expected two samples of each at least, there is one of label " +
                            std::to_string(label));
    }
    samples.push_back(std::move(indices));
  }
  return samples;
}

void check_at_least_two(const char* option, int64_t value) {
  if (value < 2) throw InvalidArgument(std::string(option) + ": expected at least 2, got " + std::to_string(value));
}

}  // namespace

BalanceSampler::BalanceSampler(const at::Tensor& labels, BalanceSamplerOptions options) : options_(options) {
  check_at_least_two("n_labels", options_.n_labels);
  check_at_least_two("n_instances", options_.n_instances);
  samples_ = std::make_shared<const Batches>(samples_by_label(labels));
  if (options_.n_labels <= static_cast<int64_t>(samples_->size())) return;
  throw InvalidArgument("n_labels: expected at most the " + std::to_string(samples_->size()) +
                        " labels that there are, got " + std::to_string(options_.n_labels));
}

int64_t BalanceSampler::size() const {
  return static_cast<int64_t>(samples_->size()) / options_.n_labels;
}

Batches BalanceSampler::draw(int64_t epoch) const {
  EpochDraws draws(options_.seed, epoch);
  const auto n_labels = static_cast<std::size_t>(options_.n_labels.value());
  const auto n_instances = static_cast<std::size_t>(options_.n_instances.value());
  std::vector<std::size_t> labels(samples_->size());
  for (std::size_t i = 0; i < labels.size(); ++i) labels[i] = i;
  draws.draw(labels, labels.size());
  Batches batches(static_cast<std::size_t>(size()));
  for (std::size_t number = 0; number < batches.size(); ++number) {
    for (std::size_t i = 0; i < n_labels; ++i) {
      std::vector<int64_t> samples = (*samples_)[labels[number * n_labels + i]];
      const std::size_t different = std::min(n_instances, samples.size());
      draws.draw(samples, different);
      auto& batch = batches[number];
      batch.insert(batch.end(), samples.begin(), samples.begin() + static_cast<std::ptrdiff_t>(different));
      for (std::size_t again = different; again < n_instances; ++again)
        batch.push_back(samples[draws.below(samples.size())]);
    }
  }
  return batches;
}

BalanceSampler::operator BatchSampler() const {
  return {size(), [sampler = *this](int64_t epoch) { return sampler.draw(epoch); }, options_.seed};
}

}  // namespace metrics::training
