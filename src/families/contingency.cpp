#include "contingency.h"

#include "../core/loaded_states.h"
#include "kernels/multiversioned.h"
#include "kernels/plain_tensor.h"
#include <metrics/core/double_double.h>
#include <metrics/core/errors.h>

#include <ATen/EmptyTensor.h>
#include <ATen/ops/ones.h>
#include <ATen/ops/zeros.h>

#include <algorithm>
#include <bit>
#include <cstdlib>
#include <cstring>
#include <limits>
#include <memory>
#include <numeric>
#include <sstream>
#include <utility>

namespace metrics::families {

namespace {

constexpr const char* labels_name = "preds";
constexpr const char* counts_name = "_counts";
constexpr const char* weighted_name = "_weighted";
constexpr const char* weights_name = "_weights";
constexpr const char* cells_name = "_cells";

/// Rows that are kept before equal pairs become one: few beside what a batch takes.
constexpr int64_t least_rows = 16384;
/// Rows that a state dict shows, 64 MiB of labels.
constexpr int64_t most_shown = int64_t{1} << 22;

/// A row of the packed state.
struct LabelPair {
  int64_t pred, target;

  bool operator==(const LabelPair&) const = default;
  bool operator<(const LabelPair& other) const {
    return target != other.target ? target < other.target : pred < other.pred;
  }
};

template <class N>
struct Cells {
  std::vector<LabelPair> labels;
  std::vector<N> counts;
};

void add_to(int64_t& sum, int64_t count) {
  sum = wrapping_sum(sum, count);
}
void add_to(DoubleDouble& sum, const DoubleDouble& weight) {
  sum = sum + weight;
}
bool occurs(int64_t count) {
  return count != 0;
}
bool occurs(const DoubleDouble& weight) {
  return weight.high != 0;
}
double as_number(int64_t count) {
  return static_cast<double>(count);
}
double as_number(const DoubleDouble& weight) {
  return weight.value();
}
DoubleDouble as_weight(int64_t count) {
  return double_double_of(count);
}
DoubleDouble as_weight(double weight) {
  return {weight, 0};
}

// ---- counting -------------------------------------------------------------------------------------------------------

/// The labels of a batch, as they are given.
struct GivenLabels {
  const int64_t* preds;
  const int64_t* target;

  LabelPair operator[](int64_t row) const { return {preds[row], target[row]}; }
};

/// The least and the greatest of labels, and how many integers lie between; 0 for 2^64.
struct Range {
  int64_t least = std::numeric_limits<int64_t>::max();
  int64_t greatest = std::numeric_limits<int64_t>::min();

  void take(int64_t label) {
    least = std::min(least, label);
    greatest = std::max(greatest, label);
  }
  uint64_t size() const { return static_cast<uint64_t>(greatest) - static_cast<uint64_t>(least) + 1; }
  uint64_t place(int64_t label) const { return static_cast<uint64_t>(label) - static_cast<uint64_t>(least); }
};

/// How many slots a table of all pairs has; nothing where it would be large beside the rows.
uint64_t slots_of(const Range& preds, const Range& target, int64_t rows) {
  const uint64_t most = std::min<uint64_t>(32 * static_cast<uint64_t>(rows) + 1024, uint64_t{1} << 27);
  const uint64_t width = preds.size(), height = target.size();
  if (width == 0 || height == 0 || width > most || height > most || width * height > most) return 0;
  return width * height;
}

/// Zeros, of which the system makes those that are touched.
template <class Slot>
struct Zeros {
  explicit Zeros(uint64_t count) : slots(static_cast<Slot*>(std::calloc(count, sizeof(Slot)))) {
    if (slots == nullptr)
      throw Error("there is no memory for a table of " + std::to_string(count) + " pairs of labels");
  }
  Zeros(const Zeros&) = delete;
  Zeros& operator=(const Zeros&) = delete;
  ~Zeros() { std::free(slots); }

