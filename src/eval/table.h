#pragma once

#include "column.h"

#include <cstdint>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <vector>

namespace metrics::eval {

/// Files as one table. A column is that of all files that have it, one after the other; columns of other files stand
/// beside it.
class Table {
 public:
  /// Takes all columns of a file.
  void add(const std::shared_ptr<ColumnFile>& file);
  /// Takes one column, under a name of its own, in place of what others have under it.
  void add_named(const std::string& name, const std::shared_ptr<ColumnFile>& file, const std::string& column);

  /// In the order in which they were added.
  const std::vector<std::string>& columns() const { return names_; }
  bool contains(const std::string& column) const { return columns_.contains(column); }
  int64_t rows(const std::string& column) const;
  /// Throws Error where files differ in what they hold.
  ColumnType type(const std::string& column) const;

  /// The rows from `first` on: of numbers a tensor [count, ...], else a list.
  std::vector<c10::IValue> read(std::span<const ColumnRequest> requests, int64_t first, int64_t count) const;

 private:
  /// A file's part of a column.
  struct Part {
    std::shared_ptr<ColumnFile> file;
    std::string column;
  };
  struct Column {
    std::vector<Part> parts;
    bool is_named = false;
  };

  const Column& find(const std::string& column) const;
  Column& column_to_add(const std::string& name);

  std::vector<std::string> names_;
  std::map<std::string, Column> columns_;
};

}  // namespace metrics::eval
