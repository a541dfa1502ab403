#pragma once

#include "request.h"
#include "table.h"

namespace metrics::eval {

/// Opens the files of a request. Throws Error for those that cannot be read, UsageError for a column that is not there.
Table open_table(const Request& request);

}  // namespace metrics::eval
