#include "hardest.h"
#include <metrics/core/draws.h>
#include <metrics/core/errors.h>
#include <metrics/core/readable.h>
#include <metrics/training/miners.h>

#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/addmm.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/isfinite.h>

#include <algorithm>
#include <limits>
#include <numeric>
#include <optional>
#include <unordered_set>
#include <utility>
#include <vector>

namespace metrics::training {

namespace {

constexpr double infinite = std::numeric_limits<double>::infinity();
/// How many distances exist at once.
constexpr int64_t block_distances = int64_t{1} << 23;

void check_embeddings(const at::Tensor& embeddings) {
  metrics::detail::check_readable("miner", "embeddings", embeddings);
  if (embeddings.dim() != 2 || embeddings.size(0) == 0 || embeddings.size(1) == 0) {
    throw InvalidArgument("embeddings: expected [N, D] with a row and a column at least, got " +
                          c10::str(embeddings.sizes()));
  }
  if (!at::isFloatingType(embeddings.scalar_type())) {
    throw InvalidArgument("embeddings: expected floating numbers, got " + c10::str(embeddings.scalar_type()));
  }
  const at::Tensor finite = at::isfinite(embeddings.detach()).all(1);
  if (finite.all().item<bool>()) return;
  throw InvalidArgument("embeddings: expected finite numbers, got NaN or infinity in row " +
                        std::to_string(finite.to(at::kByte).argmin().item<int64_t>()));
}

/// The labels of a batch as int64, on the CPU.
at::Tensor checked_labels(const at::Tensor& labels, int64_t rows) {
  metrics::detail::check_readable("miner", "labels", labels);
  if (labels.dim() != 1 || labels.size(0) != rows) {
    throw InvalidArgument("labels: expected [" + std::to_string(rows) + "], one for each embedding, got " +
                          c10::str(labels.sizes()));
  }
  if (!at::isIntegralType(labels.scalar_type(), /*includeBool=*/true)) {
    throw InvalidArgument("labels: expected integers, got " + c10::str(labels.scalar_type()));
  }
  return labels.to(at::kCPU, at::kLong).contiguous();
}

std::vector<int64_t> numbers_in(const at::Tensor& tensor) {
  const at::Tensor on_cpu = tensor.to(at::kCPU).contiguous();
  return {on_cpu.const_data_ptr<int64_t>(), on_cpu.const_data_ptr<int64_t>() + on_cpu.numel()};
}

at::Tensor tensor_of_numbers(const std::vector<int64_t>& numbers, at::Device device = at::kCPU) {
  at::Tensor tensor = at::empty({static_cast<int64_t>(numbers.size())}, at::kLong);
  std::copy(numbers.begin(), numbers.end(), tensor.mutable_data_ptr<int64_t>());
  return tensor.to(device);
}

/// The rows of a batch in the order of their labels, rows of a label in the order of the batch.
struct ByLabel {
  std::vector<int64_t> rows;    ///< Those of a label are neighbours.
  std::vector<int64_t> begins;  ///< Where each label's begin in `rows`, and the end of the last.
  std::vector<int64_t> labels;  ///< Ascending.

  explicit ByLabel(const std::vector<int64_t>& of_row) : rows(of_row.size()) {
    std::iota(rows.begin(), rows.end(), 0);
    const auto label = [&](int64_t row) { return of_row[static_cast<std::size_t>(row)]; };
    std::stable_sort(rows.begin(), rows.end(), [&](int64_t a, int64_t b) { return label(a) < label(b); });
    for (std::size_t place = 0; place < rows.size(); ++place) {
      if (!labels.empty() && label(rows[place]) == labels.back()) continue;
      labels.push_back(label(rows[place]));
      begins.push_back(static_cast<int64_t>(place));
    }
    begins.push_back(static_cast<int64_t>(rows.size()));
  }

  int64_t size(std::size_t label) const { return begins[label + 1] - begins[label]; }
  int64_t most() const {
    int64_t most = 0;
    for (std::size_t label = 0; label < labels.size(); ++label) most = std::max(most, size(label));
    return most;
  }
  int64_t row(int64_t place) const { return rows[static_cast<std::size_t>(place)]; }

