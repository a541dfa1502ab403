#pragma once

#include <ATen/core/ivalue.h>
#include <c10/core/ScalarType.h>

#include <cstdint>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <vector>

namespace metrics::eval {

/// What a column holds, the same for all its rows.
struct ColumnType {
  enum class Holds : uint8_t {
    Numbers,
    Texts,
    Values,  ///< lists, or objects
  };

  Holds holds = Holds::Numbers;
  c10::ScalarType dtype = c10::ScalarType::Float;    ///< of Numbers
  std::vector<int64_t> row_shape{};                  ///< of Numbers
  std::map<std::string, c10::ScalarType> members{};  ///< of Values that are objects: those of their numbers

  bool operator==(const ColumnType&) const = default;
};

/// Such as "float32 [10]".
std::string describe(const ColumnType& type);

/// The number of bytes of a row of numbers; of other rows an estimate.
int64_t bytes_of_row(const ColumnType& type);

/// A column that is asked for, and what its rows are to become.
struct ColumnRequest {
  std::string name;
  ColumnType type;
};

/// A file with columns, whose rows are read in blocks.
class ColumnFile {
 public:
  virtual ~ColumnFile();

  /// What errors call it.
  virtual const std::string& name() const = 0;
  /// The names of the columns, in the order of the file.
  virtual std::vector<std::string> columns() = 0;
  /// The number of rows of a column. May read the whole file once.
  virtual int64_t rows(const std::string& column) = 0;
  /// May read the whole file once.
  virtual ColumnType type(const std::string& column) = 0;
  /// The rows from `first` on of these columns: of numbers a tensor [count, ...], else a list. All columns have these
  /// rows. Numbers are converted to the type that is asked for, and integers and booleans to texts where these are.
  /// Throws FormatError for rows that are not what they should be.
  virtual std::vector<c10::IValue> read(std::span<const ColumnRequest> columns, int64_t first, int64_t count) = 0;
};

}  // namespace metrics::eval