  Slot* slots;
};

/// Counts in a table of all pairs between the least and the greatest labels.
template <class Slot, class N, class Labels, class Counts>
Cells<N> counted_in_table(const Labels& labels, const Counts& counts, int64_t rows, const Range& preds,
                          const Range& target, uint64_t slots) {
  const Zeros<Slot> table(slots);
  const uint64_t width = preds.size();
  for (int64_t row = 0; row < rows; ++row) {
    const LabelPair pair = labels[row];
    Slot& slot = table.slots[target.place(pair.target) * width + preds.place(pair.pred)];
    if constexpr (std::is_same_v<Slot, N>) {
      add_to(slot, counts(row));
    } else {
      ++slot;
    }
  }
  const auto taken = [](const Slot& slot) {
    if constexpr (std::is_same_v<Slot, N>) {
      return occurs(slot);
    } else {
      return slot != 0;
    }
  };
  std::size_t found = 0;
  for (uint64_t i = 0; i < slots; ++i) found += taken(table.slots[i]);
  Cells<N> cells{std::vector<LabelPair>(found), std::vector<N>(found)};
  std::size_t next = 0;
  const Slot* slot = table.slots;
  for (uint64_t row = 0; row * width < slots; ++row) {
    const auto of_row = static_cast<int64_t>(static_cast<uint64_t>(target.least) + row);
    for (uint64_t column = 0; column < width; ++column, ++slot) {
      if (!taken(*slot)) continue;
      cells.labels[next] = {static_cast<int64_t>(static_cast<uint64_t>(preds.least) + column), of_row};
      cells.counts[next++] = static_cast<N>(*slot);
    }
  }
  return cells;
}

uint64_t hash_of(const LabelPair& pair) {
  uint64_t bits = static_cast<uint64_t>(pair.pred) * 0x9e3779b97f4a7c15U;
  bits = (std::rotl(bits, 32) ^ static_cast<uint64_t>(pair.target)) * 0xbf58476d1ce4e5b9U;
  bits = (bits ^ (bits >> 31)) * 0x94d049bb133111ebU;
  return bits ^ (bits >> 29);
}

/// Counts pairs by their hash: where one is found, or an empty place for it.
template <class N>
class HashedCells {
 public:
  void add(const LabelPair& pair, const N& count) {
    if (2 * (cells_.labels.size() + 1) > places_.size()) grow();
    uint32_t& place = place_of(pair);
    if (place == 0) {
      cells_.labels.push_back(pair);
      cells_.counts.push_back(count);
      place = static_cast<uint32_t>(cells_.labels.size());
    } else {
      add_to(cells_.counts[place - 1], count);
    }
  }

  Cells<N> sorted() const {
    std::vector<uint32_t> order(cells_.labels.size());
    std::iota(order.begin(), order.end(), 0U);
    std::sort(order.begin(), order.end(), [&](uint32_t a, uint32_t b) { return cells_.labels[a] < cells_.labels[b]; });
    Cells<N> sorted{std::vector<LabelPair>(order.size()), std::vector<N>(order.size())};
    for (std::size_t i = 0; i < order.size(); ++i) {
      sorted.labels[i] = cells_.labels[order[i]];
      sorted.counts[i] = cells_.counts[order[i]];
    }
    return sorted;
  }

 private:
  uint32_t& place_of(const LabelPair& pair) {
    const std::size_t mask = places_.size() - 1;
    for (std::size_t at = hash_of(pair) & mask;; at = (at + 1) & mask) {
      uint32_t& place = places_[at];
      if (place == 0 || cells_.labels[place - 1] == pair) return place;
    }
  }

  void grow() {
    if (cells_.labels.size() >= std::numeric_limits<uint32_t>::max() / 4) {
      throw Error("there are more than 2^30 different pairs of labels");
    }
    places_.assign(std::max<std::size_t>(64, 4 * places_.size()), 0);
    for (std::size_t i = 0; i < cells_.labels.size(); ++i) place_of(cells_.labels[i]) = static_cast<uint32_t>(i + 1);
  }

