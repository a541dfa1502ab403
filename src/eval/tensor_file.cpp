#include "tensor_file.h"

#include "inflate.h"
#include "io/mapped_file.h"
#include "io/npy.h"
#include "io/tensors_in_file.h"
#include "io/zip.h"
#include <metrics/core/errors.h>

#include <ATen/ops/empty.h>

#include <algorithm>
#include <cstring>
#include <functional>
#include <limits>
#include <utility>
#include <variant>

namespace metrics::eval {
namespace {

using io::ElementType;
using io::FixedTexts;

c10::ScalarType scalar_type_of(ElementType type) {
  switch (type) {
    case ElementType::Bool:
      return at::kBool;
    case ElementType::UInt8:
      return at::kByte;
    case ElementType::Int8:
      return at::kChar;
    case ElementType::Int16:
      return at::kShort;
    case ElementType::UInt16:
      return at::kInt;  // operators for it are missing, as for the two below
    case ElementType::Int32:
      return at::kInt;
    case ElementType::UInt32:
      return at::kLong;
    case ElementType::Int64:
      return at::kLong;
    case ElementType::UInt64:
      return at::kLong;
    case ElementType::Float16:
      return at::kHalf;
    case ElementType::BFloat16:
      return at::kBFloat16;
    case ElementType::Float32:
      return at::kFloat;
    case ElementType::Float64:
      return at::kDouble;
    case ElementType::Complex32:
      return at::kComplexHalf;
    case ElementType::Complex64:
      return at::kComplexFloat;
    case ElementType::Complex128:
      return at::kComplexDouble;
    case ElementType::Float8E4M3FN:
      return at::kFloat8_e4m3fn;
    case ElementType::Float8E5M2:
      return at::kFloat8_e5m2;
    case ElementType::Float8E4M3FNUZ:
      return at::kFloat8_e4m3fnuz;
    case ElementType::Float8E5M2FNUZ:
      return at::kFloat8_e5m2fnuz;
  }
  return at::kFloat;
}

/// An array in mapped bytes; all of its elements lie in them.
struct StoredColumn {
  std::string name;
  const io::Source* source;
  std::variant<ElementType, FixedTexts> type;
  std::vector<int64_t> sizes;
  std::vector<int64_t> strides;  // in elements
  uint64_t begin;

  bool has_rows() const { return !sizes.empty(); }
  uint64_t element_bytes() const {
    if (const auto* number = std::get_if<ElementType>(&type)) return io::size_of(*number);
    return std::get<FixedTexts>(type).bytes;
  }
  int64_t elements_of_row() const {
    int64_t elements = 1;
    for (std::size_t i = 1; i < sizes.size(); ++i) elements *= sizes[i];
    return elements;
  }
};

std::vector<int64_t> contiguous_strides(const std::vector<int64_t>& sizes) {
  std::vector<int64_t> strides(sizes.size());
  int64_t stride = 1;
  for (std::size_t i = sizes.size(); i-- > 0; stride *= std::max<int64_t>(sizes[i], 1)) strides[i] = stride;
  return strides;
}

std::vector<int64_t> fortran_strides(const std::vector<int64_t>& sizes) {
  std::vector<int64_t> strides(sizes.size());
  int64_t stride = 1;
  for (std::size_t i = 0; i < sizes.size(); stride *= std::max<int64_t>(sizes[i], 1), ++i) strides[i] = stride;
  return strides;
}

StoredColumn column_of(const io::Source& source, std::string name, io::NpyArray array) {
  std::vector<int64_t> strides = array.fortran_order ? fortran_strides(array.shape) : contiguous_strides(array.shape);
  return {std::move(name), &source, array.type, std::move(array.shape), std::move(strides), array.begin};
}

/// Copies rows of elements that lie apart one after the other.
class Gathering {
 public:
  Gathering(const StoredColumn& column, char* to)
      : column_(column), bytes_(column.element_bytes()), from_(column.source->bytes.data() + column.begin), to_(to) {}

  void rows(int64_t first, int64_t count) {
    const int64_t elements = column_.elements_of_row();
    if (elements == 0 || count == 0) return;
    const std::vector<int64_t> contiguous = contiguous_strides(column_.sizes);
    const bool in_order = column_.strides[0] == elements &&
                          std::equal(column_.strides.begin() + 1, column_.strides.end(), contiguous.begin() + 1);
    if (in_order) return copy(first * elements, count * elements);
    for (int64_t row = first; row < first + count; ++row) gather(row * column_.strides[0], 1);
  }

