#include "report.h"

#include <metrics/core/codec.h>

#include <ATen/ops/empty.h>

#include <nlohmann/json.hpp>

#include <algorithm>
#include <array>
#include <charconv>
#include <utility>

namespace metrics::eval {
namespace {

using OrderedJson = nlohmann::ordered_json;

template <class T>
std::string shortest_text(T number) {
  std::array<char, 64> digits;
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), number).ptr;
  return {digits.data(), end};
}

/// An element as the shortest decimal that is read back as the same number of its dtype.
std::string element_text(const at::Tensor& element) {
  if (element.scalar_type() == at::kBool) return element.item<bool>() ? "true" : "false";
  if (c10::isIntegralType(element.scalar_type(), /*includeBool=*/false)) return std::to_string(element.item<int64_t>());
  if (element.scalar_type() == at::kDouble) return shortest_text(element.item<double>());
  if (c10::isComplexType(element.scalar_type())) return metrics::describe(element);
  return shortest_text(element.item<float>());
}

using TableLines = std::vector<std::pair<std::string, std::string>>;

/// The lines of a value: each element of a vector has one, each row of what has more dimensions.
void add_lines(const std::string& name, const c10::IValue& value, TableLines& lines) {
  if (value.isTensor()) {
    const at::Tensor tensor = value.toTensor().cpu();
    if (tensor.dim() == 0) {
      lines.emplace_back(name, element_text(tensor));
    } else if (tensor.dim() == 2) {
      for (int64_t row = 0; row < tensor.size(0); ++row) {
        std::string text;
        for (int64_t i = 0; i < tensor.size(1); ++i) (text += i == 0 ? "" : " ") += element_text(tensor[row][i]);
        lines.emplace_back(name + "[" + std::to_string(row) + "]", text);
      }
    } else {
      for (int64_t i = 0; i < tensor.size(0); ++i) add_lines(name + "[" + std::to_string(i) + "]", tensor[i], lines);
    }
  } else if (value.isGenericDict()) {
    for (const auto& entry : value.toGenericDict()) {
      const std::string key = entry.key().isString() ? entry.key().toStringRef() : metrics::describe(entry.key());
      add_lines(name + "." + key, entry.value(), lines);
    }
  } else if (const auto elements = metrics::detail::elements_of(value)) {
    for (std::size_t i = 0; i < elements->size(); ++i) {
      add_lines(name + "[" + std::to_string(i) + "]", (*elements)[i], lines);
    }
  } else {
    lines.emplace_back(name, metrics::describe(value));
  }
}

/// What a reader can take in; programs ask for JSON.
constexpr std::size_t most_lines = 100;

TableLines lines_of(const Values& values) {
  TableLines lines;
  for (const auto& [name, value] : values.values) {
    TableLines own;
    add_lines(name, value, own);
    const std::size_t count = own.size();
    if (count > most_lines) {
      own.resize(most_lines);
      own.emplace_back(name, "and " + std::to_string(count - most_lines) + " lines more, which --json shows");
    }
    lines.insert(lines.end(), own.begin(), own.end());
  }
  return lines;
}

/// Columns that are as wide as their widest cell.
std::string aligned(const std::vector<std::vector<std::string>>& rows) {
  std::vector<std::size_t> widths;
  for (const auto& row : rows) {
    widths.resize(std::max(widths.size(), row.size()));
    for (std::size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], row[i].size());
  }
  std::string text;
  for (const auto& row : rows) {
    std::string line;
    for (std::size_t i = 0; i < row.size(); ++i) {
      line += row[i];
      if (i + 1 < row.size()) line += std::string(widths[i] - row[i].size() + 2, ' ');
    }
    text += line + "\n";
  }
  return text;
}

std::string rows_text(int64_t rows) {
  return std::to_string(rows) + (rows == 1 ? " row" : " rows");
}

