#pragma once

#include "column.h"

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

namespace metrics::eval {

/// Opens a file of any format that is read, told by its name's ending, or by its first bytes where that is another.
/// `shown`: what errors call it. Throws FormatError.
std::unique_ptr<ColumnFile> open_column_file(const std::filesystem::path& file, const std::string& shown);

/// The files that a pattern of a shell names, sorted; that file where one is called so. Throws Error where there is
/// none.
std::vector<std::string> matching_files(const std::string& pattern);

}  // namespace metrics::eval
