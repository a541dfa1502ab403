#include "composite_entry.h"
#include "wrapper_entries.h"
#include <metrics/collections/feature_share.h>
#include <metrics/core/codec.h>
#include <metrics/core/dynamic.h>
#include <metrics/core/errors.h>
#include <metrics/image/fid.h>

#include <utility>

namespace metrics {

FeatureShare::FeatureShare(std::span<const Member> members, Options options)
    : FeatureShare(MetricCollection(members), options) {}

FeatureShare::FeatureShare(MetricCollection members, Options options)
    : MetricCollection(std::move(members)), options_(options) {
  if (options_.max_cache_size.value_or(0) >= 0) return;
  throw InvalidArgument("FeatureShare: option `max_cache_size` expects a number of at least 0, got " +
                        std::to_string(*options_.max_cache_size));
}

FeatureShare FeatureShare::of_options(const Kwargs& options) {
  constexpr const char *metrics_option = "metrics", *most_option = "max_cache_size";
  Options own;
  Kwargs of_members;
  for (const auto& [option, given] : options) {
    if (option == metrics_option) {
      of_members.emplace(option, given);
    } else if (option != most_option) {
      detail::throw_unknown_option("FeatureShare", option, {metrics_option, most_option});
    } else {
      using Most = std::optional<int64_t>;
      const auto most = Codec<Most>::read(given);
      if (!most) detail::throw_option_type("FeatureShare", option, Codec<Most>::type(), given);
      own.max_cache_size = *most;
    }
  }
  if (of_members.empty()) detail::throw_missing_option("FeatureShare", metrics_option);
  return {MetricCollection::of_options(of_members), own};
}

std::size_t FeatureShare::most_shared_features() const {
  return options_.max_cache_size ? static_cast<std::size_t>(*options_.max_cache_size) : size();
}

std::string FeatureShare::describe_options() const {
  const std::string members = MetricCollection::describe_options();
  if (!options_.max_cache_size) return members;
  return members + ", max_cache_size=" + std::to_string(*options_.max_cache_size);
}

MetricEntry feature_share_entry(std::string_view domain) {
  MetricEntry entry;
  entry.name = "FeatureShare";
  entry.domain = domain;
  entry.options = {{"metrics", "list of metric, or dict of metric by name", std::nullopt},
                   {"max_cache_size", Codec<std::optional<int64_t>>::type(), "None"}};
  entry.outputs = {{"value by name", {}}};
  entry.create = [](const Kwargs& options, const MetricOptions& common) -> std::unique_ptr<Metric> {
    auto made = detail::named("FeatureShare",
                              [&] { return std::make_unique<FeatureShare>(FeatureShare::of_options(options)); });
    set_common_options(*made, common);
    return made;
  };
  entry.example = []() -> std::unique_ptr<Metric> {
    return std::unique_ptr<Metric>(new FeatureShare({FrechetInceptionDistance({.feature = 64})}));
  };
  return entry;
}

}  // namespace metrics