  std::vector<uint32_t> places_;  // 1 more than the index of a cell
  Cells<N> cells_;
};

METRICS_MULTIVERSIONED std::pair<Range, Range> ranges_of(const int64_t* preds, const int64_t* target, int64_t stride,
                                                         int64_t rows) {
  Range of_preds, of_target;
  for (int64_t row = 0; row < rows; ++row) {
    of_preds.take(preds[row * stride]);
    of_target.take(target[row * stride]);
  }
  return {of_preds, of_target};
}
std::pair<Range, Range> ranges_of(const GivenLabels& labels, int64_t rows) {
  return ranges_of(labels.preds, labels.target, 1, rows);
}
std::pair<Range, Range> ranges_of(const LabelPair* pairs, int64_t rows) {
  return rows == 0 ? std::pair<Range, Range>{} : ranges_of(&pairs->pred, &pairs->target, 2, rows);
}
template <class Labels>
std::pair<Range, Range> ranges_of(const Labels& labels, int64_t rows) {
  Range preds, target;
  for (int64_t row = 0; row < rows; ++row) {
    preds.take(labels[row].pred);
    target.take(labels[row].target);
  }
  return {preds, target};
}

/// Each row counts once.
struct Once {
  int64_t operator()(int64_t) const { return 1; }
};

/// Equal pairs become one; they are sorted by target, then prediction.
template <class N, class Labels, class Counts>
Cells<N> counted(const Labels& labels, const Counts& counts, int64_t rows) {
  if (rows == 0) return {};
  const auto [preds, target] = ranges_of(labels, rows);
  if (const uint64_t slots = slots_of(preds, target, rows); slots > 0) {
    constexpr bool once = std::is_same_v<Counts, Once>;
    if (once && rows <= std::numeric_limits<uint32_t>::max()) {
      return counted_in_table<std::conditional_t<once, uint32_t, N>, N>(labels, counts, rows, preds, target, slots);
    }
    return counted_in_table<N, N>(labels, counts, rows, preds, target, slots);
  }
  HashedCells<N> cells;
  for (int64_t row = 0; row < rows; ++row) cells.add(labels[row], counts(row));
  return cells.sorted();
}

// ---- what is kept ---------------------------------------------------------------------------------------------------

Tensor on_cpu(const Tensor& integers) {
  const bool is_here = kernels::is_plain(integers) && integers.scalar_type() == at::kLong;
  return is_here ? integers : integers.detach().to(at::kCPU, at::kLong).contiguous();
}

Tensor of_integers(at::IntArrayRef sizes) {
  return Tensor(at::detail::empty_cpu(sizes, at::kLong));
}

Tensor tensor_of(const std::vector<LabelPair>& labels) {
  Tensor tensor = of_integers({static_cast<int64_t>(labels.size()), 2});
  if (!labels.empty()) std::memcpy(tensor.mutable_data_ptr(), labels.data(), tensor.nbytes());
  return tensor;
}

// Counts are [rows], weights [rows, 2]: the bits of both halves.
Tensor tensor_of(const std::vector<int64_t>& counts) {
  Tensor tensor = of_integers({static_cast<int64_t>(counts.size())});
  std::copy(counts.begin(), counts.end(), tensor.mutable_data_ptr<int64_t>());
  return tensor;
}
Tensor tensor_of(const std::vector<DoubleDouble>& weights) {
  Tensor tensor = of_integers({static_cast<int64_t>(weights.size()), 2});
  auto* to = tensor.mutable_data_ptr<int64_t>();
  for (const DoubleDouble& weight : weights) {
    *to++ = std::bit_cast<int64_t>(weight.high);
    *to++ = std::bit_cast<int64_t>(weight.low);
  }
  return tensor;
}

/// The pairs that are kept, and how often each is there: N is int64_t for counts, DoubleDouble for weights.
template <class N>
class KeptPairs {
 public:
  static constexpr bool weighted = std::is_same_v<N, DoubleDouble>;
  static constexpr const char* pairs_of = weighted ? weighted_name : labels_name;
  static constexpr const char* numbers_of = weighted ? weights_name : counts_name;

  explicit KeptPairs(const States& states) {
    const State& pairs = states[pairs_of];
    if (pairs.rows() == 0) return;
    rows_ = pairs.rows();
    pairs_ = on_cpu(pairs.tensor());
    numbers_ = on_cpu(states[numbers_of].tensor());
  }

