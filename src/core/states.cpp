// The states of a metric: which there are, what holds of all of them together, and the way back from a failed update.

#include "kernels/plain_tensor.h"
#include "reductions.h"
#include <metrics/core/errors.h>
#include <metrics/core/state.h>
#include <metrics/core/weights.h>

#include <ATen/ops/as_strided.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/ones.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace metrics {

using kernels::own_copy;

namespace {

constexpr std::size_t much_memory = std::size_t{1} << 20;

/// The default as it is kept: one number for many where the caller says so, by a tensor expanded from one.
Tensor kept_default(const Tensor& initial) {
  const auto strides = initial.strides();
  const bool repeats = std::all_of(strides.begin(), strides.end(), [](int64_t stride) { return stride == 0; });
  if (!repeats || initial.dim() == 0 || initial.nbytes() < much_memory) return own_copy(initial);
  return own_copy(initial.as_strided({}, {})).expand(initial.sizes());
}

}  // namespace

void States::add(std::vector<std::string> names, Reduction reduction, Tensor initial, ShapeFrom shape) {
  const ReductionRules& rules = rules_of(reduction);
  const bool grows = rules.grows;
  for (const std::string& name : names) {
    const bool taken = std::any_of(begin(), end(), [&](const State& state) {
      return std::find(state.names().begin(), state.names().end(), name) != state.names().end();
    });
    if (taken) throw InvalidArgument("state `" + name + "` is declared twice");
    if (name.empty() || name.find_first_of(" .") != std::string::npos) {
      throw InvalidArgument("state name `" + name + "`: expected a name without spaces and dots");
    }
  }
  if (names.empty()) throw InvalidArgument("a state needs a name");
  if (grows == initial.defined()) {
    throw InvalidArgument("state `" + names.front() + "`: a " + std::string(rules.name) + " state " +
                          (grows ? "begins empty and takes no default" : "needs a default"));
  }
  if (names.size() > 1 && reduction == Reduction::List) {
    throw InvalidArgument("state `" + names.front() + "`: a list state cannot be packed");
  }
  if (!grows && names.size() > 1 && (initial.dim() == 0 || initial.size(0) != static_cast<int64_t>(names.size()))) {
    throw InvalidArgument("state `" + names.front() + "`: a packed default needs one row for each of its " +
                          std::to_string(names.size()) + " names");
  }
  if (shape == ShapeFrom::Data && (reduction != Reduction::Sum || names.size() > 1 || initial.dim() > 0)) {
    throw InvalidArgument("state `" + names.front() + "`: only one sum with a scalar default takes the data's shape");
  }
  if (initial.defined()) initial = kept_default(rules.kept_form(initial.detach()));
  const bool counts = reduction == Reduction::Sum && at::isIntegralType(initial.scalar_type(), /*includeBool=*/true);
  std::string joined;
  for (const std::string& name : names) (joined += joined.empty() ? "" : " ") += name;
  states_.emplace_back(std::make_shared<const State::Declaration>(State::Declaration{
                           std::move(joined), std::move(names), reduction, grows, counts, std::move(initial), shape}),
                       device_);
}

void States::add_row_weights() {
  add("sample_weight", Reduction::Cat);
  State& weights = states_.back();
  State::Declaration declaration = *weights.declaration_;
  declaration.weighs_rows = true;
  weights = State(std::make_shared<const State::Declaration>(std::move(declaration)), device_);
}

const State* States::row_weights() const {
  const auto found = std::find_if(begin(), end(), [](const State& state) { return state.weighs_rows(); });
  return found == end() ? nullptr : &*found;
}

int64_t States::weighed_rows() const {
  const auto kept = std::find_if(begin(), end(), [](const State& state) { return state.grows(); });
  if (kept == end()) return 0;
  return kept->reduction() == Reduction::List ? static_cast<int64_t>(kept->item_ends().size()) : kept->rows();
}

void States::fill_row_weights() {
  State* const weights = row_weights();
  if (weights == nullptr || weights->rows() >= weighed_rows()) return;
  weights->append(at::ones({weighed_rows() - weights->rows()}, at::TensorOptions(at::kDouble).device(device_)));
}

void States::weigh_rows(const Weights& weights) {
  const int64_t kept = weighed_rows(), rows = weights.rows();
  if (kept == 0) return;
  if (rows == 0 || kept % rows != 0) {
    throw InvalidArgument("Rows.weights: " + std::to_string(rows) + " rows have weights, of which " +
                          std::to_string(kept) + " are kept; expected as many of each");
  }
  const Tensor of_rows = weights.tensor().to(at::TensorOptions(at::kDouble).device(device_));
  row_weights()->append(kept == rows ? of_rows : of_rows.repeat_interleave(kept / rows));
}

