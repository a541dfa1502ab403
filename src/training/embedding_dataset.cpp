#include <metrics/core/errors.h>
#include <metrics/core/readable.h>
#include <metrics/training/embedding_dataset.h>

#include <ATen/ops/empty.h>

#include <algorithm>
#include <utility>

namespace metrics::training {

namespace {

void check_labels_of_samples(const at::Tensor& labels) {
  metrics::detail::check_readable("labelled", "labels", labels);
  if (labels.dim() == 1 && at::isIntegralType(labels.scalar_type(), /*includeBool=*/true)) return;
  throw InvalidArgument("labels: expected [N] of integers, got " + c10::str(labels.scalar_type(), " ", labels.sizes()));
}

void check_column(const char* name, const at::Tensor& column, at::ScalarType dtype, int64_t size) {
  metrics::detail::check_readable("query_gallery", name, column);
  if (column.dim() == 1 && column.size(0) == size && column.scalar_type() == dtype) return;
  throw InvalidArgument(std::string(name) + ": expected " + c10::str(dtype) + " [" + std::to_string(size) + "], got " +
                        c10::str(column.scalar_type(), " ", column.sizes()));
}

void check_some(const char* name, const at::Tensor& flags) {
  if (flags.any().item<bool>()) return;
  throw InvalidArgument(std::string(name) + ": expected a sample at least that is one, there is none");
}

}  // namespace

Source labelled(std::function<at::Tensor(const std::vector<int64_t>& indices)> read, at::Tensor labels) {
  if (!read) throw InvalidArgument("read: expected a function that reads samples, got none");
  check_labels_of_samples(labels);
  Source source{.size = labels.size(0), .read = {}};
  source.read = [read = std::move(read), labels = std::move(labels)](const std::vector<int64_t>& indices) {
    at::Tensor rows = at::empty({static_cast<int64_t>(indices.size())}, at::kLong);
    std::copy(indices.begin(), indices.end(), rows.mutable_data_ptr<int64_t>());
    return std::pair(read(indices), labels.index_select(0, rows.to(labels.device())));
  };
  return source;
}

Source labelled(at::Tensor data, at::Tensor labels) {
  check_labels_of_samples(labels);
  return in_memory(std::move(data), std::move(labels));
}

Source query_gallery(Source labelled_samples, QueryGallery parts) {
  const int64_t size = labelled_samples.size;
  check_column("is_query", parts.is_query, at::kBool, size);
  check_column("is_gallery", parts.is_gallery, at::kBool, size);
  check_some("is_query", parts.is_query);
  check_some("is_gallery", parts.is_gallery);
  auto& columns = labelled_samples.columns;
  columns["is_query"] = std::move(parts.is_query);
  columns["is_gallery"] = std::move(parts.is_gallery);
  const auto add = [&](const char* name, at::Tensor column) {
    if (!column.defined()) return;
    check_column(name, column, at::kLong, size);
    columns[name] = std::move(column);
  };
  add("sequence_ids", std::move(parts.sequence_ids));
  add("categories", std::move(parts.categories));
  return labelled_samples;
}

}  // namespace metrics::training