 private:
  void copy(int64_t offset, int64_t elements) {
    const std::size_t size = static_cast<std::size_t>(elements) * bytes_;
    std::memcpy(to_, from_ + offset * static_cast<int64_t>(bytes_), size);
    to_ += size;
  }
  void gather(int64_t offset, std::size_t dimension) {
    if (dimension == column_.sizes.size()) return copy(offset, 1);
    const bool is_last = dimension + 1 == column_.sizes.size();
    if (is_last && column_.strides[dimension] == 1) return copy(offset, column_.sizes[dimension]);
    for (int64_t i = 0; i < column_.sizes[dimension]; ++i) {
      gather(offset + i * column_.strides[dimension], dimension + 1);
    }
  }

  const StoredColumn& column_;
  std::size_t bytes_;
  const char* from_;
  char* to_;
};

template <class From, class To>
at::Tensor widened(const StoredColumn& column, const std::vector<int64_t>& sizes, int64_t first,
                   c10::ScalarType dtype) {
  at::Tensor tensor = at::empty(sizes, at::TensorOptions().dtype(dtype));
  std::vector<From> stored(static_cast<std::size_t>(tensor.numel()));
  Gathering(column, reinterpret_cast<char*>(stored.data())).rows(first, sizes[0]);
  To* to = static_cast<To*>(tensor.mutable_data_ptr());
  for (const From number : stored) {
    if (number > static_cast<From>(std::numeric_limits<To>::max())) {
      throw FormatError(column.source->name + ": column `" + column.name + "` holds " + std::to_string(number) +
                            ", which is no int64",
                        column.source->name, -1);
    }
    *to++ = static_cast<To>(number);
  }
  return tensor;
}

at::Tensor numbers(const StoredColumn& column, ElementType type, int64_t first, int64_t count) {
  std::vector<int64_t> sizes = column.sizes;
  sizes[0] = count;
  const c10::ScalarType dtype = scalar_type_of(type);
  if (type == ElementType::UInt16) return widened<uint16_t, int32_t>(column, sizes, first, dtype);
  if (type == ElementType::UInt32) return widened<uint32_t, int64_t>(column, sizes, first, dtype);
  if (type == ElementType::UInt64) return widened<uint64_t, int64_t>(column, sizes, first, dtype);
  at::Tensor tensor = at::empty(sizes, at::TensorOptions().dtype(dtype));
  auto* bytes = static_cast<char*>(tensor.mutable_data_ptr());
  Gathering(column, bytes).rows(first, count);
  if (type == ElementType::Bool) {
    // A bool that is neither 0 nor 1 has no meaning in C++.
    for (int64_t i = 0; i < tensor.numel(); ++i) bytes[i] = bytes[i] != 0;
  }
  return tensor;
}

c10::IValue texts_of(const at::Tensor& integers) {
  const at::Tensor flat = integers.to(at::kLong).contiguous();
  const int64_t* values = flat.const_data_ptr<int64_t>();
  std::vector<std::string> texts;
  for (int64_t i = 0; i < flat.numel(); ++i) texts.push_back(std::to_string(values[i]));
  return texts;
}

/// Arrays that lie in mapped files.
class TensorFile : public ColumnFile {
 public:
  TensorFile(std::string name, std::vector<std::unique_ptr<const io::MappedFile>> files,
             std::vector<std::unique_ptr<const io::Source>> parts, std::vector<StoredColumn> columns)
      : name_(std::move(name)), files_(std::move(files)), parts_(std::move(parts)), columns_(std::move(columns)) {
    // A number by itself is no column.
    std::erase_if(columns_, [](const StoredColumn& column) { return !column.has_rows(); });
  }

  const std::string& name() const override { return name_; }
  std::vector<std::string> columns() override {
    std::vector<std::string> names;
    for (const StoredColumn& column : columns_) names.push_back(column.name);
    return names;
  }
  int64_t rows(const std::string& column) override {
    const StoredColumn& found = find(column);
    const bool is_empty = found.elements_of_row() == 0 || found.element_bytes() == 0;
    if (is_empty && found.sizes[0] > 0) {
      throw FormatError(name_ + ": the rows of column `" + column + "` hold nothing", name_, -1);
    }
    return found.sizes[0];
  }
  ColumnType type(const std::string& column) override {
    const StoredColumn& found = find(column);
    if (const auto* number = std::get_if<ElementType>(&found.type)) {
      return {.holds = ColumnType::Holds::Numbers,
              .dtype = scalar_type_of(*number),
              .row_shape = {found.sizes.begin() + 1, found.sizes.end()}};
    }
    return {.holds = found.sizes.size() == 1 ? ColumnType::Holds::Texts : ColumnType::Holds::Values};
  }
  std::vector<c10::IValue> read(std::span<const ColumnRequest> requests, int64_t first, int64_t count) override {
    std::vector<c10::IValue> values;
    for (const ColumnRequest& request : requests) values.push_back(read_column(request, first, count));
    return values;
  }

