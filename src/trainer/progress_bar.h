#pragma once

#include <metrics/trainer/run.h>

#include <chrono>
#include <string>

namespace metrics::trainer {

/// A line on a terminal that is drawn over and over; nothing where there is no terminal.
class ProgressBar {
 public:
  /// `terminal`: its path, such as what `tty` prints; where empty, standard error.
  explicit ProgressBar(const std::string& terminal);
  ~ProgressBar();
  ProgressBar(const ProgressBar&) = delete;
  ProgressBar& operator=(const ProgressBar&) = delete;

  /// Draws unless it has only just done so.
  void show(const Run& run);
  /// Leaves an empty line for others to write on.
  void clear();

 private:
  int descriptor_ = -1;  // -1: no terminal
  bool own_ = false;
  bool drawn_ = false;
  std::chrono::steady_clock::time_point next_{};
};

}  // namespace metrics::trainer
