#pragma once

#include "column.h"

#include <filesystem>
#include <memory>

namespace metrics::eval {

/// A file with a JSON object on each line; the keys of the first one are the columns, which all others have as well.
/// Numbers are int64 where all of a column are integers, else float64 (null is NaN); so are those in lists of equal
/// shapes, and those in objects.
std::unique_ptr<ColumnFile> open_json_lines(const std::filesystem::path& file, const std::string& shown);

}  // namespace metrics::eval