 private:
  const StoredColumn& find(const std::string& name) const {
    const auto found =
        std::find_if(columns_.begin(), columns_.end(), [&](const StoredColumn& column) { return column.name == name; });
    if (found == columns_.end()) throw Error(name_ + " has no column `" + name + "`");
    return *found;
  }

  c10::IValue read_column(const ColumnRequest& request, int64_t first, int64_t count) const {
    const StoredColumn& column = find(request.name);
    if (const auto* type = std::get_if<ElementType>(&column.type)) {
      at::Tensor tensor = numbers(column, *type, first, count);
      if (request.type.holds == ColumnType::Holds::Numbers) return tensor.to(request.type.dtype);
      if (request.type.holds == ColumnType::Holds::Texts && column.sizes.size() == 1 &&
          c10::isIntegralType(tensor.scalar_type(), /*includeBool=*/true)) {
        return texts_of(tensor);
      }
    } else if (column.sizes.size() == 1 && request.type.holds == ColumnType::Holds::Texts) {
      std::vector<std::string> texts;
      for (int64_t row = first; row < first + count; ++row) {
        const auto place = static_cast<uint64_t>(row * column.strides[0]) * column.element_bytes();
        texts.push_back(io::read_fixed_text(*column.source, std::get<FixedTexts>(column.type), column.begin + place));
      }
      return texts;
    }
    throw FormatError(name_ + ": column `" + request.name + "` was expected to hold " + describe(request.type), name_,
                      -1);
  }

  std::string name_;
  std::vector<std::unique_ptr<const io::MappedFile>> files_;
  std::vector<std::unique_ptr<const io::Source>> parts_;  // of files that lie within one
  std::vector<StoredColumn> columns_;
};

/// The same bytes under the name that the user knows.
std::unique_ptr<const io::Source> shown_as(const io::Source& source, const std::string& shown) {
  return std::make_unique<const io::Source>(io::Source{source.bytes, shown});
}

}  // namespace

std::unique_ptr<ColumnFile> open_npy(const std::filesystem::path& file, const std::string& shown) {
  std::vector<std::unique_ptr<const io::MappedFile>> files;
  std::vector<std::unique_ptr<const io::Source>> parts;
  files.push_back(std::make_unique<const io::MappedFile>(file));
  parts.push_back(shown_as(files[0]->source(), shown));
  std::vector<StoredColumn> columns = {
      column_of(*parts[0], std::filesystem::path(shown).stem().string(), io::read_npy(*parts[0]))};
  return std::make_unique<TensorFile>(shown, std::move(files), std::move(parts), std::move(columns));
}

std::unique_ptr<ColumnFile> open_npz(const std::filesystem::path& file, const std::string& shown) {
  std::vector<std::unique_ptr<const io::MappedFile>> files;
  std::vector<std::unique_ptr<const io::Source>> parts;
  std::vector<StoredColumn> columns;
  files.push_back(std::make_unique<const io::MappedFile>(file));
  parts.push_back(shown_as(files[0]->source(), shown));
  const io::Source& archive = *parts[0];
  for (const io::ZipEntry& entry : io::read_zip_directory(archive)) {
    constexpr std::string_view ending = ".npy";
    if (!entry.name.ends_with(ending)) continue;
    const std::string inner = shown + ": " + std::string(entry.name);
    if (entry.method == io::ZipEntry::Method::Deflated) {
      files.push_back(inflated(archive, entry, inner));
      parts.push_back(shown_as(files.back()->source(), inner));
    } else {
      parts.push_back(std::make_unique<const io::Source>(io::Source{archive.text(entry.begin, entry.size), inner}));
    }
    const std::string name(entry.name.substr(0, entry.name.size() - ending.size()));
    columns.push_back(column_of(*parts.back(), name, io::read_npy(*parts.back())));
  }
  return std::make_unique<TensorFile>(shown, std::move(files), std::move(parts), std::move(columns));
}

std::unique_ptr<ColumnFile> open_tensors(const std::filesystem::path& file, const std::string& shown) {
  std::vector<std::unique_ptr<const io::MappedFile>> files;
  std::vector<std::unique_ptr<const io::Source>> parts;
  std::vector<StoredColumn> columns;
  files.push_back(std::make_unique<const io::MappedFile>(file));
  parts.push_back(shown_as(files[0]->source(), shown));
  for (io::StoredTensor& tensor : io::tensors_in(*parts[0])) {
    columns.push_back({std::move(tensor.name), parts[0].get(), tensor.type, std::move(tensor.sizes),
                       std::move(tensor.strides), tensor.begin});
  }
  return std::make_unique<TensorFile>(shown, std::move(files), std::move(parts), std::move(columns));
}

}  // namespace metrics::eval
