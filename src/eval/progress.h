#pragma once

#include <chrono>
#include <cstdint>
#include <string>

namespace metrics::eval {

/// A line on a terminal that says how many rows are done; nothing where there is no terminal.
class Progress {
 public:
  /// `terminal`: its path, such as what `tty` prints; empty: none.
  explicit Progress(const std::string& terminal);
  ~Progress();
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  /// Draws unless it has only just done so.
  void show(int64_t rows, int64_t of);

 private:
  void write(const std::string& text) const;

  int descriptor_ = -1;
  bool drawn_ = false;
  std::chrono::steady_clock::time_point next_{};
};

}  // namespace metrics::eval
