#include "table.h"

#include <metrics/core/codec.h>
#include <metrics/core/errors.h>

#include <ATen/ops/cat.h>
#include <ATen/ops/empty.h>

#include <algorithm>
#include <optional>
#include <tuple>
#include <utility>

namespace metrics::eval {
namespace {

/// What a column holds that is of both types; nothing where it cannot be.
std::optional<ColumnType> common_type(const ColumnType& a, const ColumnType& b) {
  if (a == b) return a;
  if (a.holds == b.holds && a.row_shape == b.row_shape) {
    ColumnType both = a;
    if (a.holds == ColumnType::Holds::Numbers) both.dtype = c10::promoteTypes(a.dtype, b.dtype);
    for (const auto& [key, dtype] : b.members) {
      const auto known = both.members.find(key);
      both.members[key] = known == both.members.end() ? dtype : c10::promoteTypes(known->second, dtype);
    }
    return both;
  }
  // Of texts some may look like numbers.
  for (const auto& [is_text, other] : {std::pair(&a, &b), std::pair(&b, &a)}) {
    const bool may_be_text = other->holds == ColumnType::Holds::Numbers && other->row_shape.empty();
    if (is_text->holds == ColumnType::Holds::Texts && may_be_text) return *is_text;
  }
  return std::nullopt;
}

/// The parts of a column one after the other.
c10::IValue joined(std::vector<c10::IValue> parts, const ColumnType& type) {
  if (parts.size() == 1) return std::move(parts.front());
  if (type.holds == ColumnType::Holds::Numbers) {
    if (parts.empty()) {
      std::vector<int64_t> sizes = {0};
      sizes.insert(sizes.end(), type.row_shape.begin(), type.row_shape.end());
      return at::empty(sizes, at::TensorOptions().dtype(type.dtype));
    }
    std::vector<at::Tensor> tensors;
    for (const c10::IValue& part : parts) tensors.push_back(part.toTensor());
    return at::cat(tensors);
  }
  std::vector<c10::IValue> elements;
  for (const c10::IValue& part : parts) {
    const std::vector<c10::IValue> own = *metrics::detail::elements_of(part);
    elements.insert(elements.end(), own.begin(), own.end());
  }
  return metrics::detail::list_of(std::move(elements));
}

}  // namespace

Table::Column& Table::column_to_add(const std::string& name) {
  const auto [found, is_new] = columns_.try_emplace(name);
  if (is_new) names_.push_back(name);
  return found->second;
}

void Table::add(const std::shared_ptr<ColumnFile>& file) {
  for (const std::string& name : file->columns()) {
    Column& column = column_to_add(name);
    if (!column.is_named) column.parts.push_back({file, name});
  }
}

void Table::add_named(const std::string& name, const std::shared_ptr<ColumnFile>& file, const std::string& column) {
  Column& named = column_to_add(name);
  if (!std::exchange(named.is_named, true)) named.parts.clear();
  named.parts.push_back({file, column});
}

const Table::Column& Table::find(const std::string& column) const {
  const auto found = columns_.find(column);
  if (found == columns_.end()) throw Error("there is no column `" + column + "`");
  return found->second;
}

int64_t Table::rows(const std::string& column) const {
  int64_t rows = 0;
  for (const Part& part : find(column).parts) rows += part.file->rows(part.column);
  return rows;
}

ColumnType Table::type(const std::string& column) const {
  const std::vector<Part>& parts = find(column).parts;
  ColumnType type = parts.front().file->type(parts.front().column);
  for (const Part& part : parts) {
    const ColumnType own = part.file->type(part.column);
    const auto both = common_type(type, own);
    if (!both) {
      throw Error("column `" + column + "` holds " + describe(own) + " in " + part.file->name() + ", and " +
                  describe(type) + " in " + parts.front().file->name());
    }
    type = *both;
  }
  return type;
}

std::vector<c10::IValue> Table::read(std::span<const ColumnRequest> requests, int64_t first, int64_t count) const {
  // Columns of one file whose rows lie at the same places in it are read together.
  struct Wanted {
    std::vector<ColumnRequest> columns;
    std::vector<std::pair<std::size_t, std::size_t>> places;  // which request, and which part of it
  };
  std::map<std::tuple<ColumnFile*, int64_t, int64_t>, Wanted> reads;
  for (std::size_t i = 0; i < requests.size(); ++i) {
    int64_t begin = 0;
    const std::vector<Part>& parts = find(requests[i].name).parts;
    for (std::size_t k = 0; k < parts.size(); ++k) {
      const int64_t rows = parts[k].file->rows(parts[k].column);
      const int64_t from = std::max(first, begin);
      const int64_t to = std::min(first + count, begin + rows);
      if (from < to) {
        Wanted& wanted = reads[{parts[k].file.get(), from - begin, to - from}];
        wanted.columns.push_back({parts[k].column, requests[i].type});
        wanted.places.emplace_back(i, k);
      }
      begin += rows;
    }
  }
  std::vector<std::map<std::size_t, c10::IValue>> found(requests.size());  // by part
  for (const auto& [place, wanted] : reads) {
    const auto& [file, begin, rows] = place;
    std::vector<c10::IValue> values = file->read(wanted.columns, begin, rows);
    for (std::size_t i = 0; i < values.size(); ++i) {
      found[wanted.places[i].first].emplace(wanted.places[i].second, std::move(values[i]));
    }
  }
  std::vector<c10::IValue> columns;
  for (std::size_t i = 0; i < requests.size(); ++i) {
    std::vector<c10::IValue> parts;
    for (auto& [part, value] : found[i]) parts.push_back(std::move(value));
    columns.push_back(joined(std::move(parts), requests[i].type));
  }
  return columns;
}

}  // namespace metrics::eval