  /// Of each row the number of its label among all.
  std::vector<int32_t> numbers() const {
    std::vector<int32_t> numbers(rows.size());
    for (std::size_t label = 0; label < labels.size(); ++label) {
      for (int64_t place = begins[label]; place < begins[label + 1]; ++place) {
        numbers[static_cast<std::size_t>(row(place))] = static_cast<int32_t>(label);
      }
    }
    return numbers;
  }
};

void check_triplets_exist(const ByLabel& batch) {
  if (batch.labels.size() < 2) {
    throw InvalidArgument("labels: expected two different ones at least, all are " +
                          std::to_string(batch.labels.front()));
  }
  for (std::size_t label = 0; label < batch.labels.size(); ++label) {
    if (batch.size(label) > 1) continue;
    throw InvalidArgument("labels: expected two samples of each at least, there is one of label " +
                          std::to_string(batch.labels[label]));
  }
}

/// The squared distances of some rows to all: [rows, M], in float64.
class SquaredDistances {
 public:
  explicit SquaredDistances(const at::Tensor& vectors)
      : vectors_(vectors.detach().to(at::kDouble)), squares_(vectors_.square().sum(1)) {}

  at::Tensor block(int64_t begin, int64_t end) const {
    const at::Tensor rows = vectors_.slice(0, begin, end);
    return at::addmm(squares_.unsqueeze(0), rows, vectors_.t(), 1, -2).add_(squares_.slice(0, begin, end).unsqueeze(1));
  }

 private:
  at::Tensor vectors_, squares_;
};

/// Calls `use` with what the first `anchors` rows have of distances to all rows, block by block: the number of the
/// block's first row, the distances of positives with minus infinity elsewhere, and those of negatives with infinity.
template <class Use>
void for_each_block(const at::Tensor& vectors, const at::Tensor& labels, int64_t anchors, const Use& use) {
  const SquaredDistances distances(vectors);
  const int64_t all = vectors.size(0);
  const int64_t rows = std::max(int64_t{1}, block_distances / all);
  for (int64_t begin = 0; begin < anchors; begin += rows) {
    const int64_t end = std::min(begin + rows, anchors);
    const at::Tensor of_block = distances.block(begin, end);
    const at::Tensor same = labels.slice(0, begin, end).unsqueeze(1) == labels.unsqueeze(0);
    at::Tensor positive = of_block.masked_fill(~same, -infinite);
    // An anchor is not its own positive.
    positive.slice(1, begin, end).diagonal().fill_(-infinite);
    use(begin, positive, of_block.masked_fill(same, infinite));
  }
}

/// Of each anchor some rows, one after the other.
struct RowsOfAnchors {
  std::vector<int64_t> rows;
  std::vector<int64_t> begins{0};

  int64_t size(int64_t anchor) const {
    return begins[static_cast<std::size_t>(anchor) + 1] - begins[static_cast<std::size_t>(anchor)];
  }
  int64_t row(int64_t anchor, int64_t number) const {
    return rows[static_cast<std::size_t>(begins[static_cast<std::size_t>(anchor)] + number)];
  }