  int64_t rows() const { return rows_; }
  const LabelPair* labels() const {
    return rows_ == 0 ? nullptr : reinterpret_cast<const LabelPair*>(pairs_.const_data_ptr<int64_t>());
  }
  N count(int64_t row) const {
    const auto* numbers = numbers_.const_data_ptr<int64_t>();
    if constexpr (weighted) {
      return {std::bit_cast<double>(numbers[2 * row]), std::bit_cast<double>(numbers[2 * row + 1])};
    } else {
      return numbers[row];
    }
  }
  /// Whether equal pairs are one already, in order.
  bool are_cells() const {
    const LabelPair* const pairs = labels();
    for (int64_t row = 1; row < rows_; ++row) {
      if (!(pairs[row - 1] < pairs[row])) return false;
    }
    return true;
  }
  Cells<N> cells() const {
    return counted<N>(
        labels(), [this](int64_t row) { return count(row); }, rows_);
  }

 private:
  int64_t rows_ = 0;
  Tensor pairs_, numbers_;
};

/// How many rows are kept at most before equal ones become one.
int64_t most_rows(const States& states) {
  const auto cells = static_cast<int64_t>(states[cells_name].tensor().item<double>());
  return std::max(least_rows, 2 * cells);
}

/// Puts pairs that differ, in order, in the place of those that are kept.
template <class N>
void set_cells(States& states, const Cells<N>& cells) {
  const at::Device device = states.device();
  states[KeptPairs<N>::pairs_of].assign(tensor_of(cells.labels).to(device), {}, {});
  states[KeptPairs<N>::numbers_of].assign(tensor_of(cells.counts).to(device), {}, {});
  states[cells_name].raise(static_cast<double>(cells.labels.size()));
}

template <class N>
void make_equal_ones_one(States& states) {
  set_cells(states, KeptPairs<N>(states).cells());
}

template <class N>
void make_room(States& states, int64_t rows_to_come, int64_t most) {
  const int64_t rows = states[KeptPairs<N>::pairs_of].rows();
  if (rows > 0 && rows + rows_to_come > most) make_equal_ones_one<N>(states);
}

template <class N>
void append(States& states, const Tensor& pairs, const Tensor& numbers) {
  const int64_t most = most_rows(states);
  const at::Device device = states.device();
  State& kept = states[KeptPairs<N>::pairs_of];
  kept.append(pairs.to(device));
  states[KeptPairs<N>::numbers_of].append(numbers.to(device));
  if (kept.rows() > most) make_equal_ones_one<N>(states);
}

template <class N, class Counts>
void fold_in(States& states, const GivenLabels& labels, const Counts& counts, int64_t rows) {
  if (states[KeptPairs<N>::pairs_of].rows() + rows > most_rows(states)) {
    const Cells<N> cells = counted<N>(labels, counts, rows);
    if (states[KeptPairs<N>::pairs_of].rows() == 0) return set_cells(states, cells);
    return append<N>(states, tensor_of(cells.labels), tensor_of(cells.counts));
  }
  Tensor pairs = of_integers({rows, 2});
  auto* to = pairs.mutable_data_ptr<int64_t>();
  for (int64_t row = 0; row < rows; ++row) {
    *to++ = labels.preds[row];
    *to++ = labels.target[row];
  }
  std::vector<N> numbers(static_cast<std::size_t>(rows));
  for (int64_t row = 0; row < rows; ++row) numbers[static_cast<std::size_t>(row)] = counts(row);
  append<N>(states, pairs, tensor_of(numbers));
}

/// Calls f(labels, counts, N{}) with the labels of a batch, and how often each row of it counts.
template <class F>
auto with_rows(const Tensor& preds, const Tensor& target, const Weights& weights, const F& f) {
  const Tensor held_preds = on_cpu(preds), held_target = on_cpu(target);
  const GivenLabels labels{held_preds.const_data_ptr<int64_t>(), held_target.const_data_ptr<int64_t>()};
  if (!weights.given()) return f(labels, Once{}, int64_t{});
  if (weights.are_integers()) {
    return f(
        labels, [&](int64_t row) { return weights.integers()[row]; }, int64_t{});
  }
  const double* const reals = weights.reals();
  return f(
      labels, [reals](int64_t row) { return as_weight(reals[row]); }, DoubleDouble{});
}

// ---- the table ------------------------------------------------------------------------------------------------------

/// The numbers of labels in ascending order.
class Numbering {
 public:
  Numbering(const LabelPair* cells, int64_t count) {
    for (int64_t i = 0; i < count; ++i) range_.take(cells[i].pred);
    if (count > 0 && range_.size() != 0 && range_.size() <= 4 * static_cast<uint64_t>(count) + 1024) {
      numbers_.assign(range_.size(), -1);
      for (int64_t i = 0; i < count; ++i) numbers_[range_.place(cells[i].pred)] = 0;
      for (int32_t& number : numbers_) {
        if (number == 0) number = size_++;
      }
      return;
    }
    for (int64_t i = 0; i < count; ++i) labels_.push_back(cells[i].pred);
    std::sort(labels_.begin(), labels_.end());
    labels_.erase(std::unique(labels_.begin(), labels_.end()), labels_.end());
    size_ = static_cast<int32_t>(labels_.size());
  }

