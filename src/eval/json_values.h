#pragma once

#include "column.h"

#include <ATen/core/ivalue.h>

#include <nlohmann/json_fwd.hpp>

#include <optional>
#include <span>
#include <string>

namespace metrics::eval {

/// What values of a column are together, in the order in which they are noted.
class JsonColumnType {
 public:
  void note(const nlohmann::json& value);
  ColumnType type() const;

 private:
  bool numbers_ = true;
  bool texts_ = true;
  std::optional<std::vector<int64_t>> shape_;
  std::optional<c10::ScalarType> dtype_;
  std::map<std::string, c10::ScalarType> members_;
};

/// Values of rows as what a column is to hold: of numbers a tensor [rows, ...], else a list. Throws InvalidArgument
/// where one is something else.
c10::IValue column_of(std::span<const nlohmann::json> values, const ColumnType& type);

}  // namespace metrics::eval