  /// Takes a range of the columns of `sorted`, [anchors, most], hardest first, of which each anchor has so many.
  void add(const at::Tensor& sorted, const HardRange& range, const std::vector<int64_t>& available,
           int64_t first_anchor, const char* option, const char* what) {
    const std::vector<int64_t> columns = numbers_in(sorted);
    const int64_t width = sorted.size(1);
    for (int64_t i = 0; i < sorted.size(0); ++i) {
      const int64_t anchor = first_anchor + i;
      const int64_t has = available[static_cast<std::size_t>(anchor)];
      if (range.first > has) {
        throw InvalidArgument(std::string(option) + ": the range begins at " + std::to_string(range.first) +
                              ", but anchor " + std::to_string(anchor) + " has " + std::to_string(has) + " " + what);
      }
      const auto row = columns.begin() + i * width;
      rows.insert(rows.end(), row + range.first - 1, row + std::min(range.last, has));
      begins.push_back(static_cast<int64_t>(rows.size()));
    }
  }
};

/// Each anchor's positives with each of its negatives.
void combine(MinedTriplets& triplets, const RowsOfAnchors& positives, const RowsOfAnchors& negatives, int64_t anchors) {
  std::vector<int64_t> a, p, n;
  for (int64_t anchor = 0; anchor < anchors; ++anchor) {
    for (int64_t i = 0; i < positives.size(anchor); ++i) {
      for (int64_t j = 0; j < negatives.size(anchor); ++j) {
        a.push_back(anchor);
        p.push_back(positives.row(anchor, i));
        n.push_back(negatives.row(anchor, j));
      }
    }
  }
  const at::Device device = triplets.vectors.device();
  triplets.anchors = tensor_of_numbers(a, device);
  triplets.positives = tensor_of_numbers(p, device);
  triplets.negatives = tensor_of_numbers(n, device);
}

struct HardRows {
  RowsOfAnchors positives, negatives;
};

/// Finds them for the first `anchors` rows.
HardRows hard_rows(const at::Tensor& vectors, const at::Tensor& labels, int64_t anchors,
                   const NHardTripletsMinerOptions& options) {
  const std::vector<int64_t> of_row = numbers_in(labels);
  const ByLabel batch(of_row);
  const int64_t all = vectors.size(0);
  std::vector<int64_t> has_positives(static_cast<std::size_t>(all)), has_negatives(static_cast<std::size_t>(all));
  for (std::size_t label = 0; label < batch.labels.size(); ++label) {
    for (int64_t place = batch.begins[label]; place < batch.begins[label + 1]; ++place) {
      has_positives[static_cast<std::size_t>(batch.row(place))] = batch.size(label) - 1;
      has_negatives[static_cast<std::size_t>(batch.row(place))] = all - batch.size(label);
    }
  }
  const auto most = [&](const std::vector<int64_t>& has) {
    return *std::max_element(has.begin(), has.begin() + anchors);
  };
  const int64_t most_positives = std::min(options.n_positive.last, most(has_positives));
  const int64_t most_negatives = std::min(options.n_negative.last, most(has_negatives));
  HardRows found;
  for_each_block(vectors, labels.to(vectors.device()), anchors,
                 [&](int64_t begin, const at::Tensor& positive, const at::Tensor& negative) {
                   found.positives.add(std::get<1>(positive.topk(most_positives, 1, /*largest=*/true)),
                                       options.n_positive, has_positives, begin, "n_positive", "positives");
                   found.negatives.add(std::get<1>(negative.topk(most_negatives, 1, /*largest=*/false)),
                                       options.n_negative, has_negatives, begin, "n_negative", "negatives");
                 });
  return found;
}

void check_hard_range(const char* option, const HardRange& range) {
  if (range.first >= 1 && range.last >= range.first) return;
  throw InvalidArgument(std::string(option) + ": expected numbers from 1 on, the second not below the first, got " +
                        std::to_string(range.first) + " to " + std::to_string(range.last));
}

/// `count` different numbers below `all`, ascending (Floyd's algorithm: Bentley, Programming Pearls, 1987).
std::vector<int64_t> drawn_below(int64_t all, int64_t count, const Draws& draws) {
  std::unordered_set<int64_t> drawn;
  for (int64_t last = all - count; last < all; ++last) {
    const auto number = static_cast<int64_t>(draws.word(last) % static_cast<uint64_t>(last + 1));
    if (!drawn.insert(number).second) drawn.insert(last);
  }
  std::vector<int64_t> numbers(drawn.begin(), drawn.end());
  std::sort(numbers.begin(), numbers.end());
  return numbers;
}

}  // namespace

AllTripletsMiner::AllTripletsMiner(AllTripletsMinerOptions options) : options_(options) {
  if (options_.max_output_triplets.value_or(1) >= 1) return;
  throw InvalidArgument("max_output_triplets: expected at least 1, got " +
                        std::to_string(*options_.max_output_triplets));
}

MinedTriplets AllTripletsMiner::operator()(const at::Tensor& embeddings, const at::Tensor& labels) {
  check_embeddings(embeddings);
  const ByLabel batch(numbers_in(checked_labels(labels, embeddings.size(0))));
  check_triplets_exist(batch);
  const auto rows = static_cast<int64_t>(batch.rows.size());
  // Triplets are numbered by the anchor's place, then its positive, then its negative.
  std::vector<int64_t> ends;
  std::vector<std::size_t> label_of_place;
  int64_t all = 0;
  for (std::size_t label = 0; label < batch.labels.size(); ++label) {
    for (int64_t i = 0; i < batch.size(label); ++i) {
      ends.push_back(all += (batch.size(label) - 1) * (rows - batch.size(label)));
      label_of_place.push_back(label);
    }
  }
  const int64_t count = std::min(all, options_.max_output_triplets.value_or(all));
  at::Tensor triplets = at::empty({3, count}, at::kLong);
  int64_t* anchors = triplets.mutable_data_ptr<int64_t>();
  int64_t *positives = anchors + count, *negatives = positives + count;
  const auto put = [&](int64_t place, int64_t number) {
    const std::size_t label = label_of_place[static_cast<std::size_t>(place)];
    const int64_t begin = batch.begins[label], size = batch.size(label), of_others = rows - size;
    const int64_t positive = begin + number / of_others, negative = number % of_others;
    *anchors++ = batch.row(place);
    *positives++ = batch.row(positive < place ? positive : positive + 1);
    *negatives++ = batch.row(negative < begin ? negative : negative + size);
  };
  if (count == all) {
    for (int64_t place = 0, begin = 0; place < rows; begin = ends[static_cast<std::size_t>(place++)])
      for (int64_t i = 0; i < ends[static_cast<std::size_t>(place)] - begin; ++i) put(place, i);
  } else {
    for (const int64_t number : drawn_below(all, count, Draws(options_.seed, calls_))) {
      const auto place = std::upper_bound(ends.begin(), ends.end(), number) - ends.begin();
      put(place, place == 0 ? number : number - ends[static_cast<std::size_t>(place) - 1]);
    }
  }
  ++calls_;
  triplets = triplets.to(embeddings.device());
  return {embeddings, triplets[0], triplets[1], triplets[2]};
}

MinedTriplets HardTripletsMiner::operator()(const at::Tensor& embeddings, const at::Tensor& labels) const {
  check_embeddings(embeddings);
  const at::Tensor of_rows = checked_labels(labels, embeddings.size(0));
  const ByLabel batch(numbers_in(of_rows));
  check_triplets_exist(batch);
  const at::NoGradGuard no_grad;
  const at::Tensor anchors = at::arange(embeddings.size(0), of_rows.options().device(embeddings.device()));
  if (const std::optional<Hardest> found = hardest_by_products(embeddings, batch.numbers())) {
    return {embeddings, anchors, tensor_of_numbers(found->positives), tensor_of_numbers(found->negatives)};
  }
  std::vector<at::Tensor> positives, negatives;
  for_each_block(embeddings, of_rows.to(embeddings.device()), embeddings.size(0),
                 [&](int64_t, const at::Tensor& positive, const at::Tensor& negative) {
                   positives.push_back(positive.argmax(1));
                   negatives.push_back(negative.argmin(1));
                 });
  return {embeddings, anchors, at::cat(positives), at::cat(negatives)};
}

NHardTripletsMiner::NHardTripletsMiner(NHardTripletsMinerOptions options) : options_(options) {
  check_hard_range("n_positive", options_.n_positive);
  check_hard_range("n_negative", options_.n_negative);
}

MinedTriplets NHardTripletsMiner::operator()(const at::Tensor& embeddings, const at::Tensor& labels) const {
  check_embeddings(embeddings);
  const at::Tensor of_rows = checked_labels(labels, embeddings.size(0));
  check_triplets_exist(ByLabel(numbers_in(of_rows)));
  const at::NoGradGuard no_grad;
  MinedTriplets triplets{embeddings, {}, {}, {}};
  const HardRows found = hard_rows(embeddings, of_rows, embeddings.size(0), options_);
  combine(triplets, found.positives, found.negatives, embeddings.size(0));
  return triplets;
}

MinedTriplets HardClusterMiner::operator()(const at::Tensor& embeddings, const at::Tensor& labels) const {
  check_embeddings(embeddings);
  const ByLabel batch(numbers_in(checked_labels(labels, embeddings.size(0))));
  check_triplets_exist(batch);
  const int64_t count = static_cast<int64_t>(batch.labels.size()), samples = batch.size(0);
  for (std::size_t label = 0; label < batch.labels.size(); ++label) {
    if (batch.size(label) == samples) continue;
    throw InvalidArgument("labels: expected as many samples of each, got " + std::to_string(samples) + " of label " +
                          std::to_string(batch.labels[0]) + " and " + std::to_string(batch.size(label)) + " of label " +
                          std::to_string(batch.labels[label]));
  }
  const at::Tensor grouped = embeddings.index_select(0, tensor_of_numbers(batch.rows, embeddings.device()));
  const at::Tensor means = grouped.view({count, samples, -1}).mean(1);
  const at::Tensor vectors = at::cat({means, grouped});

  const at::NoGradGuard no_grad;
  const at::Tensor labels_of_means = at::arange(count, grouped.options().dtype(at::kLong));
  const at::Tensor from_mean =
      grouped.detach().to(at::kDouble).view({count, samples, -1}) - means.detach().to(at::kDouble).unsqueeze(1);
  const at::Tensor positives = from_mean.square().sum(2).argmax(1) + count + labels_of_means * samples;
  std::vector<at::Tensor> negatives;
  for_each_block(means, labels_of_means, count, [&](int64_t, const at::Tensor&, const at::Tensor& negative) {
    negatives.push_back(negative.argmin(1));
  });
  return {vectors, labels_of_means, positives, at::cat(negatives)};
}

MinerWithBank::MinerWithBank(int64_t bank_size_in_batches, NHardTripletsMiner miner)
    : batches_(bank_size_in_batches), miner_(miner) {
  if (batches_ >= 1) return;
  throw InvalidArgument("bank_size_in_batches: expected at least 1, got " + std::to_string(batches_));
}

MinedTriplets MinerWithBank::operator()(const at::Tensor& embeddings, const at::Tensor& labels) {
  check_embeddings(embeddings);
  const at::Tensor of_rows = checked_labels(labels, embeddings.size(0));
  if (embeddings_.defined() &&
      (embeddings.size(1) != embeddings_.size(1) || embeddings.scalar_type() != embeddings_.scalar_type() ||
       embeddings.device() != embeddings_.device())) {
    const auto text = [](const at::Tensor& tensor) {
      return c10::str(tensor.scalar_type(), " of width ", tensor.size(1), " on ", tensor.device());
    };
    throw InvalidArgument("embeddings: expected " + text(embeddings_) + " as in the bank, got " + text(embeddings));
  }
  const int64_t own = embeddings.size(0);
  MinedTriplets triplets{full_ ? at::cat({embeddings, embeddings_}) : embeddings, {}, {}, {}};
  const at::Tensor all_labels = full_ ? at::cat({of_rows, labels_}) : of_rows;

  const at::NoGradGuard no_grad;
  const HardRows found = hard_rows(triplets.vectors, all_labels, own, miner_.options_);
  combine(triplets, found.positives, found.negatives, own);
  const auto log = [&](const std::string& what, const RowsOfAnchors& rows) {
    const auto from_bank =
        static_cast<double>(std::count_if(rows.rows.begin(), rows.rows.end(), [&](int64_t row) { return row >= own; }));
    const auto anchors = static_cast<double>(own);
    triplets.logs[what + "_from_bank"] = from_bank / anchors;
    triplets.logs[what + "_from_batch"] = (static_cast<double>(rows.rows.size()) - from_bank) / anchors;
  };
  log("positives", found.positives);
  log("negatives", found.negatives);
  store(embeddings.detach(), of_rows);
  return triplets;
}

/// Goes on from row to row of a ring, whatever the sizes of batches: of one that is larger than the bank its end stays.
void MinerWithBank::store(const at::Tensor& embeddings, const at::Tensor& labels) {
  if (!embeddings_.defined()) {
    const int64_t rows = batches_ * embeddings.size(0);
    embeddings_ = at::empty({rows, embeddings.size(1)}, embeddings.options());
    labels_ = at::empty({rows}, at::kLong);
  }
  const int64_t rows = embeddings_.size(0), given = embeddings.size(0);
  for (int64_t done = std::max(int64_t{0}, given - rows); done < given;) {
    const int64_t count = std::min(given - done, rows - next_);
    embeddings_.slice(0, next_, next_ + count).copy_(embeddings.slice(0, done, done + count));
    labels_.slice(0, next_, next_ + count).copy_(labels.slice(0, done, done + count));
    done += count;
    next_ += count;
    if (next_ < rows) continue;
    next_ = 0;
    full_ = true;
  }
}

void MinerWithBank::reset() {
  embeddings_.reset();
  labels_.reset();
  next_ = 0;
  full_ = false;
}

}  // namespace metrics::training
