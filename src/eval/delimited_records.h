#pragma once

#include "io/source.h"

#include <cstddef>
#include <deque>
#include <string>
#include <string_view>
#include <vector>

namespace metrics::eval {

/// Reads the records of comma- or tab-separated text one after the other, as RFC 4180 has them: fields in quotes hold
/// delimiters, line ends and doubled quotes. Empty lines are left out.
class DelimitedRecords {
 public:
  /// Begins at `offset`, where a record does.
  DelimitedRecords(const io::Source& source, char delimiter, std::size_t offset = 0)
      : source_(source), delimiter_(delimiter), at_(offset) {}

  /// Reads the next record; false at the end. Throws FormatError for quotes that do not end, or that something follows.
  bool next();
  /// Where the record begins.
  std::size_t offset() const { return begin_; }
  /// Where the next one does.
  std::size_t end() const { return at_; }
  /// The fields of the record, until the next one is read.
  const std::vector<std::string_view>& fields() const { return fields_; }

 private:
  bool at_line_end() const {
    return at_ < source_.size() && (source_.bytes[at_] == '\n' || source_.bytes[at_] == '\r');
  }
  void skip_line_end();
  std::string_view plain_field();
  std::string_view quoted_field();

  const io::Source& source_;
  char delimiter_;
  std::size_t at_;
  std::size_t begin_ = 0;
  std::vector<std::string_view> fields_;
  std::deque<std::string> unescaped_;  // of fields with doubled quotes
};

}  // namespace metrics::eval
