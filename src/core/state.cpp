#include <metrics/core/errors.h>
#include <metrics/core/state.h>

#include <ATen/ops/add.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/isfinite.h>
#include <ATen/ops/maximum.h>
#include <ATen/ops/minimum.h>
#include <ATen/ops/where.h>
#include <ATen/ops/zeros_like.h>
#include <c10/core/GradMode.h>
#include <c10/core/InferenceMode.h>

#include <algorithm>
#include <cstring>
#include <sstream>
#include <utility>

namespace metrics {

namespace {

/// The form in which a state is kept: sums and means of floating point in float64, sums of integers in int64.
Tensor kept_form(const Tensor& initial, Reduction reduction) {
  const bool floating = initial.is_floating_point();
  if (reduction == Reduction::Mean || (reduction == Reduction::Sum && floating)) return initial.to(at::kDouble);
  if (reduction == Reduction::Sum && !initial.is_complex()) return initial.to(at::kLong);
  return initial;
}

/// sum, error = a + b exactly, element by element (Knuth's two-sum); where the sum is not finite the error is zero.
std::pair<Tensor, Tensor> two_sum(const Tensor& a, const Tensor& b) {
  const Tensor sum = a.add(b);
  const Tensor b_part = sum.sub(a);
  const Tensor error = a.sub(sum.sub(b_part)).add(b.sub(b_part));
  return {sum, at::where(at::isfinite(sum), error, at::zeros_like(error))};
}

bool needs_gradients(const Tensor& value) {
  return at::GradMode::is_enabled() && value.requires_grad();
}

Tensor own_copy(const Tensor& tensor) {
  return tensor.defined() ? tensor.detach().clone() : Tensor();
}

}  // namespace

std::string_view to_string(Reduction reduction) {
  switch (reduction) {
    case Reduction::Sum:
      return "sum";
    case Reduction::Mean:
      return "mean";
    case Reduction::Min:
      return "min";
    case Reduction::Max:
      return "max";
    case Reduction::Cat:
      return "cat";
    case Reduction::List:
      return "list";
    case Reduction::Own:
      return "own";
  }
  return "?";
}

at::ScalarType unified_dtype(at::ScalarType a, at::ScalarType b, std::string_view state) {
  if (a == b) return a;
  const bool a_integral = at::isIntegralType(a, /*includeBool=*/true);
  const bool b_integral = at::isIntegralType(b, /*includeBool=*/true);
  if (a_integral && b_integral) return at::kLong;
  if (a_integral == b_integral && at::isComplexType(a) == at::isComplexType(b)) return at::promoteTypes(a, b);
  std::ostringstream message;
  message << "state `" << state << "` holds " << a << " and was given " << b
          << ": integers unify with integers, real numbers with real ones, complex with complex";
  throw InvalidArgument(message.str());
}

State::State(std::shared_ptr<const Declaration> declaration, at::Device device) : declaration_(std::move(declaration)) {
  for (const std::string& name : declaration_->names) (name_ += name_.empty() ? "" : " ") += name;
  reset(device);
}

State::State(const State& other)
    : declaration_(other.declaration_),
      name_(other.name_),
      value_(own_copy(other.grows() ? other.tensor() : other.value_)),
      residual_(own_copy(other.residual_)),
      rows_(other.rows_),
      item_ends_(other.item_ends_) {}

State& State::operator=(const State& other) {
  if (this != &other) *this = State(other);
  return *this;
}

State::State(const State& other, Shallow)
    : declaration_(other.declaration_),
      name_(other.name_),
      value_(other.value_),
      residual_(other.residual_),
      rows_(other.rows_),
      item_ends_(other.item_ends_) {}

State State::snapshot() const {
  return grows() ? State(*this, Shallow{}) : State(*this);
}

void State::reset(at::Device device) {
  const c10::InferenceMode no_inference(false);
  rows_ = 0;
  item_ends_.clear();
  if (grows()) {
    value_ = Tensor();
    return;
  }
  value_ = kept_form(declaration_->initial, reduction()).to(device, /*non_blocking=*/false, /*copy=*/true);
  if (reduction() == Reduction::Sum && value_.is_floating_point()) residual_ = at::zeros_like(value_);
}

void State::expect(Reduction reduction) const {
  if (this->reduction() == reduction) return;
  throw Error("state `" + name_ + "` is reduced by " + std::string(to_string(this->reduction())) + ", not by " +
              std::string(to_string(reduction)));
}

Tensor State::tensor() const {
  if (!grows()) return value_;
  return value_.defined() ? value_.narrow(0, 0, rows_) : Tensor();
}

std::vector<Tensor> State::items() const {
  expect(Reduction::List);
  std::vector<Tensor> items;
  int64_t begin = 0;
  for (int64_t end : item_ends_) {
    items.push_back(value_.narrow(0, begin, end - begin));
    begin = end;
  }
  return items;
}

int64_t* State::counts() {
  return value_.mutable_data_ptr<int64_t>();
}

DoubleDouble State::sum() const {
  return {value_.const_data_ptr<double>()[0], residual_.const_data_ptr<double>()[0]};
}

void State::add(const Tensor& value) {
  expect(Reduction::Sum);
  if (!compensated()) {
    value_.add_(value);
    return;
  }
  const Tensor addend = value.to(value_.options()).expand(value_.sizes());
  if (needs_gradients(addend) || needs_gradients(value_)) {
    value_ = value_.add(addend);
    return;
  }
  auto [sum, error] = two_sum(value_, addend);
  auto [high, low] = two_sum(sum, residual_.add(error));
  value_ = std::move(high);
  residual_ = std::move(low);
}

void State::add(const DoubleDouble& value) {
  expect(Reduction::Sum);
  if (!value_.is_cpu()) {
    add(at::empty({}, at::kDouble).fill_(value.high));
    add(at::empty({}, at::kDouble).fill_(value.low));
    return;
  }
  const DoubleDouble total = sum() + value;
  *value_.mutable_data_ptr<double>() = total.high;
  *residual_.mutable_data_ptr<double>() = total.low;
}

void State::average(const Tensor& value, int64_t updates_before) {
  expect(Reduction::Mean);
  const Tensor sample = value.to(value_.options()).expand(value_.sizes());
  const double share = 1.0 / static_cast<double>(updates_before + 1);
  value_ = updates_before == 0 ? sample.clone() : value_.add(sample.sub(value_), share);
}

void State::lower(const Tensor& value) {
  expect(Reduction::Min);
  value_ = at::minimum(value_, value.to(value_.options()));
}

void State::raise(const Tensor& value) {
  expect(Reduction::Max);
  value_ = at::maximum(value_, value.to(value_.options()));
}

void State::set(const Tensor& value) {
  expect(Reduction::Own);
  value_ = at::GradMode::is_enabled() ? value.clone() : value.detach().clone();
}

void State::append(const Tensor& rows) {
  expect(Reduction::Cat);
  append_rows(rows.dim() == 0 ? rows.unsqueeze(0) : rows);
}

void State::append_item(const Tensor& item) {
  expect(Reduction::List);
  append_rows(item.dim() == 0 ? item.unsqueeze(0) : item);
  item_ends_.push_back(rows_);
}

void State::append_rows(const Tensor& rows) {
  if (value_.defined() && value_.sizes().slice(1) != rows.sizes().slice(1)) {
    std::ostringstream message;
    message << "state `" << name_ << "` holds rows of shape " << value_.sizes().slice(1)
            << " and was given rows of shape " << rows.sizes().slice(1);
    throw InvalidArgument(message.str());
  }
  const int64_t added = rows.size(0);
  if (needs_gradients(rows) || (value_.defined() && needs_gradients(value_))) {
    value_ = value_.defined() ? at::cat({tensor(), rows}) : rows;
    rows_ += added;
    return;
  }
  const at::ScalarType dtype =
      value_.defined() ? unified_dtype(value_.scalar_type(), rows.scalar_type(), name_) : rows.scalar_type();
  reserve(rows_ + added, rows, dtype);
  if (added == 0) return;
  const Tensor source = rows.detach().resolve_conj().resolve_neg();
  if (source.is_cpu() && value_.is_cpu() && source.scalar_type() == dtype && source.is_contiguous()) {
    if (source.numel() > 0) {
      const auto bytes = static_cast<std::size_t>(source.nbytes());
      const auto row_bytes = bytes / static_cast<std::size_t>(added);
      std::memcpy(static_cast<char*>(value_.mutable_data_ptr()) + static_cast<std::size_t>(rows_) * row_bytes,
                  source.const_data_ptr(), bytes);
    }
  } else {
    value_.narrow(0, rows_, added).copy_(source);
  }
  rows_ += added;
}

void State::reserve(int64_t rows, const Tensor& like, at::ScalarType dtype) {
  if (value_.defined() && rows <= value_.size(0) && value_.scalar_type() == dtype && !value_.is_inference()) return;
  const c10::InferenceMode no_inference(false);
  const int64_t capacity = value_.defined() ? std::max(rows, 2 * rows_) : rows;
  std::vector<int64_t> shape = like.sizes().vec();
  shape[0] = capacity;
  const at::Device device = value_.defined() ? value_.device() : like.device();
  Tensor buffer = at::empty(shape, like.options().dtype(dtype).device(device).requires_grad(false));
  if (rows_ > 0) buffer.narrow(0, 0, rows_).copy_(tensor());
  value_ = std::move(buffer);
}

void State::merge(const State& other, int64_t updates, int64_t other_updates) {
  switch (reduction()) {
    case Reduction::Sum:
      add(other.value_);
      if (compensated() && !needs_gradients(value_)) add(other.residual_);
      return;
    case Reduction::Mean: {
      if (other_updates == 0) return;
      const double share = static_cast<double>(other_updates) / static_cast<double>(updates + other_updates);
      const Tensor theirs = other.value_.to(value_.options());
      value_ = updates == 0 ? theirs.clone() : value_.add(theirs.sub(value_), share);
      return;
    }
    case Reduction::Min:
      return lower(other.value_);
    case Reduction::Max:
      return raise(other.value_);
    case Reduction::Cat:
    case Reduction::List: {
      if (!other.value_.defined()) return;
      const int64_t before = rows_;
      append_rows(other.tensor());
      for (int64_t end : other.item_ends_) item_ends_.push_back(before + end);
      return;
    }
    case Reduction::Own:
      return;
  }
}

void State::detach() {
  if (!value_.defined() || !value_.requires_grad()) return;
  value_ = grows() ? tensor().detach().clone() : value_.detach();
}

void State::to(at::Device device) {
  if (value_.defined()) value_ = tensor().to(device);
  if (residual_.defined()) residual_ = residual_.to(device);
}

void State::convert_rows(at::ScalarType dtype) {
  if (grows() && value_.defined() && value_.is_floating_point()) value_ = tensor().to(dtype);
}

void State::assign(Tensor value, Tensor residual, std::vector<int64_t> item_ends) {
  rows_ = grows() && value.defined() ? value.size(0) : 0;
  value_ = std::move(value);
  residual_ = std::move(residual);
  item_ends_ = std::move(item_ends);
}

void States::add(std::string name, Reduction reduction, Tensor initial) {
  add(std::vector<std::string>{std::move(name)}, reduction, std::move(initial));
}

void States::add(std::vector<std::string> names, Reduction reduction, Tensor initial) {
  const bool grows = reduction == Reduction::Cat || reduction == Reduction::List;
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
    throw InvalidArgument("state `" + names.front() + "`: a " + std::string(to_string(reduction)) + " state " +
                          (grows ? "begins empty and takes no default" : "needs a default"));
  }
  if (!grows && names.size() > 1 && (initial.dim() == 0 || initial.size(0) != static_cast<int64_t>(names.size()))) {
    throw InvalidArgument("state `" + names.front() + "`: a packed default needs one row for each of its " +
                          std::to_string(names.size()) + " names");
  }
  if (initial.defined()) initial = initial.detach().clone(at::MemoryFormat::Contiguous);
  states_.emplace_back(
      std::make_shared<const State::Declaration>(State::Declaration{std::move(names), reduction, std::move(initial)}),
      device_);
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

void States::merge(const States& other) {
  if (other.size() != size()) throw InvalidArgument("states of different metrics cannot be merged");
  for (std::size_t i = 0; i < size(); ++i) {
    states_[i].merge(other.states_[i], update_count_, other.update_count_);
  }
  update_count_ += other.update_count_;
}

void States::reset() {
  for (State& state : states_) state.reset(device_);
  update_count_ = 0;
}

void States::detach() {
  for (State& state : states_) state.detach();
}

void States::to(at::Device device) {
  for (State& state : states_) state.to(device);
  device_ = device;
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
