#pragma once

#include "column.h"

#include <filesystem>
#include <memory>

namespace metrics::eval {

/// A .csv or .tsv file whose first record names the columns. A column is of booleans where all its fields are true or
/// false, of integers where all are such, of float64 where all are numbers or empty (NaN), else of texts.
std::unique_ptr<ColumnFile> open_delimited(const std::filesystem::path& file, const std::string& shown, char delimiter);

}  // namespace metrics::eval
