#include "column.h"

#include <c10/core/ScalarType.h>
#include <c10/util/accumulate.h>

namespace metrics::eval {

ColumnFile::~ColumnFile() = default;

std::string describe(const ColumnType& type) {
  switch (type.holds) {
    case ColumnType::Holds::Texts:
      return "texts";
    case ColumnType::Holds::Values:
      return type.members.empty() ? "lists" : "objects";
    case ColumnType::Holds::Numbers:
      break;
  }
  std::string text = c10::toString(type.dtype);
  if (type.row_shape.empty()) return text;
  text += " [";
  for (std::size_t i = 0; i < type.row_shape.size(); ++i) {
    text += (i > 0 ? ", " : "") + std::to_string(type.row_shape[i]);
  }
  return text + "]";
}

int64_t bytes_of_row(const ColumnType& type) {
  constexpr int64_t of_texts = 16 * 1024;
  if (type.holds != ColumnType::Holds::Numbers) return of_texts;
  return static_cast<int64_t>(c10::elementSize(type.dtype)) * c10::multiply_integers(type.row_shape);
}

}  // namespace metrics::eval
