#pragma once

#include <metrics/export.h>

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

namespace metrics::terminal {

/// How far something has come: `[=====     ] 512/1024 rows  96.2/s  0:05 left`.
struct Standing {
  int64_t done = 0;
  std::optional<int64_t> of{};         ///< without it there are no bar and no time left
  std::string unit{};                  ///< what is counted, such as `rows`
  std::optional<double> per_second{};  ///< how many of them are done in a second
};

METRICS_API std::string text_of(const Standing& standing);

/// A line on a terminal that is drawn over and over; nothing where there is no terminal.
class ProgressLine {
 public:
  using Clock = std::chrono::steady_clock;

  /// `terminal`: its path, such as what `tty` prints; where empty, none.
  explicit ProgressLine(const std::string& terminal);
  /// A descriptor that is somebody else's, such as that of standard error.
  explicit ProgressLine(int descriptor);
  ~ProgressLine();
  ProgressLine(const ProgressLine&) = delete;
  ProgressLine& operator=(const ProgressLine&) = delete;

  /// Whether it is time to draw: never without a terminal, and not when it has only just been done.
  bool due() const { return descriptor_ >= 0 && Clock::now() >= next_; }
  /// From here on the rate is counted, `done` being done already.
  void start(int64_t done);
  /// Draws `before`, the standing with its rate, and `after`.
  void draw(const std::string& before, Standing standing, const std::string& after = {});
  /// Leaves an empty line for others to write on.
  void clear();

 private:
  std::optional<double> rate(int64_t done) const;

  int descriptor_ = -1;  // -1: no terminal
  bool own_ = false;
  bool drawn_ = false;
  Clock::time_point next_{};
  int64_t first_ = 0;
  Clock::time_point started_ = Clock::now();
};

}  // namespace metrics::terminal
