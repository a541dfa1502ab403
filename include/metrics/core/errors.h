#pragma once

#include <metrics/export.h>

#include <cstdint>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace metrics {

/// Base of everything that this library throws of its own accord.
class METRICS_API Error : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// An option or an input that cannot be: the message names it, what came and what was expected.
class METRICS_API InvalidArgument : public Error {
 public:
  using Error::Error;
};

/// Ranks that could not agree, or could not reach each other.
class METRICS_API SyncError : public Error {
 public:
  explicit SyncError(const std::string& message) : Error(message) {}
  SyncError(const std::string& message, std::string metric, std::string state, std::vector<int64_t> ranks)
      : Error(message), metric_(std::move(metric)), state_(std::move(state)), ranks_(std::move(ranks)) {}

  /// Class name of the metric concerned; empty when the failure concerns none.
  const std::string& metric() const { return metric_; }
  /// Name of the state concerned; empty when the failure concerns none.
  const std::string& state() const { return state_; }
  /// Ranks that differ from rank 0, or that failed; empty when unknown.
  const std::vector<int64_t>& ranks() const { return ranks_; }

 private:
  std::string metric_;
  std::string state_;
  std::vector<int64_t> ranks_;
};

namespace detail {

/// Throws the present exception again; where it is an InvalidArgument or Error whose message does not begin with the
/// metric's name, with that before it.
[[noreturn]] METRICS_API void rethrow_named(std::string_view metric);

/// Runs what belongs to a metric, whose errors then name it.
template <class F>
decltype(auto) named(std::string_view metric, F&& f) {
  try {
    return std::forward<F>(f)();
  } catch (...) {
    rethrow_named(metric);
  }
}

}  // namespace detail

/// A file that does not hold what it should.
class METRICS_API FormatError : public Error {
 public:
  FormatError(const std::string& message, std::string file, int64_t offset)
      : Error(message), file_(std::move(file)), offset_(offset) {}

  const std::string& file() const { return file_; }
  /// Byte at which reading failed; -1 when it concerns the file as a whole.
  int64_t offset() const { return offset_; }

 private:
  std::string file_;
  int64_t offset_;
};

}  // namespace metrics
