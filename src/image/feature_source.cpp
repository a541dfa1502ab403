#include <metrics/core/codec.h>
#include <metrics/core/errors.h>
#include <metrics/core/readable.h>
#include <metrics/image/feature_source.h>

#include <sstream>

namespace metrics {

std::string FeatureSource::key() const {
  std::ostringstream text;
  text << count_;
  if (module_) text << " of module " << module_.get();
  return text.str();
}

Tensor FeatureSource::features_of(std::string_view metric, const Tensor& inputs) const {
  const Tensor given = module_ ? (*module_)(inputs) : inputs;
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
