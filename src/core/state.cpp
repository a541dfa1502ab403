#include "failing_write.h"
#include "kernels/large_pages.h"
#include "kernels/pairs/exact_products.h"
#include "kernels/plain_tensor.h"
#include "kernels/streamed_copy.h"
#include "reductions.h"
#include <metrics/core/autograd_scope.h>
#include <metrics/core/errors.h>
#include <metrics/core/state.h>
#include <metrics/core/weights.h>

#include <ATen/EmptyTensor.h>
#include <ATen/ops/add.h>
#include <ATen/ops/as_strided.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/count_nonzero.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/from_blob.h>
#include <ATen/ops/full.h>
#include <ATen/ops/full_like.h>
#include <ATen/ops/isfinite.h>
#include <ATen/ops/maximum.h>
#include <ATen/ops/minimum.h>
#include <ATen/ops/where.h>
#include <ATen/ops/zeros_like.h>

#include <algorithm>
#include <atomic>
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <numeric>
#include <sstream>
#include <tuple>
#include <utility>

namespace metrics {

using kernels::is_plain;
using kernels::own_copy;

namespace {

bool same_kind(const Tensor& a, const Tensor& b) {
  return a.scalar_type() == b.scalar_type() && a.sizes() == b.sizes();
}

/// sum, error = a + b exactly, element by element (Knuth's two-sum); where the sum is not finite the error is zero.
std::pair<Tensor, Tensor> two_sum(const Tensor& a, const Tensor& b) {
  const Tensor sum = a.add(b);
  const Tensor b_part = sum.sub(a);
  const Tensor error = a.sub(sum.sub(b_part)).add(b.sub(b_part));
  return {sum, at::where(at::isfinite(sum), error, at::zeros_like(error))};
}

/// Integers as float64 numbers and what these lack to be exact.
std::pair<Tensor, Tensor> split(const Tensor& integers) {
  const AutogradScope scope;
  const Tensor here = own_copy(integers.to(at::kCPU, at::kLong));
  Tensor high(at::detail::empty_cpu(here.sizes(), at::kDouble));
  Tensor low(at::detail::empty_cpu(here.sizes(), at::kDouble));
  const auto* const numbers = here.const_data_ptr<int64_t>();
  auto* const highs = high.mutable_data_ptr<double>();
  auto* const lows = low.mutable_data_ptr<double>();
  for (int64_t i = 0; i < here.numel(); ++i) {
    const DoubleDouble number = double_double_of(numbers[i]);
    highs[i] = number.high;
    lows[i] = number.low;
  }
  return {high.to(integers.device()), low.to(integers.device())};
}

Tensor moved_to(const Tensor& tensor, at::Device device) {
  return tensor.device() == device ? tensor : tensor.to(device);
}

/// `value` with the dtype, device and shape of `like`.
Tensor matched(const Tensor& value, const Tensor& like) {
  if (same_kind(value, like) && value.device() == like.device()) return value;
  return value.to(like.options()).expand(like.sizes());
}

bool needs_gradients(const Tensor& value) {
  return at::GradMode::is_enabled() && value.requires_grad();
}

bool is_lower(double value, double held) {
  return value < held || std::isnan(value);  // where NaN is held nothing is lower, so that it stays
}
bool is_higher(double value, double held) {
  return value > held || std::isnan(value);
}

/// Whether float64 numbers can be replaced where they lie.
bool can_be_replaced(const Tensor& held) {
  return is_plain(held) && held.scalar_type() == at::kDouble && !held.requires_grad();
}

/// Puts a number in place of the one that is held where it is better. Returns whether such a number is held.
template <class Better>
bool replace_number(const Tensor& held, double value, Better better) {
  if (!can_be_replaced(held) || held.numel() != 1) return false;
  auto* const number = held.mutable_data_ptr<double>();
  if (better(value, *number)) *number = value;
  return true;
}

/// The same number by number.
template <class Better>
bool replace_numbers(const Tensor& held, const Tensor& values, Better better) {
  if (!can_be_replaced(held) || !can_be_replaced(values) || held.sizes() != values.sizes()) return false;
  auto* const numbers = held.mutable_data_ptr<double>();
  const auto* const given = values.const_data_ptr<double>();
  for (int64_t i = 0; i < held.numel(); ++i) {
    if (better(given[i], numbers[i])) numbers[i] = given[i];
  }
  return true;
}

/// A tensor of its own with the numbers of a default. Of many zeros the system makes those that are touched.
Tensor copy_of_default(const Tensor& initial) {
  if (initial.is_contiguous() || !initial.is_cpu() || initial.as_strided({}, {}).count_nonzero().item<int64_t>() > 0) {
    return own_copy(initial);
  }
  void* const zeros = std::calloc(initial.nbytes(), 1);
  if (zeros == nullptr) {
    throw Error("there is no memory for a state of " + std::to_string(initial.nbytes()) + " bytes");
  }
  return at::from_blob(zeros, initial.sizes(), [](void* memory) { std::free(memory); }, initial.options());
}

/// Copies into the memory of a copy that nobody else sees, where that has the form.
void copy_into(Tensor& copy, const Tensor& tensor) {
  const bool fits = copy.defined() && tensor.defined() && copy.is_cpu() && same_kind(copy, tensor) && is_plain(tensor);
  if (!fits) {
    copy = own_copy(tensor);
  } else if (tensor.nbytes() > 0) {
    std::memcpy(copy.mutable_data_ptr(), tensor.const_data_ptr(), tensor.nbytes());
  }
}

/// How many threads have a FailingWrite. Others pay for them a look at this, in calls that take much longer.
std::atomic<int> failing_threads{0};
thread_local int64_t writes_to_failure = 0;  // 0: none fails, or the one that was to has come

[[gnu::noinline]] void count_write(const std::string& state) {
  if (writes_to_failure == 0 || --writes_to_failure > 0) return;
  throw Error("state `" + state + "`: this write was to fail, for a test");
}

void about_to_write(const State& state) {
  if (failing_threads.load(std::memory_order_relaxed) > 0) count_write(state.name());
}

Tensor zeros_beside(const Tensor& tensor) {
  const AutogradScope scope;
  if (!tensor.is_cpu()) return at::zeros_like(tensor);
  Tensor zeros(at::detail::empty_cpu(tensor.sizes(), tensor.scalar_type()));
  if (zeros.nbytes() > 0) std::memset(zeros.mutable_data_ptr(), 0, zeros.nbytes());
  return zeros;
}

}  // namespace

testing::FailingWrite::FailingWrite(int64_t n) {
  failing_threads.fetch_add(1);
  writes_to_failure = n;
}

testing::FailingWrite::~FailingWrite() {
  writes_to_failure = 0;
  failing_threads.fetch_sub(1);
}

bool testing::FailingWrite::has_come() const {
  return writes_to_failure == 0;
}

Tensor kernels::own_copy(const Tensor& tensor) {
  if (!tensor.defined()) return {};
  const AutogradScope scope;
  if (!is_plain(tensor)) return tensor.detach().clone(at::MemoryFormat::Contiguous);
  Tensor copy(at::detail::empty_cpu(tensor.sizes(), tensor.scalar_type()));
  if (tensor.nbytes() > 0) std::memcpy(copy.mutable_data_ptr(), tensor.const_data_ptr(), tensor.nbytes());
  return copy;
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
  reset(device);
}

State::State(const State& other)
    : declaration_(other.declaration_),
      value_(own_copy(other.tensor())),
      residual_(own_copy(other.residual_)),
      rows_(other.rows_),
      items_(other.items_),
      row_dtype_(other.row_dtype_) {
  const std::span<const int64_t> ends = other.item_ends();
  if (!ends.empty()) item_ends_ = std::make_shared<std::vector<int64_t>>(ends.begin(), ends.end());
}

State& State::operator=(const State& other) {
  if (this != &other) *this = State(other);
  return *this;
}

State::State(const State& other, Shallow)
    : declaration_(other.declaration_),
      value_(other.value_),
      rows_(other.rows_),
      is_buffer_own_(other.is_buffer_own_),
      item_ends_(other.item_ends_),
      items_(other.items_),
      row_dtype_(other.row_dtype_) {}

const ReductionRules& State::rules() const {
  return rules_of(reduction());
}

State State::snapshot() const {
  return grows() ? State(*this, Shallow{}) : State(*this);
}

void State::snapshot_into(State& kept) const {
  if (grows()) {
    kept.value_ = value_;
    kept.residual_ = Tensor();
    kept.item_ends_ = item_ends_;
  } else {
    copy_into(kept.value_, value_);
    copy_into(kept.residual_, residual_);
    kept.item_ends_.reset();
  }
  if (kept.declaration_ != declaration_) kept.declaration_ = declaration_;
  kept.rows_ = rows_;
  kept.is_buffer_own_ = grows() && is_buffer_own_;
  kept.items_ = items_;
  kept.row_dtype_ = row_dtype_;
}

State State::fresh(at::Device device) const {
  State neutral(declaration_, device);
  neutral.row_dtype_ = row_dtype_;
  return neutral;
}

void State::reset(at::Device device) {
  rows_ = 0;
  item_ends_.reset();
  items_ = 0;
  if (grows()) return let_go_of_buffer();
  const AutogradScope scope;
  value_ = copy_of_default(moved_to(initial(), device));
  residual_ = rules().compensated && value_.is_floating_point() ? zeros_beside(value_) : Tensor();
}

/// Keeps the buffer as the spare one where nobody else sees it.
void State::let_go_of_buffer() {
  const Tensor buffer = std::exchange(value_, Tensor());
  const bool own = std::exchange(is_buffer_own_, false);
  if (!own || !buffer.is_cpu() || buffer.use_count() != 1 || buffer.storage().use_count() != 1) return;
  // Whoever saw it may have let go in another thread just now: to let go of one more holder comes after that.
  std::optional<c10::Storage>(buffer.storage()).reset();
  if (kernels::leave_to_system(buffer.mutable_data_ptr(), buffer.nbytes())) spare_ = buffer;
}

void State::take_memory(State& from) {
  if (!grows() || rows_ > 0) return;
  from.rows_ = 0;
  from.let_go_of_buffer();
  if (from.spare_.defined()) spare_ = std::exchange(from.spare_, Tensor());
}

void State::expect(Reduction reduction) const {
  if (this->reduction() == reduction) return;
  throw Error("state `" + name() + "` is reduced by " + std::string(rules().name) + ", not by " +
              std::string(rules_of(reduction).name) + ": data is folded in by `" + std::string(rules().fold) + "`");
}

void State::require_floating_sum() const {
  if (!compensated()) throw Error("state `" + name() + "` is a sum of integers, and was given a floating one");
}

Tensor State::tensor() const {
  if (!grows()) return value_;
  return value_.defined() ? value_.narrow(0, 0, rows_) : Tensor();
}

std::vector<Tensor> State::items() const {
  expect(Reduction::List);
  std::vector<Tensor> items;
  int64_t begin = 0;
  for (int64_t end : item_ends()) {
    items.push_back(value_.narrow(0, begin, end - begin));
    begin = end;
  }
  return items;
}

std::span<const int64_t> State::item_ends() const {
  return items_ == 0 ? std::span<const int64_t>() : std::span<const int64_t>(item_ends_->data(), items_);
}

Tensor& State::tensor_to_write() {
  if (grows()) throw Error("state `" + name() + "` grows: what it holds is not written to again");
  about_to_write(*this);
  return value_;
}

int64_t* State::counts() {
  if (!value_.is_cpu()) throw Error("state `" + name() + "` is not on the CPU: its counts cannot be written directly");
  if (is_weighted()) throw Error("state `" + name() + "` has counts of weighted rows, which are no integers");
  return tensor_to_write().mutable_data_ptr<int64_t>();
}

State::Sums State::sums() {
  require_floating_sum();
  if (!value_.is_cpu()) throw Error("state `" + name() + "` is not on the CPU: its sums cannot be written directly");
  return {tensor_to_write().mutable_data_ptr<double>(), residual_.mutable_data_ptr<double>()};
}

DoubleDouble State::sum() const {
  return {value_.const_data_ptr<double>()[0], residual_.const_data_ptr<double>()[0]};
}

/// Gives a sum whose shape is the data's, and still open, the shape of data. A scalar that is not 0 is data itself.
void State::take_shape(at::IntArrayRef sizes) {
  if (declaration_->shape != ShapeFrom::Data || sizes.empty() || value_.sizes() == sizes) return;
  if (value_.dim() > 0 || value_.detach().to(at::kDouble).item<double>() != 0) {
    std::ostringstream message;
    message << "state `" << name() << "` holds a sum of shape " << value_.sizes() << " and was given shape " << sizes;
    throw InvalidArgument(message.str());
  }
  const auto expanded = [sizes](const Tensor& number) {
    return number.defined() ? number.expand(sizes).clone(at::MemoryFormat::Contiguous) : Tensor();
  };
  Tensor value = expanded(value_), residual = expanded(residual_);
  value_ = std::move(value);
  residual_ = std::move(residual);
}

void State::add(const Tensor& value) {
  expect(Reduction::Sum);
  about_to_write(*this);
  take_shape(value.sizes());
  if (!compensated()) {
    if (value_.scalar_type() != at::kLong || !same_kind(value_, value) || !is_plain(value_) || !is_plain(value)) {
      value_.add_(value);
      return;
    }
    const int64_t* addend = value.const_data_ptr<int64_t>();
    int64_t* sum = value_.mutable_data_ptr<int64_t>();
    for (int64_t i = 0; i < value.numel(); ++i) sum[i] = wrapping_sum(sum[i], addend[i]);
    return;
  }
  if (is_weighted() && at::isIntegralType(value.scalar_type(), /*includeBool=*/true)) {
    const auto [high, low] = split(value.to(value_.device()).expand(value_.sizes()));
    return add_compensated(high, low);
  }
  const Tensor addend = matched(value, value_);
  if (needs_gradients(addend) || needs_gradients(value_)) {
    value_ = value_.add(addend);
    return;
  }
  add_compensated(addend, {});
}

void State::add_compensated(const Tensor& high, const Tensor& low) {
  if (!is_plain(value_) || !is_plain(residual_)) {
    auto [sum, error] = two_sum(value_, high);
    const Tensor rest = low.defined() ? residual_.add(low).add(error) : residual_.add(error);
    std::tie(value_, residual_) = two_sum(sum, rest);
    return;
  }
  const Tensor plain_high = is_plain(high) ? high : own_copy(high);
  const Tensor plain_low = !low.defined() || is_plain(low) ? low : own_copy(low);
  const double* highs = plain_high.const_data_ptr<double>();
  const double* lows = plain_low.defined() ? plain_low.const_data_ptr<double>() : nullptr;
  double* sums = value_.mutable_data_ptr<double>();
  double* residuals = residual_.mutable_data_ptr<double>();
  for (int64_t i = 0; i < value_.numel(); ++i) {
    const DoubleDouble addend{highs[i], lows == nullptr ? 0 : lows[i]};
    const DoubleDouble total = DoubleDouble{sums[i], residuals[i]} + addend;
    sums[i] = total.high;
    residuals[i] = total.low;
  }
}

void State::add(const DoubleDouble& value) {
  add_all({{*this, value}});
}

void State::add(std::span<const DoubleDouble> values) {
  expect(Reduction::Sum);
  require_floating_sum();
  if (static_cast<int64_t>(values.size()) != value_.numel()) {
    throw Error("state `" + name() + "` holds " + std::to_string(value_.numel()) + " sums and was given " +
                std::to_string(values.size()));
  }
  about_to_write(*this);
  const bool is_here = is_plain(value_) && is_plain(residual_);
  const auto kept = [](const Tensor& like) { return at::empty(like.sizes(), at::TensorOptions(at::kDouble)); };
  const Tensor high = is_here ? value_ : kept(value_);
  const Tensor low = is_here ? residual_ : kept(residual_);
  auto* const highs = high.mutable_data_ptr<double>();
  auto* const lows = low.mutable_data_ptr<double>();
  for (std::size_t i = 0; i < values.size(); ++i) {
    const DoubleDouble sum = is_here ? DoubleDouble{highs[i], lows[i]} + values[i] : values[i];
    highs[i] = sum.high;
    lows[i] = sum.low;
  }
  if (!is_here) add_compensated(matched(high, value_), matched(low, value_));
}

void State::add(const Tensor& high, const Tensor& low) {
  expect(Reduction::Sum);
  require_floating_sum();
  about_to_write(*this);
  take_shape(high.sizes());
  add_compensated(matched(high, value_), matched(low, value_));
}

void State::add_all(std::initializer_list<Addend> addends) {
  for (const auto& [state, value] : addends) {
    state.expect(Reduction::Sum);
    state.require_floating_sum();
    about_to_write(state);
  }
  for (const auto& [state, value] : addends) {
    if (!state.value_.is_cpu()) {
      const auto options = state.value_.options();
      state.add_compensated(at::full({}, value.high, options), at::full({}, value.low, options));
      continue;
    }
    const DoubleDouble total = state.sum() + value;
    *state.value_.mutable_data_ptr<double>() = total.high;
    *state.residual_.mutable_data_ptr<double>() = total.low;
  }
}

void State::average(const Tensor& value, int64_t updates_before) {
  expect(Reduction::Mean);
  about_to_write(*this);
  const Tensor sample = matched(value, value_);
  const double share = 1.0 / static_cast<double>(updates_before + 1);
  value_ = updates_before == 0 ? sample.clone() : value_.add(sample.sub(value_), share);
}

void State::lower(const Tensor& value) {
  expect(Reduction::Min);
  about_to_write(*this);
  if (!replace_numbers(value_, value, is_lower)) value_ = at::minimum(value_, matched(value, value_));
}

void State::lower(double value) {
  expect(Reduction::Min);
  about_to_write(*this);
  if (!replace_number(value_, value, is_lower)) value_ = at::minimum(value_, at::full_like(value_, value));
}

void State::raise(const Tensor& value) {
  expect(Reduction::Max);
  about_to_write(*this);
  if (!replace_numbers(value_, value, is_higher)) value_ = at::maximum(value_, matched(value, value_));
}

void State::raise(double value) {
  expect(Reduction::Max);
  about_to_write(*this);
  if (!replace_number(value_, value, is_higher)) value_ = at::maximum(value_, at::full_like(value_, value));
}

void State::set(const Tensor& value) {
  expect(Reduction::Own);
  about_to_write(*this);
  const Tensor here = moved_to(value, value_.device());
  value_ = needs_gradients(here) ? here.clone() : own_copy(here);
}

void State::append(const Tensor& rows) {
  expect(Reduction::Cat);
  about_to_write(*this);
  append_rows(rows.dim() == 0 ? rows.unsqueeze(0) : rows);
}

void State::append_item(const Tensor& item) {
  expect(Reduction::List);
  about_to_write(*this);
  append_rows(item.dim() == 0 ? item.unsqueeze(0) : item);
  append_item_end(rows_);
}

void State::append_items(const Tensor& rows, std::span<const int64_t> sizes) {
  expect(Reduction::List);
  if (rows.dim() == 0 || std::accumulate(sizes.begin(), sizes.end(), int64_t{0}) != rows.size(0)) {
    std::ostringstream message;
    message << "state `" << name() << "` was given items that have not the rows of a tensor of shape " << rows.sizes();
    throw InvalidArgument(message.str());
  }
  if (sizes.empty()) return;
  about_to_write(*this);
  int64_t end = rows_;
  append_rows(rows);
  for (const int64_t size : sizes) append_item_end(end += size);
}

void State::append_item_end(int64_t end) {
  if (!item_ends_) item_ends_ = std::make_shared<std::vector<int64_t>>();
  item_ends_->resize(items_);  // what a call that was taken back has left
  item_ends_->push_back(end);
  ++items_;
}

void State::append_rows(const Tensor& given) {
  const int64_t added = given.size(0);
  const bool first = rows_ == 0;
  if (added == 0 && (value_.defined() || reduction() == Reduction::Cat)) return;
  if (!first && value_.sizes().slice(1) != given.sizes().slice(1)) {
    std::ostringstream message;
    message << "state `" << name() << "` holds rows of shape " << value_.sizes().slice(1)
            << " and was given rows of shape " << given.sizes().slice(1);
    throw InvalidArgument(message.str());
  }
  const Tensor rows = row_dtype_ && given.is_floating_point() ? given.to(*row_dtype_) : given;
  const at::ScalarType dtype =
      first ? rows.scalar_type() : unified_dtype(value_.scalar_type(), rows.scalar_type(), name());
  if (needs_gradients(rows) || (!first && needs_gradients(value_))) {
    value_ = first ? rows : at::cat({tensor(), rows});
    is_buffer_own_ = false;
    rows_ += added;
    return;
  }
  const AutogradScope scope;
  reserve(rows_ + added, rows.sizes().slice(1), dtype, value_.defined() ? value_.device() : rows.device());
  if (is_plain(rows) && value_.is_cpu() && rows.scalar_type() == dtype) {
    const std::size_t bytes = rows.nbytes();
    const std::size_t row_bytes = added == 0 ? 0 : bytes / static_cast<std::size_t>(added);
    char* end = static_cast<char*>(value_.mutable_data_ptr()) + static_cast<std::size_t>(rows_) * row_bytes;
    if (bytes > 0) kernels::streamed_copy(end, rows.const_data_ptr(), bytes);
  } else {
    value_.narrow(0, rows_, added).copy_(rows.detach());
  }
  rows_ += added;
}

/// A buffer of at least that shape, where possible the one from before a reset.
Tensor State::buffer_for(std::vector<int64_t> shape, at::ScalarType dtype, at::Device device) {
  const Tensor spare = std::exchange(spare_, Tensor());
  const auto row_shape = at::IntArrayRef(shape).slice(1);
  if (spare.defined() && device.is_cpu() && spare.scalar_type() == dtype && spare.sizes().slice(1) == row_shape &&
      spare.size(0) >= shape[0])
    return spare;
  Tensor buffer = at::empty(shape, at::TensorOptions(dtype).device(device));
  if (buffer.is_cpu()) kernels::prefer_large_pages(buffer.mutable_data_ptr(), buffer.nbytes());
  return buffer;
}

/// Makes room for `rows` rows in a contiguous buffer that may be written to.
void State::reserve(int64_t rows, at::IntArrayRef row_shape, at::ScalarType dtype, at::Device device) {
  if (rows_ > 0 && rows <= value_.size(0) && value_.scalar_type() == dtype && !value_.is_inference()) return;
  if (rows_ == 0) let_go_of_buffer();
  std::vector<int64_t> shape{std::max(rows, 2 * rows_)};
  shape.insert(shape.end(), row_shape.begin(), row_shape.end());
  Tensor buffer = buffer_for(std::move(shape), dtype, device);
  if (rows_ > 0) buffer.narrow(0, 0, rows_).copy_(tensor().detach());
  value_ = std::move(buffer);
  is_buffer_own_ = true;
}

void* State::room(int64_t rows, at::ScalarType dtype) {
  expect(Reduction::Cat);
  about_to_write(*this);
  if (row_dtype_ && at::isFloatingType(dtype) && dtype != *row_dtype_) return nullptr;
  const AutogradScope scope;
  if (rows_ == 0) {
    spare_ = buffer_for({rows}, dtype, at::kCPU);
    return spare_.mutable_data_ptr();
  }
  if (value_.scalar_type() != dtype || value_.dim() != 1 || !value_.is_cpu() || value_.requires_grad()) return nullptr;
  reserve(rows_ + rows, {}, dtype, at::kCPU);
  return static_cast<char*>(value_.mutable_data_ptr()) + static_cast<std::size_t>(rows_) * value_.element_size();
}

void State::append_stored(int64_t rows) {
  if (rows_ == 0) {
    value_ = std::exchange(spare_, Tensor());
    is_buffer_own_ = true;
  }
  rows_ += rows;
}

void State::merge(const State& other, int64_t updates, int64_t other_updates) {
  about_to_write(*this);
  rules().merge(*this, other, updates, other_updates);
}

void State::weigh() {
  if (!is_count() || compensated()) return;
  about_to_write(*this);
  std::tie(value_, residual_) = split(value_);
}

void State::require_can_be_scaled() const {
  if (rules().weighted != UnderWeights::Unknown) return;
  throw Error("state `" + name() + "` is reduced by " + std::string(rules().name) +
              ": what it holds of rows says nothing of weighted rows");
}

void State::scale(int64_t times) {
  require_can_be_scaled();
  if (times == 1 || rules().weighted == UnderWeights::Same) return;
  if (compensated()) return scale(static_cast<double>(times));
  about_to_write(*this);
  Tensor product = own_copy(moved_to(value_, at::kCPU));
  int64_t* const number = product.mutable_data_ptr<int64_t>();
  for (int64_t i = 0; i < product.numel(); ++i) {
    if (!__builtin_mul_overflow(number[i], times, &number[i])) continue;
    throw Error("state `" + name() + "`: a count of weighted rows is beyond the integers of 64 bits");
  }
  value_ = moved_to(product, value_.device());
}

void State::scale(double weight) {
  require_can_be_scaled();
  if (rules().weighted == UnderWeights::Same) return;
  weigh();
  about_to_write(*this);
  if (needs_gradients(value_)) {
    value_ = value_.mul(weight);
    return;
  }
  const at::Device device = value_.device();
  Tensor high = own_copy(moved_to(value_, at::kCPU)), low = own_copy(moved_to(residual_, at::kCPU));
  double* const highs = high.mutable_data_ptr<double>();
  double* const lows = low.mutable_data_ptr<double>();
  for (int64_t i = 0; i < high.numel(); ++i) {
    const DoubleDouble product = kernels::pairs::product({highs[i], lows[i]}, {weight, 0});
    highs[i] = product.high;
    lows[i] = product.low;
  }
  value_ = moved_to(high, device);
  residual_ = moved_to(low, device);
}

void State::merge_sum(const State& other) {
  if (is_count() && compensated() != other.compensated()) {
    if (compensated()) {
      State theirs = other;
      theirs.weigh();
      return merge_sum(theirs);
    }
    weigh();
  }
  take_shape(other.value_.sizes());
  if (other.has_open_shape() && !has_open_shape()) {
    State wide = other;
    wide.take_shape(value_.sizes());
    return merge_sum(wide);
  }
  if (!compensated() || needs_gradients(value_) || needs_gradients(other.value_)) return add(other.value_);
  add_compensated(moved_to(other.value_, value_.device()), moved_to(other.residual_, value_.device()));
}

void State::merge_mean(const State& other, int64_t updates, int64_t other_updates) {
  if (other_updates == 0) return;
  const double share = static_cast<double>(other_updates) / static_cast<double>(updates + other_updates);
  if (can_be_replaced(value_) && can_be_replaced(other.value_) && value_.sizes() == other.value_.sizes()) {
    auto* const held = value_.mutable_data_ptr<double>();
    const auto* const given = other.value_.const_data_ptr<double>();
    for (int64_t i = 0; i < value_.numel(); ++i)
      held[i] = updates == 0 ? given[i] : held[i] + share * (given[i] - held[i]);
    return;
  }
  const Tensor theirs = matched(other.value_, value_);
  value_ = updates == 0 ? theirs.clone() : value_.add(theirs.sub(value_), share);
}

void State::merge_rows(const State& other) {
  if (!other.value_.defined()) return;
  const int64_t before = rows_;
  const std::size_t items = other.items_;  // read before appending: `other` may be this
  append_rows(other.tensor());
  for (std::size_t i = 0; i < items; ++i) append_item_end(before + other.item_ends()[i]);
}

void State::detach() {
  if (!value_.defined() || !value_.requires_grad()) return;
  value_ = own_copy(tensor());
  is_buffer_own_ = false;
}

void State::to(at::Device device) {
  const AutogradScope scope;
  if (!device.is_cpu()) spare_ = Tensor();
  if (value_.defined() && value_.device() != device) {
    value_ = tensor().detach().to(device);
    is_buffer_own_ = false;
  }
  if (residual_.defined() && residual_.device() != device) residual_ = residual_.to(device);
}

void State::convert_rows(at::ScalarType dtype) {
  if (weighs_rows()) return;
  if (!grows()) return;
  row_dtype_ = dtype;
  const AutogradScope scope;
  if (value_.defined() && value_.is_floating_point() && value_.scalar_type() != dtype) {
    value_ = tensor().to(dtype);
    is_buffer_own_ = false;
  }
}

void State::assign(Tensor value, Tensor residual, std::vector<int64_t> item_ends) {
  about_to_write(*this);
  rows_ = grows() && value.defined() ? value.size(0) : 0;
  value_ = value.defined() ? value.contiguous() : std::move(value);
  is_buffer_own_ = false;
  residual_ = residual.defined() ? residual.contiguous() : std::move(residual);
  items_ = item_ends.size();
  item_ends_ = items_ == 0 ? nullptr : std::make_shared<std::vector<int64_t>>(std::move(item_ends));
}

}  // namespace metrics