Tensor States::filled_row_weights() const {
  const State& weights = *row_weights();
  const Tensor ones = at::ones({weighed_rows() - weights.rows()}, at::TensorOptions(at::kDouble).device(device_));
  return weights.rows() == 0 ? ones : at::cat({weights.tensor(), ones});
}

const State& States::operator[](std::string_view name) const {
  for (const State& state : states_) {
    if (state.names().front() == name || state.name() == name) return state;
  }
  throw InvalidArgument("there is no state `" + std::string(name) + "`");
}

State& States::operator[](std::string_view name) {
  return const_cast<State&>(std::as_const(*this)[name]);
}

States States::fresh() const {
  States neutral;
  neutral.device_ = device_;
  neutral.dtype_ = dtype_;
  neutral.states_.reserve(states_.size());
  for (const State& state : states_) neutral.states_.push_back(state.fresh(device_));
  return neutral;
}

States States::snapshot() const {
  States copy;
  copy.device_ = device_;
  copy.dtype_ = dtype_;
  copy.update_count_ = update_count_;
  copy.states_.reserve(states_.size());
  for (const State& state : states_) copy.states_.push_back(state.snapshot());
  return copy;
}

std::vector<State> States::take_snapshots() {
  std::vector<State> snapshots = std::exchange(memory_.snapshots, {});
  const std::size_t known = std::min(snapshots.size(), size());
  snapshots.erase(snapshots.begin() + static_cast<std::ptrdiff_t>(known), snapshots.end());
  snapshots.reserve(size());
  for (std::size_t i = 0; i < known; ++i) states_[i].snapshot_into(snapshots[i]);
  for (std::size_t i = known; i < size(); ++i) snapshots.push_back(states_[i].snapshot());
  return snapshots;
}

void States::keep_memory(std::vector<State> snapshots) noexcept {
  for (State& snapshot : snapshots) {
    if (!snapshot.grows() && snapshot.value_.nbytes() <= much_memory) continue;
    snapshot.value_ = Tensor();
    snapshot.residual_ = Tensor();
    snapshot.item_ends_.reset();
  }
  memory_.snapshots = std::move(snapshots);
}

void States::Attempt::take_back() noexcept {
  std::vector<State>& states = states_->states_;
  for (std::size_t i = 0; i < std::min(states.size(), before_.size()); ++i) {
    std::swap(before_[i].spare_, states[i].spare_);  // memory without rows, of which there is nothing to take back
  }
  states.swap(before_);
  states_->update_count_ = update_count_;
  states_->device_ = device_;
  states_->dtype_ = dtype_;
}

void States::merge(const States& other) {
  if (other.size() != size()) throw InvalidArgument("states of different metrics cannot be merged");
  const State* const weights = row_weights();
  const bool weighs = weights != nullptr && (weights->is_weighted() || other.row_weights()->is_weighted());
  if (weighs) fill_row_weights();
  for (std::size_t i = 0; i < size(); ++i) {
    if (weighs && &states_[i] == weights) {
      states_[i].append(other.filled_row_weights());
      continue;
    }
    states_[i].merge(other.states_[i], update_count_, other.update_count_);
  }
  update_count_ += other.update_count_;
}

void States::weigh() {
  for (State& state : states_) state.weigh();
}

bool States::can_be_scaled() const {
  return std::all_of(begin(), end(),
                     [](const State& state) { return rules_of(state.reduction()).weighted != UnderWeights::Unknown; });
}

void States::scale(int64_t times) {
  for (State& state : states_) state.scale(times);
}

void States::scale(double weight) {
  for (State& state : states_) state.scale(weight);
}

void States::reset() {
  for (State& state : states_) state.reset(device_);
  update_count_ = 0;
}

void States::take_memory(States& from) {
  if (from.size() != size()) return;
  for (std::size_t i = 0; i < size(); ++i) states_[i].take_memory(from.states_[i]);
}

void States::detach() {
  for (State& state : states_) state.detach();
}

void States::to(at::Device device) {
  // A device without an index is the current one: tensors know which, and inputs are compared with it.
  const at::Device exact = at::empty({0}, at::TensorOptions(device)).device();
  for (State& state : states_) state.to(exact);
  device_ = exact;
}

void States::move_growing_to_cpu() {
  for (State& state : states_) {
    if (state.grows()) state.to(at::kCPU);
  }
}

void States::set_dtype(at::ScalarType dtype) {
  for (State& state : states_) state.convert_rows(dtype);
  dtype_ = dtype;
}

}  // namespace metrics
