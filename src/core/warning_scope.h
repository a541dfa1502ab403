#pragma once

#include <set>
#include <string>

namespace metrics {

/// While one lives, its thread's warnings of equal text are given once: for calls that reach many copies of a metric.
/// Within another it adds nothing.
class WarningScope {
 public:
  WarningScope();
  ~WarningScope();
  WarningScope(const WarningScope&) = delete;
  WarningScope& operator=(const WarningScope&) = delete;

  /// Notes the message; returns whether the thread's scope had it before. False without a scope.
  static bool has_given(const std::string& message);

 private:
  bool outermost_;
  std::set<std::string> given_;
};

}  // namespace metrics
