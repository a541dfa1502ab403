#pragma once

#include <metrics/export.h>

#include <memory>

namespace metrics {

/// A metric whose value follows from the order of its updates, or from the values that it has given. It keeps a history
/// beside its data, an object that never changes: what it goes back to when another metric fails.
class METRICS_API Recorder {
 public:
  virtual std::shared_ptr<const void> history() const = 0;
  virtual void restore_history(std::shared_ptr<const void> history) = 0;

 protected:
  Recorder() = default;
  Recorder(const Recorder&) = default;
  Recorder& operator=(const Recorder&) = default;
  virtual ~Recorder();
};

}  // namespace metrics
