#pragma once

#include <metrics/export.h>

#include <cstdint>

namespace metrics::testing {

/// For its scope, the n-th write to a state in this thread throws an Error, before it has changed anything: for tests
/// that ask what is left of an update that fails half-way. A write is a call that changes a state (`add`, `append`,
/// `set`, ...), or that gives memory to write to (`counts`, `room`). One at a time in a thread.
class METRICS_API FailingWrite {
 public:
  explicit FailingWrite(int64_t n);
  FailingWrite(const FailingWrite&) = delete;
  FailingWrite& operator=(const FailingWrite&) = delete;
  ~FailingWrite();

  /// Whether there were n writes.
  bool has_come() const;
};

}  // namespace metrics::testing
