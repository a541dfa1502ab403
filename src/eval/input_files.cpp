#include "input_files.h"

#include "nearest.h"
#include "open_file.h"
#include "usage_error.h"

#include <algorithm>
#include <filesystem>

namespace metrics::eval {
namespace {

/// Files that are opened once, however often they are named.
class OpenFiles {
 public:
  const std::shared_ptr<ColumnFile>& operator[](const std::string& path) {
    std::shared_ptr<ColumnFile>& file = files_[path];
    if (!file) {
      const bool is_stdin = path.starts_with("/proc/");
      file = open_column_file(path, is_stdin ? "standard input" : path);
    }
    return file;
  }

 private:
  std::map<std::string, std::shared_ptr<ColumnFile>> files_;
};

/// `FILE:COLUMN` in its parts; a file that is called so is no such thing.
std::pair<std::string, std::string> file_and_column(const std::string& given) {
  const std::size_t colon = given.rfind(':');
  if (colon == std::string::npos || std::filesystem::exists(given)) return {given, ""};
  return {given.substr(0, colon), given.substr(colon + 1)};
}

/// The column of a file that is meant for an input: the one that is asked for, the only one, or that of the input's
/// name.
std::string column_for(const std::string& input, ColumnFile& file, const std::string& asked) {
  const std::vector<std::string> columns = file.columns();
  const std::string& name = asked.empty() ? input : asked;
  if (std::find(columns.begin(), columns.end(), name) != columns.end()) return name;
  if (asked.empty() && columns.size() == 1) return columns.front();
  if (!asked.empty()) {
    throw UsageError(file.name() + " has no column `" + asked + "`" + did_you_mean(asked, columns));
  }
  throw UsageError(file.name() + " has " + std::to_string(columns.size()) + " columns, none of them `" + input +
                   "`: say which one, as in --" + input + " " + file.name() + ":COLUMN" + did_you_mean(input, columns));
}

}  // namespace

Table open_table(const Request& request) {
  OpenFiles files;
  Table table;
  for (const std::string& pattern : request.files) {
    for (const std::string& path : matching_files(pattern)) table.add(files[path]);
  }
  for (const auto& [input, patterns] : request.named) {
    for (const std::string& given : patterns) {
      const auto [pattern, column] = file_and_column(given);
      for (const std::string& path : matching_files(pattern)) {
        const std::shared_ptr<ColumnFile>& file = files[path];
        table.add_named(input, file, column_for(input, *file, column));
      }
    }
  }
  return table;
}

}  // namespace metrics::eval
