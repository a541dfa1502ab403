#include "delimited_file.h"

#include "delimited_records.h"
#include "io/mapped_file.h"
#include "row_index.h"
#include <metrics/core/errors.h>

#include <ATen/ops/empty.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdlib>
#include <limits>
#include <optional>
#include <set>
#include <utility>

namespace metrics::eval {
namespace {

std::string_view trimmed(std::string_view field) {
  const std::size_t begin = field.find_first_not_of(" \t");
  if (begin == std::string_view::npos) return {};
  return field.substr(begin, field.find_last_not_of(" \t") - begin + 1);
}

std::optional<bool> as_bool(std::string_view field) {
  if (field == "true" || field == "True" || field == "TRUE") return true;
  if (field == "false" || field == "False" || field == "FALSE") return false;
  return std::nullopt;
}

template <class T>
std::optional<T> as_number(std::string_view field) {
  if (field.starts_with('+')) field.remove_prefix(1);
  T value{};
  const auto [end, error] = std::from_chars(field.data(), field.data() + field.size(), value);
  if (field.empty() || end != field.data() + field.size()) return std::nullopt;
  if (error == std::errc()) return value;
  if constexpr (std::is_floating_point_v<T>) {
    // Numbers that no double is near to are infinite or 0, as elsewhere.
    if (error == std::errc::result_out_of_range) return std::strtod(std::string(field).c_str(), nullptr);
  }
  return std::nullopt;
}

/// What the fields of a column have all been so far.
struct Seen {
  bool bools = true;
  bool integers = true;
  bool reals = true;
  bool any = false;

  void note(std::string_view raw) {
    if (!reals && !bools) return;
    const std::string_view field = trimmed(raw);
    if (field.empty()) {  // NaN
      bools = integers = false;
      return;
    }
    any = true;
    bools = bools && as_bool(field);
    integers = integers && as_number<int64_t>(field);
    reals = reals && (integers || as_number<double>(field));
  }
  ColumnType type() const {
    if (any && bools) return {.dtype = at::kBool};
    if (any && integers) return {.dtype = at::kLong};
    if (reals) return {.dtype = at::kDouble};
    return {.holds = ColumnType::Holds::Texts};
  }
};

/// Puts the fields of a column together.
class Filling {
 public:
  Filling(const io::Source& source, const ColumnRequest& request, std::size_t index, int64_t count)
      : source_(source), request_(request), index_(index) {
    if (request.type.holds == ColumnType::Holds::Numbers) {
      numbers_ = at::empty({count}, at::TensorOptions().dtype(read_as(request.type.dtype)));
    } else {
      texts_.reserve(static_cast<std::size_t>(count));
    }
  }

  void add(const DelimitedRecords& records) {
    const std::string_view raw = records.fields()[index_];
    if (!numbers_.defined()) {
      texts_.emplace_back(raw);
      return;
    }
    const std::string_view field = trimmed(raw);
    switch (numbers_.scalar_type()) {
      case at::kBool:
        return put<bool>(as_bool(field), records);
      case at::kLong:
        return put<int64_t>(integer(field), records);
      default:
        return put<double>(real(field), records);
    }
  }
  c10::IValue take() {
    if (numbers_.defined()) return numbers_.to(request_.type.dtype);
    return std::move(texts_);
  }

 private:
  static c10::ScalarType read_as(c10::ScalarType asked) {
    if (asked == at::kBool) return at::kBool;
    return c10::isIntegralType(asked, /*includeBool=*/false) ? at::kLong : at::kDouble;
  }
  /// Columns of several files are of what all their fields are together.
  static std::optional<int64_t> integer(std::string_view field) {
    if (const auto truth = as_bool(field)) return *truth ? 1 : 0;
    return as_number<int64_t>(field);
  }
  static std::optional<double> real(std::string_view field) {
    if (field.empty()) return std::numeric_limits<double>::quiet_NaN();
    if (const auto truth = as_bool(field)) return *truth ? 1 : 0;
    return as_number<double>(field);
  }
  template <class T>
  void put(std::optional<T> value, const DelimitedRecords& records) {
    if (!value) {
      source_.refuse(records.offset(), "column `" + request_.name + "` was expected to hold " +
                                           describe(request_.type) + ", not " +
                                           io::printable(records.fields()[index_]));
    }
    numbers_.mutable_data_ptr<T>()[row_++] = *value;
  }