OrderedJson json_of(const c10::IValue& value) {
  if (value.isNone()) return nullptr;
  if (value.isTensor()) {
    const at::Tensor tensor = value.toTensor().cpu();
    if (tensor.dim() > 0) {
      OrderedJson list = OrderedJson::array();
      for (int64_t i = 0; i < tensor.size(0); ++i) list.push_back(json_of(tensor[i]));
      return list;
    }
    if (tensor.scalar_type() == at::kBool) return tensor.item<bool>();
    if (c10::isIntegralType(tensor.scalar_type(), /*includeBool=*/false)) return tensor.item<int64_t>();
    if (c10::isComplexType(tensor.scalar_type())) return metrics::describe(value);
    return tensor.item<double>();
  }
  if (value.isBool()) return value.toBool();
  if (value.isInt()) return value.toInt();
  if (value.isDouble()) return value.toDouble();
  if (value.isString()) return value.toStringRef();
  if (value.isGenericDict()) {
    OrderedJson object = OrderedJson::object();
    for (const auto& entry : value.toGenericDict()) {
      object[entry.key().isString() ? entry.key().toStringRef() : metrics::describe(entry.key())] =
          json_of(entry.value());
    }
    return object;
  }
  if (const auto elements = metrics::detail::elements_of(value)) {
    OrderedJson list = OrderedJson::array();
    for (const c10::IValue& element : *elements) list.push_back(json_of(element));
    return list;
  }
  return metrics::describe(value);
}

OrderedJson json_of(const Values& values) {
  OrderedJson all = OrderedJson::object();
  for (const auto& [name, value] : values.values) all[name] = json_of(value);
  return {{"rows", values.rows}, {"values", all}};
}

}  // namespace

std::string as_table(const Report& report, const std::string& column) {
  const TableLines whole = lines_of(report.whole);
  std::vector<std::vector<std::string>> rows;
  if (report.groups.empty()) {
    for (const auto& [name, text] : whole) rows.push_back({name, text});
    return aligned(rows) + "over " + rows_text(report.whole.rows) + "\n";
  }
  constexpr std::size_t most_columns = 8;
  std::vector<std::pair<std::string, std::pair<int64_t, TableLines>>> sections;
  for (const auto& [name, values] : report.groups)
    sections.push_back({column + "=" + name, {values.rows, lines_of(values)}});
  sections.push_back({"all", {report.whole.rows, whole}});
  const auto same_names = [&](const auto& section) {
    const TableLines& lines = section.second.second;
    return std::equal(lines.begin(), lines.end(), whole.begin(), whole.end(),
                      [](const auto& a, const auto& b) { return a.first == b.first; });
  };
  const bool fits = whole.size() <= most_columns && std::all_of(sections.begin(), sections.end(), same_names);
  if (fits) {
    std::vector<std::string> header = {"", "rows"};
    for (const auto& [name, text] : whole) header.push_back(name);
    rows.push_back(header);
    for (const auto& [name, values] : sections) {
      std::vector<std::string> row = {name, std::to_string(values.first)};
      for (const auto& [label, text] : values.second) row.push_back(text);
      rows.push_back(row);
    }
    return aligned(rows);
  }
  std::string text;
  for (const auto& [name, values] : sections) {
    rows.clear();
    for (const auto& [label, each] : values.second) rows.push_back({"  " + label, each});
    text += name + ", " + rows_text(values.first) + "\n" + aligned(rows);
  }
  return text;
}

std::string as_json(const Report& report, const std::string& column) {
  OrderedJson all = json_of(report.whole);
  if (!column.empty()) {
    all["by"] = column;
    OrderedJson groups = OrderedJson::object();
    for (const auto& [name, values] : report.groups) groups[name] = json_of(values);
    all["groups"] = groups;
  }
  // Names come from files, whose bytes need not be UTF-8.
  return all.dump(-1, ' ', false, OrderedJson::error_handler_t::replace) + "\n";
}

}  // namespace metrics::eval
