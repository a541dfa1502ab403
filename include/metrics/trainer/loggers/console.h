#pragma once

#include <metrics/trainer/logger.h>

#include <ostream>

namespace metrics::trainer {

/// Prints a line an epoch: its values that are single numbers, its seconds, and whether it is the best so far.
class METRICS_API ConsoleLogger : public Logger {
 public:
  /// `console` is used until the run has ended.
  explicit ConsoleLogger(std::ostream& console) : console_(console) {}

  void epoch(const Run& run, double seconds, bool best) override;

 private:
  std::ostream& console_;
};

}  // namespace metrics::trainer