  const io::Source& source_;
  const ColumnRequest& request_;
  std::size_t index_;
  int64_t row_ = 0;
  at::Tensor numbers_;
  std::vector<std::string> texts_;
};

class DelimitedFile : public ColumnFile {
 public:
  DelimitedFile(const std::filesystem::path& file, const std::string& shown, char delimiter)
      : file_(file), source_{file_.source().bytes, shown}, delimiter_(delimiter) {
    constexpr std::string_view byte_order_mark = "\xef\xbb\xbf";
    if (source_.bytes.starts_with(byte_order_mark)) header_ = byte_order_mark.size();
    DelimitedRecords records = records_from(header_);
    if (!records.next()) source_.refuse(0, "the file is empty; its first line names the columns");
    std::set<std::string_view> names;
    for (const std::string_view name : records.fields()) {
      if (!names.insert(name).second) source_.refuse(header_, "there are two columns " + io::printable(name));
      columns_.emplace_back(name);
    }
  }

  const std::string& name() const override { return source_.name; }
  std::vector<std::string> columns() override { return columns_; }
  int64_t rows(const std::string&) override {
    scan();
    return index_->rows();
  }
  ColumnType type(const std::string& column) override {
    scan();
    return seen_[index_of(column)].type();
  }

  std::vector<c10::IValue> read(std::span<const ColumnRequest> requests, int64_t first, int64_t count) override {
    scan();
    std::vector<Filling> fillings;
    for (const ColumnRequest& request : requests) {
      if (request.type.holds == ColumnType::Holds::Values || !request.type.row_shape.empty()) {
        throw FormatError(source_.name + ": column `" + request.name + "` was expected to hold " +
                              describe(request.type) + ", which is not written in such files",
                          source_.name, -1);
      }
      fillings.emplace_back(source_, request, index_of(request.name), count);
    }
    if (count == 0) return taken(fillings);
    // Blocks are mostly asked for one after the other.
    RowIndex::Place place = index_->at_or_before(first);
    if (next_.row <= first && next_.row > place.row) place = next_;
    DelimitedRecords records = records_from(place.offset);
    for (int64_t row = place.row; row < first + count; ++row) {
      if (!records.next()) source_.refuse(source_.size(), "the file has become shorter");
      require_all_fields(records, row);
      if (row < first) continue;
      for (Filling& filling : fillings) filling.add(records);
    }
    next_ = {first + count, records.end()};
    return taken(fillings);
  }

 private:
  DelimitedRecords records_from(std::size_t offset) const { return {source_, delimiter_, offset}; }
  static std::vector<c10::IValue> taken(std::vector<Filling>& fillings) {
    std::vector<c10::IValue> values;
    for (Filling& filling : fillings) values.push_back(filling.take());
    return values;
  }
  std::size_t index_of(const std::string& column) const {
    const auto found = std::find(columns_.begin(), columns_.end(), column);
    if (found == columns_.end()) throw Error(source_.name + " has no column `" + column + "`");
    return static_cast<std::size_t>(found - columns_.begin());
  }
  void require_all_fields(const DelimitedRecords& records, int64_t row) const {
    if (records.fields().size() == columns_.size()) return;
    source_.refuse(records.offset(), "row " + std::to_string(row) + " has " + std::to_string(records.fields().size()) +
                                         " fields where the first line names " + std::to_string(columns_.size()) +
                                         " columns");
  }

  /// Goes through the file once, to know how many rows there are and what the columns hold.
  void scan() {
    if (index_) return;
    RowIndex index;
    seen_.assign(columns_.size(), {});
    DelimitedRecords records = records_from(header_);
    records.next();
    while (records.next()) {
      require_all_fields(records, index.rows());
      index.note(records.offset());
      for (std::size_t i = 0; i < columns_.size(); ++i) seen_[i].note(records.fields()[i]);
    }
    index_ = std::move(index);
  }

  io::MappedFile file_;
  io::Source source_;
  char delimiter_;
  std::size_t header_ = 0;
  std::vector<std::string> columns_;
  std::vector<Seen> seen_;
  std::optional<RowIndex> index_;
  RowIndex::Place next_;  // after what was read last
};

}  // namespace

std::unique_ptr<ColumnFile> open_delimited(const std::filesystem::path& file, const std::string& shown,
                                           char delimiter) {
  return std::make_unique<DelimitedFile>(file, shown, delimiter);
}

}  // namespace metrics::eval
