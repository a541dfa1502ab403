#pragma once

#include <metrics/core/rows.h>
#include <metrics/export.h>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <list>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace c10 {
struct IValue;
}

namespace metrics {

/// Where the features of images, or of other inputs of a network, come from: they are the inputs themselves, so many a row, or a module of the user's
/// makes them of the inputs. No pretrained network is part of this library.
class METRICS_API FeatureSource {
 public:
  using Module = std::function<Tensor(const Tensor& images)>;

  /// Inputs are features [N, count]; torchmetrics' Inception gives 64, 192, 768 or 2048 of them.
  FeatureSource(int64_t count) : count_(count) {}
  /// `module` makes features [N, count] of the inputs; it runs without gradients.
  FeatureSource(Module module, int64_t count)
      : module_(std::make_shared<const Module>(std::move(module))), count_(count) {}

  int64_t count() const { return count_; }
  bool has_module() const { return module_ != nullptr; }
  /// Differs between sources whose features may differ: two modules cannot be compared, copies of one are equal.
  std::string key() const;

  /// The features of the inputs, [N, count] (one row of features may come as [count]). Throws
  /// InvalidArgument naming `metric` for another shape, and for complex features.
  Tensor features_of(std::string_view metric, const Tensor& inputs) const;

 private:
  std::shared_ptr<const Module> module_;
  int64_t count_;
};

/// While one lives, a module that is asked again for the features of equal inputs, in this thread and by whichever
/// metric, does not run again: metrics made of others have one for the time of a batch. Inputs are equal where they are
/// one tensor, or the same numbers in the same shape and dtype, because rows that are not valid are taken out for each
/// metric.
class METRICS_API SharedFeatures {
 public:
  /// Keeps the features of so many inputs, those that were asked for last. Within the life of another it is without
  /// effect.
  explicit SharedFeatures(std::size_t most);
  SharedFeatures(const SharedFeatures&) = delete;
  SharedFeatures& operator=(const SharedFeatures&) = delete;
  ~SharedFeatures();

 private:
  friend class FeatureSource;
  struct Kept {
    const void* module;
    Tensor inputs, features;
  };

  static Tensor of(const FeatureSource::Module& module, const Tensor& inputs);

  static thread_local SharedFeatures* current_;

  std::size_t most_;
  std::list<Kept> kept_;  // the one that was asked for last comes first
};

/// Throws InvalidArgument naming `metric` unless there is at least one feature, and a module if the options ask for
/// one.
METRICS_API void check_feature(std::string_view metric, const FeatureSource& feature);

template <class T>
struct Codec;
/// In the dynamic face the number alone.
template <>
struct METRICS_API Codec<FeatureSource> {
  static std::string type();
  static std::optional<FeatureSource> read(const c10::IValue& v);
  static c10::IValue write(const FeatureSource& source);
};

}  // namespace metrics
