#pragma once

#include <metrics/core/errors.h>

namespace metrics::eval {

/// What was asked for cannot be, whatever the files hold: a metric, an option or a column that there is not.
class UsageError : public Error {
 public:
  using Error::Error;
};

}  // namespace metrics::eval