  std::size_t size() const { return static_cast<std::size_t>(size_); }
  int32_t operator[](int64_t label) const {
    if (!numbers_.empty()) return numbers_[range_.place(label)];
    return static_cast<int32_t>(std::lower_bound(labels_.begin(), labels_.end(), label) - labels_.begin());
  }

 private:
  Range range_;
  std::vector<int32_t> numbers_;
  std::vector<int64_t> labels_;
  int32_t size_ = 0;
};

template <class Count>
Contingency table_of(const LabelPair* labels, const Count& count, int64_t cells) {
  if (cells >= std::numeric_limits<int32_t>::max()) throw Error("there are more than 2^31 different pairs of labels");
  const Numbering columns(labels, cells);
  Contingency table;
  table.cells.resize(static_cast<std::size_t>(cells));
  table.columns.resize(columns.size());
  for (int64_t i = 0; i < cells; ++i) {
    if (i == 0 || labels[i].target != labels[i - 1].target) table.rows.push_back(0);
    Contingency::Cell& cell = table.cells[static_cast<std::size_t>(i)];
    cell = {static_cast<int32_t>(table.rows.size() - 1), columns[labels[i].pred], as_number(count(i))};
    table.rows.back() += cell.count;
    table.columns[static_cast<std::size_t>(cell.column)] += cell.count;
  }
  for (const double row : table.rows) table.all += row;
  return table;
}

template <class N>
Contingency table_of(const Cells<N>& cells) {
  return table_of(
      cells.labels.data(), [&](int64_t i) { return cells.counts[static_cast<std::size_t>(i)]; },
      static_cast<int64_t>(cells.labels.size()));
}

Contingency gathered_here(const States& states) {
  const KeptPairs<int64_t> counts(states);
  const KeptPairs<DoubleDouble> weights(states);
  if (weights.rows() == 0) {
    if (!counts.are_cells()) return table_of(counts.cells());
    return table_of(
        counts.labels(), [&](int64_t i) { return counts.count(i); }, counts.rows());
  }
  struct Both {
    const LabelPair *first, *second;
    int64_t split;
    LabelPair operator[](int64_t row) const { return row < split ? first[row] : second[row - split]; }
  };
  const int64_t split = counts.rows();
  const auto weight = [&](int64_t row) {
    return row < split ? as_weight(counts.count(row)) : weights.count(row - split);
  };
  return table_of(
      counted<DoubleDouble>(Both{counts.labels(), weights.labels(), split}, weight, split + weights.rows()));
}

// ---- state dicts ----------------------------------------------------------------------------------------------------

/// Throws StateMisfit for pairs that have not come from updates.
template <class N>
void require_pairs(const States& states) {
  const State& pairs = states[KeptPairs<N>::pairs_of];
  const State& numbers = states[KeptPairs<N>::numbers_of];
  require_equal_rows(states, {KeptPairs<N>::pairs_of, KeptPairs<N>::numbers_of});
  if (pairs.rows() == 0) return;
  const auto require_shape = [](const State& state, bool fits) {
    if (fits && state.tensor().scalar_type() == at::kLong) return;
    throw StateMisfit(state.name(), c10::str("no table has ", state.tensor().scalar_type(), state.tensor().sizes()));
  };
  require_shape(pairs, pairs.tensor().dim() == 2 && pairs.tensor().size(1) == 2);
  require_shape(numbers, KeptPairs<N>::weighted ? numbers.tensor().dim() == 2 && numbers.tensor().size(1) == 2
                                                : numbers.tensor().dim() == 1);
  const KeptPairs<N> kept(states);
  for (int64_t row = 0; row < kept.rows(); ++row) {
    const double number = as_number(kept.count(row));
    if (number > 0 && number <= std::numeric_limits<double>::max()) continue;
    throw StateMisfit(numbers.name(), "holds a number that is no count of what occurs");
  }
}

void check_labels(const char* input, const Tensor& labels) {
  const bool integers = at::isIntegralType(labels.scalar_type(), /*includeBool=*/true);
  if (integers && labels.dim() == 1) return;
  std::ostringstream message;
  message << "input `" << input << "`: expected labels, integers [N], got " << labels.scalar_type() << labels.sizes();
  throw InvalidArgument(message.str());
}

}  // namespace

Contingency contingency_of(const Tensor& preds, const Tensor& target, const Weights& weights) {
  return with_rows(preds, target, weights, [&](const auto& labels, const auto& counts, auto number) {
    return table_of(counted<decltype(number)>(labels, counts, preds.size(0)));
  });
}

namespace label_pairs {

void declare(States& states) {
  states.add(std::vector<std::string>{"preds", "target"}, Reduction::Cat);
  for (const char* name : {counts_name, weighted_name, weights_name}) states.add(name, Reduction::Cat);
  states.add(cells_name, Reduction::Max, at::zeros({}, at::kDouble));
}

void check(const Tensor& preds, const Tensor& target) {
  check_labels("preds", preds);
  check_labels("target", target);
  if (preds.sizes() == target.sizes()) return;
  std::ostringstream message;
  message << "inputs `preds` and `target` must have the same shape, got " << preds.sizes() << " and " << target.sizes();
  throw InvalidArgument(message.str());
}

void update(States& states, const Tensor& preds, const Tensor& target, const Weights& weights) {
  if (preds.size(0) == 0) return;
  with_rows(preds, target, weights, [&](const auto& labels, const auto& counts, auto number) {
    fold_in<decltype(number)>(states, labels, counts, preds.size(0));
  });
}

void merge(States& into, const States& from) {
  const int64_t most = std::max(most_rows(into), most_rows(from));
  make_room<int64_t>(into, from[labels_name].rows(), most);
  make_room<DoubleDouble>(into, from[weighted_name].rows(), most);
}

void show_as_torchmetrics(States& states) {
  require_pairs<int64_t>(states);
  require_pairs<DoubleDouble>(states);
  const KeptPairs<int64_t> kept(states);
  int64_t all = 0;
  for (int64_t row = 0; row < kept.rows() && all <= most_shown; ++row) {
    all = kept.count(row) > most_shown ? most_shown + 1 : all + kept.count(row);
  }
  State& shown = states[labels_name];
  if (states[weighted_name].rows() > 0 || all > most_shown) return shown.reset(states.device());
  if (all == kept.rows()) return;
  Tensor rows = of_integers({all, 2});
  auto* to = reinterpret_cast<LabelPair*>(rows.mutable_data_ptr<int64_t>());
  for (int64_t row = 0; row < kept.rows(); ++row) to = std::fill_n(to, kept.count(row), kept.labels()[row]);
  shown.assign(rows.to(states.device()), {}, {});
}

void complete_from_torchmetrics(States& states) {
  State& rows = states[labels_name];
  if (rows.rows() == 0) return;
  require_integer_rows(rows);
  if (rows.tensor().dim() != 2) {
    throw StateMisfit(rows.name(),
                      c10::str("expected one label a sample, got rows of shape ", rows.tensor().sizes().slice(2)));
  }
  if (rows.tensor().scalar_type() != at::kLong) rows.assign(rows.tensor().to(at::kLong), {}, {});
  states[counts_name].append(at::ones({rows.rows()}, rows.tensor().options()));
  if (rows.rows() > least_rows) make_equal_ones_one<int64_t>(states);
}

Contingency gathered(const States& states) {
  Contingency table = gathered_here(states);
  table.device = states.device();
  return table;
}

}  // namespace label_pairs

}  // namespace metrics::families
