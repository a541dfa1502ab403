#include <metrics/core/codec.h>
#include <metrics/core/errors.h>
#include <metrics/core/feature_source.h>
#include <metrics/core/readable.h>

#include <ATen/ops/equal.h>

#include <algorithm>
#include <sstream>
#include <utility>

namespace metrics {

std::string FeatureSource::key() const {
  std::ostringstream text;
  text << count_;
  if (module_) text << " of module " << module_.get();
  return text.str();
}

Tensor FeatureSource::features_of(std::string_view metric, const Tensor& inputs) const {
  const Tensor given = module_ ? SharedFeatures::of(*module_, inputs) : inputs;
  const bool readable = detail::is_readable(given);
  const Tensor features = readable && given.dim() == 1 ? given.unsqueeze(0) : given;
  if (readable && features.dim() == 2 && features.size(1) == count_) return features.detach();
  std::ostringstream message;
  message << metric << ": " << (module_ ? "the module's features" : "input `imgs`") << ": expected features [N, "
          << count_ << "] of a real dtype, got ";
  readable ? message << features.scalar_type() << " of shape " << features.sizes()
           : message << detail::unreadable_kind(features);
  throw InvalidArgument(message.str());
}

thread_local SharedFeatures* SharedFeatures::current_ = nullptr;

SharedFeatures::SharedFeatures(std::size_t most) : most_(most) {
  if (current_ == nullptr) current_ = this;
}

SharedFeatures::~SharedFeatures() {
  if (current_ == this) current_ = nullptr;
}

Tensor SharedFeatures::of(const FeatureSource::Module& module, const Tensor& inputs) {
  SharedFeatures* const shared = current_;
  if (shared == nullptr || shared->most_ == 0) return module(inputs);
  const auto are_equal = [&](const Tensor& others) {
    return others.is_same(inputs) || (others.scalar_type() == inputs.scalar_type() &&
                                      others.device() == inputs.device() && at::equal(others, inputs));
  };
  std::list<Kept>& kept = shared->kept_;
  const auto known = std::find_if(kept.begin(), kept.end(),
                                  [&](const Kept& each) { return each.module == &module && are_equal(each.inputs); });
  if (known != kept.end()) {
    kept.splice(kept.begin(), kept, known);
  } else {
    Tensor features = module(inputs);
    kept.push_front({&module, inputs, std::move(features)});
    if (kept.size() > shared->most_) kept.pop_back();
  }
  return kept.front().features;
}

void check_feature(std::string_view metric, const FeatureSource& feature) {
  if (feature.count() >= 1) return;
  throw InvalidArgument(std::string(metric) + ": feature: expected at least 1 feature, got " +
                        std::to_string(feature.count()));
}

std::string Codec<FeatureSource>::type() {
  return "int (a module cannot be given by value: set it in the C++ options)";
}
std::optional<FeatureSource> Codec<FeatureSource>::read(const c10::IValue& v) {
  const auto count = Codec<int64_t>::read(v);
  return count ? std::optional(FeatureSource(*count)) : std::nullopt;
}
c10::IValue Codec<FeatureSource>::write(const FeatureSource& source) {
  if (!source.has_module()) return source.count();
  return "module of " + std::to_string(source.count()) + " features";
}

}  // namespace metrics
