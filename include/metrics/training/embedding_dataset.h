#pragma once

#include <metrics/export.h>
#include <metrics/training/loader.h>

#include <ATen/core/Tensor.h>

#include <functional>
#include <string>
#include <vector>

namespace metrics::training {

/// A dataset whose batches have labels as their target, to train on: whatever `read` gives as the data of samples, and
/// `labels`, [N] of integers. Throws InvalidArgument for other labels, naming `labels`. Source: OML's ILabeledDataset.
METRICS_API Source labelled(std::function<at::Tensor(const std::vector<int64_t>& indices)> read, at::Tensor labels);
/// The same of rows in memory: `data`, [N, ...].
METRICS_API Source labelled(at::Tensor data, at::Tensor labels);

/// Which samples are searched for and among which, and what else a retrieval metric may want to know of them.
struct QueryGallery {
  at::Tensor is_query;        ///< bool [N]
  at::Tensor is_gallery;      ///< bool [N]; a sample may be both, or neither.
  at::Tensor sequence_ids{};  ///< int64 [N], where samples are frames of sequences: a query is not searched in its own.
  at::Tensor categories{};    ///< int64 [N], where values are wanted of each category of queries.
};

/// A dataset with labels, to evaluate: its batches have the columns `is_query` and `is_gallery`, and `sequence_ids` and
/// `categories` where they are given, beside the labels and the samples' ids. Throws InvalidArgument for columns of
/// other shapes and dtypes than theirs, and for no query or no gallery at all. Source: OML's
/// IQueryGalleryLabeledDataset.
METRICS_API Source query_gallery(Source labelled_samples, QueryGallery parts);

}  // namespace metrics::training
