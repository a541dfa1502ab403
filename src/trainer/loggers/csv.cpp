#include "numbers.h"
#include "trainer/files.h"
#include <metrics/core/errors.h>
#include <metrics/io/files.h>
#include <metrics/trainer/loggers/csv.h>

#include <algorithm>
#include <charconv>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

namespace metrics::trainer {
namespace {

using Fields = std::vector<std::string>;

/// A name as a field of a table: on one line, and quoted where it holds what separates fields.
std::string field_of(std::string name) {
  std::replace_if(
      name.begin(), name.end(), [](char c) { return c == '\n' || c == '\r'; }, ' ');
  if (name.find_first_of(",\"") == std::string::npos) return name;
  std::string quoted = "\"";
  for (const char c : name) quoted += c == '"' ? "\"\"" : std::string(1, c);
  return quoted + "\"";
}

/// A line's fields as they stand there, quotes and all.
Fields fields_of(std::string_view line) {
  Fields fields(1);
  bool quoted = false;
  for (const char c : line) {
    quoted ^= c == '"';
    if (c == ',' && !quoted) {
      fields.emplace_back();
    } else {
      fields.back() += c;
    }
  }
  return fields;
}

std::string line_of(const Fields& fields) {
  std::string line;
  for (const std::string& field : fields) line += (&field == fields.data() ? "" : ",") + field;
  return line;
}

std::optional<int64_t> whole_number(const std::string& field) {
  int64_t number = 0;
  const auto [end, problem] = std::from_chars(field.data(), field.data() + field.size(), number);
  if (problem != std::errc() || end != field.data() + field.size()) return std::nullopt;
  return number;
}

}  // namespace

/// A file of rows whose columns are the keys, the values that there have been so far, and what ends each row.
class CsvLogger::Table {
 public:
  Table(std::filesystem::path file, Fields keys, Fields ends, const Resumption& resumption)
      : file_(std::move(file)),
        keys_(std::move(keys)),
        ends_(std::move(ends)),
        begin_(resumption.is_beginning() ? GrowingFile::Begin::Empty : GrowingFile::Begin::End) {
    if (resumption.is_beginning()) return;
    keep_lines(file_, [&](std::string_view line, std::size_t number) {
      Fields fields = fields_of(line);
      if (number == 0) return take_header(std::move(fields));
      const auto epoch = whole_number(fields.front());
      const auto step = keys_.size() < 2 || fields.size() < 2 ? std::optional<int64_t>(0) : whole_number(fields[1]);
      if (!epoch || !step || fields.size() != columns_.size())
        refuse("line " + std::to_string(number + 1) + " is not one of its rows");
      return keys_.size() == 1 ? resumption.keeps_epoch(*epoch) : resumption.keeps_step(*epoch, *step);
    });
  }

  /// Otherwise the first row opens it.
  void open() { growing_ = std::make_unique<GrowingFile>(file_, begin_); }

  void add(Fields keys, const StageValues& values, Fields ends) {
    std::map<std::string, std::string> numbers;
    Fields later;
    for (const auto& [name, value] : values) {
      if (!is_number(value)) continue;  // a table has a number in each field; the JSON lines have them all
      const std::string column = field_of(name);
      numbers[column] = number_text(value, 17);
      if (std::find(columns_.begin(), columns_.end(), column) == columns_.end()) later.push_back(column);
    }
    if (!growing_) open();
    if (columns_.empty() || !later.empty()) widen(later);
    Fields row = std::move(keys);
    for (std::size_t i = keys_.size(); i + ends_.size() < columns_.size(); ++i) row.push_back(numbers[columns_[i]]);
    row.insert(row.end(), ends.begin(), ends.end());
    growing_->write_line(line_of(row));
  }

 private:
  [[noreturn]] void refuse(const std::string& why) const {
    throw Error(file_.string() + " is no table that a run could go on with: " + why);
  }

  bool take_header(Fields header) {
    const bool ours = header.size() >= keys_.size() + ends_.size() &&
                      std::equal(keys_.begin(), keys_.end(), header.begin()) &&
                      std::equal(ends_.rbegin(), ends_.rend(), header.rbegin());
    if (!ours) refuse("its header is " + line_of(header));
    columns_ = std::move(header);
    return true;
  }

  /// Writes the header, or gives the rows that there are further columns.
  void widen(const Fields& later) {
    Fields columns = columns_.empty() ? keys_ : columns_;
    if (columns_.empty()) columns.insert(columns.end(), ends_.begin(), ends_.end());
    columns.insert(columns.end() - static_cast<std::ptrdiff_t>(ends_.size()), later.begin(), later.end());
    if (columns_.empty()) {
      growing_->write_line(line_of(columns));
    } else {
      std::string text = line_of(columns) + "\n";
      const std::string content = content_of(file_);
      std::size_t begin = content.find('\n') + 1;
      for (std::size_t end; (end = content.find('\n', begin)) != std::string::npos; begin = end + 1) {
        Fields row = fields_of(std::string_view(content).substr(begin, end - begin));
        row.insert(row.end() - static_cast<std::ptrdiff_t>(ends_.size()), later.size(), "");
        text += line_of(row) + "\n";
      }
      io::write_file(file_, text);
      begin_ = GrowingFile::Begin::End;
      open();
    }
    columns_ = std::move(columns);
  }

  std::filesystem::path file_;
  Fields keys_;
  Fields ends_;
  GrowingFile::Begin begin_;
  Fields columns_;  // as they stand in the header; none before there is one
  std::unique_ptr<GrowingFile> growing_;
};

CsvLogger::CsvLogger(std::filesystem::path folder) : folder_(std::move(folder)) {}

CsvLogger::~CsvLogger() = default;

void CsvLogger::begin(const Run& run) {
  const Resumption resumption(run);
  const std::filesystem::path steps = folder_ / "steps.csv";
  make_folder(folder_);
  epochs_ = std::make_unique<Table>(folder_ / "values.csv", Fields{"epoch"}, Fields{"seconds"}, resumption);
  epochs_->open();
  // There is a table of steps only where something is logged for one.
  if (std::error_code none; resumption.is_beginning() && std::filesystem::is_regular_file(steps, none))
    std::filesystem::remove(steps, none);
  steps_ = std::make_unique<Table>(steps, Fields{"epoch", "step"}, Fields{}, resumption);
}

void CsvLogger::step(const Run& run, const StageValues& values) {
  require_numbers(values);
  if (steps_) steps_->add({std::to_string(run.epoch + 1), std::to_string(step_of(run))}, values, {});
}

void CsvLogger::epoch(const Run& run, double seconds, bool) {
  if (epochs_) epochs_->add({std::to_string(run.epoch + 1)}, run.values, {std::to_string(seconds)});
}

void CsvLogger::end(const Run&) {
  epochs_.reset();
  steps_.reset();
}

}  // namespace metrics::trainer
