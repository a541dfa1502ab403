#pragma once

#include <metrics/collections/metric_collection.h>
#include <metrics/export.h>

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace metrics {

/// A collection of metrics whose features come from one module, which runs once a batch.
///
///   FeatureSource inception(module, 2048);
///   FeatureShare distances({{"all", FrechetInceptionDistance({.feature = inception})},
///                           {"generated", FrechetInceptionDistance({.feature = inception,
///                                                                   .reset_real_features = false})}});
///   distances.update(images, true);
///
/// `metrics`: the members, a list of metrics under their classes' names or a dict under names of their own;
/// `max_cache_size`: how many inputs' features are kept for the time of a batch, as many as there are members if None.
/// Modules are the same where sources are copies of one; each of several runs once a batch, and keeps its own features
/// (torchmetrics puts the first member's network in the place of the others, and warns). Members that make no features
/// are updated as in any collection, which shares features, too: what this one adds is `max_cache_size`. Throws
/// InvalidArgument for a negative one. Source: torchmetrics' FeatureShare.
class METRICS_API FeatureShare : public MetricCollection {
 public:
  struct Options {
    std::optional<int64_t> max_cache_size{};
  };

  explicit FeatureShare(std::initializer_list<Member> members) : FeatureShare(members, Options{}) {}
  FeatureShare(std::initializer_list<Member> members, Options options)
      : FeatureShare(std::span<const Member>(members.begin(), members.size()), options) {}
  explicit FeatureShare(std::span<const Member> members) : FeatureShare(members, Options{}) {}
  FeatureShare(std::span<const Member> members, Options options);

  /// From options as JSON has them: `metrics`, a list of metrics or a dict of them by name, and `max_cache_size`.
  static FeatureShare of_options(const Kwargs& options);

  FeatureShare(const FeatureShare&) = default;
  FeatureShare& operator=(const FeatureShare&) = default;
  FeatureShare(FeatureShare&&) noexcept = default;
  FeatureShare& operator=(FeatureShare&&) noexcept = default;

  std::string_view name() const override { return "FeatureShare"; }
  std::unique_ptr<Metric> clone() const override { return std::make_unique<FeatureShare>(*this); }
  const Options& options() const { return options_; }

 protected:
  std::size_t most_shared_features() const override;
  std::string describe_options() const override;

 private:
  FeatureShare(MetricCollection members, Options options);

  Options options_;
};

}  // namespace metrics
