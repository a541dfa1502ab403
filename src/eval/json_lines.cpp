#include "json_lines.h"

#include "io/mapped_file.h"
#include "json_values.h"
#include "row_index.h"
#include <metrics/core/errors.h>

#include <nlohmann/json.hpp>

#include <algorithm>
#include <optional>
#include <string_view>
#include <utility>

namespace metrics::eval {
namespace {

using nlohmann::json;

/// Lines that hold something, one after the other.
class Lines {
 public:
  Lines(const io::Source& source, std::size_t offset) : source_(source), at_(offset) {}

  bool next() {
    do {
      if (at_ >= source_.size()) return false;
      begin_ = at_;
      const std::size_t end = std::min(source_.bytes.find('\n', at_), source_.bytes.size());
      line_ = source_.bytes.substr(at_, end - at_);
      at_ = end + 1;
    } while (line_.find_first_not_of(" \t\r") == std::string_view::npos);
    return true;
  }
  std::size_t offset() const { return begin_; }
  std::size_t end() const { return at_; }

  /// The object of the line. Throws FormatError where it holds none.
  json object() const {
    json parsed;
    try {
      parsed = json::parse(line_);
    } catch (const json::exception& error) {
      source_.refuse(begin_, std::string("the line is no JSON: ") + error.what());
    }
    if (!parsed.is_object()) source_.refuse(begin_, "the line is no JSON object");
    return parsed;
  }

 private:
  const io::Source& source_;
  std::size_t at_;
  std::size_t begin_ = 0;
  std::string_view line_;
};

class JsonLines : public ColumnFile {
 public:
  JsonLines(const std::filesystem::path& file, const std::string& shown)
      : file_(file), source_{file_.source().bytes, shown} {
    Lines lines(source_, 0);
    if (!lines.next()) source_.refuse(0, "the file is empty; its first line has the names of the columns");
    const json first = lines.object();
    for (const auto& [key, value] : first.items()) columns_.push_back(key);
  }

  const std::string& name() const override { return source_.name; }
  std::vector<std::string> columns() override { return columns_; }
  int64_t rows(const std::string&) override {
    scan();
    return index_->rows();
  }
  ColumnType type(const std::string& column) override {
    scan();
    return types_[index_of(column)].type();
  }

  std::vector<c10::IValue> read(std::span<const ColumnRequest> requests, int64_t first, int64_t count) override {
    scan();
    std::vector<std::vector<json>> values(requests.size());
    if (count > 0) {
      RowIndex::Place place = index_->at_or_before(first);
      if (next_.row <= first && next_.row > place.row) place = next_;
      Lines lines(source_, place.offset);
      for (int64_t row = place.row; row < first + count; ++row) {
        if (!lines.next()) source_.refuse(source_.size(), "the file has become shorter");
        if (row < first) continue;
        json object = lines.object();
        for (std::size_t i = 0; i < requests.size(); ++i) {
          values[i].push_back(std::move(member(object, requests[i].name, lines.offset())));
        }
      }
      next_ = {first + count, lines.end()};
    }
    std::vector<c10::IValue> columns;
    for (std::size_t i = 0; i < requests.size(); ++i) {
      try {
        columns.push_back(column_of(values[i], requests[i].type));
      } catch (const InvalidArgument& error) {
        throw FormatError(source_.name + ": column `" + requests[i].name + "`: " + error.what(), source_.name, -1);
      }
    }
    return columns;
  }

 private:
  json& member(json& object, const std::string& name, std::size_t offset) const {
    const auto found = object.find(name);
    if (found == object.end()) source_.refuse(offset, "the line has no `" + name + "`, which the first line has");
    return *found;
  }
  std::size_t index_of(const std::string& column) const {
    const auto found = std::find(columns_.begin(), columns_.end(), column);
    if (found == columns_.end()) throw Error(source_.name + " has no column `" + column + "`");
    return static_cast<std::size_t>(found - columns_.begin());
  }
  /// Goes through the file once, to know how many rows there are and what the columns hold.
  void scan() {
    if (index_) return;
    RowIndex index;
    types_.assign(columns_.size(), {});
    Lines lines(source_, 0);
    while (lines.next()) {
      json object = lines.object();
      index.note(lines.offset());
      for (std::size_t i = 0; i < columns_.size(); ++i) types_[i].note(member(object, columns_[i], lines.offset()));
    }
    index_ = std::move(index);
  }

  io::MappedFile file_;
  io::Source source_;
  std::vector<std::string> columns_;
  std::vector<JsonColumnType> types_;
  std::optional<RowIndex> index_;
  RowIndex::Place next_;  // after what was read last
};

}  // namespace

std::unique_ptr<ColumnFile> open_json_lines(const std::filesystem::path& file, const std::string& shown) {
  return std::make_unique<JsonLines>(file, shown);
}

}  // namespace metrics::eval
