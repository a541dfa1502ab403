#include "delimited_records.h"

namespace metrics::eval {

void DelimitedRecords::skip_line_end() {
  if (at_ < source_.size() && source_.bytes[at_] == '\r') ++at_;
  if (at_ < source_.size() && source_.bytes[at_] == '\n') ++at_;
}

std::string_view DelimitedRecords::plain_field() {
  const std::size_t begin = at_;
  while (at_ < source_.size() && source_.bytes[at_] != delimiter_ && !at_line_end()) ++at_;
  return source_.bytes.substr(begin, at_ - begin);
}

std::string_view DelimitedRecords::quoted_field() {
  const std::size_t quote = at_++;
  std::size_t begin = at_;
  std::string* joined = nullptr;
  for (;;) {
    const std::size_t end = source_.bytes.find('"', at_);
    if (end == std::string_view::npos) source_.refuse(quote, "a quoted field does not end");
    at_ = end + 1;
    const bool is_doubled = at_ < source_.size() && source_.bytes[at_] == '"';
    if (is_doubled && joined == nullptr) joined = &unescaped_.emplace_back();
    if (joined != nullptr) joined->append(source_.bytes.substr(begin, end + (is_doubled ? 1 : 0) - begin));
    if (!is_doubled) {
      const bool ends = at_ == source_.size() || source_.bytes[at_] == delimiter_ || at_line_end();
      if (!ends) source_.refuse(at_, "something stands between a quoted field and the next delimiter");
      return joined != nullptr ? std::string_view(*joined) : source_.bytes.substr(begin, end - begin);
    }
    begin = ++at_;
  }
}

bool DelimitedRecords::next() {
  while (at_line_end()) skip_line_end();
  if (at_ == source_.size()) return false;
  begin_ = at_;
  fields_.clear();
  unescaped_.clear();
  for (;;) {
    const bool is_quoted = at_ < source_.size() && source_.bytes[at_] == '"';
    fields_.push_back(is_quoted ? quoted_field() : plain_field());
    if (at_ == source_.size() || source_.bytes[at_] != delimiter_) break;
    ++at_;
  }
  skip_line_end();
  return true;
}

}  // namespace metrics::eval
