#pragma once

#include "evaluation.h"

#include <string>

namespace metrics::eval {

/// A table for readers: a line for each value; with groups, of which `column` has the names, a line for each of them.
std::string as_table(const Report& report, const std::string& column);

/// `{"rows": …, "values": {…}}`, and with groups `"by"` and `"groups"`, each with its rows and values; a line. Numbers
/// that JSON has not, NaN and the infinities, are null.
std::string as_json(const Report& report, const std::string& column);

}  // namespace metrics::eval
