#pragma once

#include <cstdint>
#include <string>

namespace metrics::testing {

/// Looks at the operators that this thread calls in its scope, of which there is one at a time: an integer tensor with
/// a number of C++ beside it becomes float32 in ATen, although all else is int64 and float64.
class Roundings {
 public:
  Roundings();
  ~Roundings();
  Roundings(const Roundings&) = delete;
  Roundings& operator=(const Roundings&) = delete;

  /// The first operator that has made float32 of integers, or compared them in it; empty where none has. Conversions
  /// that say so are left out.
  const std::string& found() const;

 private:
  uint64_t handle_;
};

}  // namespace metrics::testing
