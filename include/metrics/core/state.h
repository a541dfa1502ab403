#pragma once

#include <metrics/core/double_double.h>
#include <metrics/core/rows.h>
#include <metrics/export.h>

#include <ATen/core/Tensor.h>

#include <concepts>
#include <cstdint>
#include <initializer_list>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace metrics {

class Weights;
struct RangedParts;

/// How two values of a state become one. Each is associative, and the state's default is its neutral element.
enum class Reduction {
  Sum,   ///< Added: integers as int64, floating point in double-double.
  Mean,  ///< Averaged, each side weighted by its number of updates.
  Min,   ///< The smaller, element by element; NaN wins.
  Max,   ///< The larger, element by element; NaN wins.
  Cat,   ///< Rows after rows, in one growing buffer.
  List,  ///< Items after items; each keeps its own number of rows.
  Own,   ///< By the metric's own `merge`, which sees all states.
};

METRICS_API std::string_view to_string(Reduction reduction);
struct ReductionRules;

/// Returns a + b modulo 2^64, as torch adds integers.
inline int64_t wrapping_sum(int64_t a, int64_t b) {
  return static_cast<int64_t>(static_cast<uint64_t>(a) + static_cast<uint64_t>(b));
}

/// Where a state has its shape from.
enum class ShapeFrom {
  Default,
  Data,  ///< For a `Sum` with a scalar default: that of the first tensor added.
};

/// One named tensor of a metric, with its default and its reduction.
///
/// A state may be packed: with several names its first dimension (for `Cat` the second) holds one named part each, so
/// that a family of counters is one tensor in memory and torchmetrics' separate tensors in a state dict.
class METRICS_API State {
 public:
  /// What never changes in the life of a state; shared by all copies of a metric.
  struct Declaration {
    std::string name;  ///< All names joined by a space.
    std::vector<std::string> names;
    Reduction reduction;
    bool grows;      ///< Whether it begins empty: `Cat` and `List`.
    bool counts;     ///< Whether it is a `Sum` with a default of integers.
    Tensor initial;  ///< In the form that is kept; undefined for `Cat` and `List`.
    ShapeFrom shape = ShapeFrom::Default;
    bool weighs_rows = false;  ///< See `States::add_row_weights`.
  };

  explicit State(std::shared_ptr<const Declaration> declaration, at::Device device);
  State(const State& other);
  State& operator=(const State& other);
  State(State&&) noexcept = default;
  State& operator=(State&&) noexcept = default;
  ~State() = default;

  /// The name, or for a packed state all names joined by a space.
  const std::string& name() const { return declaration_->name; }
  const std::vector<std::string>& names() const { return declaration_->names; }
  Reduction reduction() const { return declaration_->reduction; }
  const Tensor& initial() const { return declaration_->initial; }
  /// Whether torchmetrics has no such state: its name begins with `_`, and state dicts keep it in their metadata.
  bool is_auxiliary() const { return name().front() == '_'; }
  ShapeFrom shape() const { return declaration_->shape; }
  /// Whether the shape is the data's and is still that of the default: then it goes with any.
  bool has_open_shape() const { return shape() == ShapeFrom::Data && value_.dim() == 0; }
  /// Whether the state grows with the data (`Cat`, `List`).
  bool grows() const { return declaration_->grows; }
  /// Whether the sum is kept in double-double, that is, has a `residual`.
  bool compensated() const { return residual_.defined(); }
  /// Whether it is a sum of integers by its declaration. It is kept in int64 until rows come that have floating
  /// weights, and in double-double from then on; the two merge.
  bool is_count() const { return declaration_->counts; }
  /// Whether it holds what the rows of other states weigh (see `States::add_row_weights`).
  bool weighs_rows() const { return declaration_->weighs_rows; }
  bool is_weighted() const { return is_count() ? compensated() : weighs_rows() && rows_ > 0; }

  /// The value: for `Cat` and `List` all rows (for `Cat` undefined before the first), else the tensor itself. Not a
  /// copy, and to be read alone.
  Tensor tensor() const;
  /// The items of a `List` state, views of one buffer.
  std::vector<Tensor> items() const;
  /// What a compensated sum lacks to be exact; undefined for other states.
  const Tensor& residual() const { return residual_; }
  /// Rows held by `Cat` and `List`.
  int64_t rows() const { return rows_; }
  /// Where each item of a `List` ends; empty for others.
  std::span<const int64_t> item_ends() const;

  /// The value of a one-element compensated sum on the CPU.
  DoubleDouble sum() const;

  // Writing. What changes a state is one of the members below, or writes to the memory that one of them gives.

  /// The tensor of a state that does not grow, for kernels that add to the numbers where they lie. Of a compensated sum
  /// the residual stays what it was.
  Tensor& tensor_to_write();
  /// The numbers of such a state of int64 on the CPU.
  int64_t* counts();
  /// Those of a compensated sum on the CPU, value and residual.
  struct Sums {
    double* high;
    double* low;
  };
  Sums sums();

  // Folding data in; each names a `Reduction` and throws Error when the state has another.
  void add(const Tensor& value);
  void add(const DoubleDouble& value);
  /// Adds to each number of a floating sum, in their order.
  void add(std::span<const DoubleDouble> values);
  /// Adds `high` + `low` to a sum of floating point, without gradients.
  void add(const Tensor& high, const Tensor& low);
  struct Addend {
    State& to;
    DoubleDouble value;
  };
  /// Adds to several floating sums of one element each: to all, or where it throws to none.
  static void add_all(std::initializer_list<Addend> addends);
  void average(const Tensor& value, int64_t updates_before);
  void lower(const Tensor& value);
  void lower(double value);
  void raise(const Tensor& value);
  void raise(double value);
  /// Appends rows to `Cat` (a scalar is one row). The first row fixes the trailing shape; dtypes unify as
  /// `unified_dtype` says; no rows change nothing. Amortised O(rows); memory at most twice the data.
  void append(const Tensor& rows);
  /// Appends one item to `List`; `item` may have no rows.
  void append_item(const Tensor& item);
  /// Appends items whose rows lie one after the other in `rows`; `sizes` are the numbers of rows that they have.
  void append_items(const Tensor& rows, std::span<const int64_t> sizes);
  /// Where the next `rows` rows of `Cat` go, each one number on the CPU: for kernels that look at what they store. They
  /// count once `append_stored` has been called; until then the state is as it was. Null where the state keeps its rows
  /// in another form than that, and `append` has to convert them.
  template <class T>
  T* room(int64_t rows) {
    return static_cast<T*>(room(rows, c10::CppTypeToScalarType<T>::value));
  }
  void append_stored(int64_t rows);
  /// Replaces the value of an `Own` state.
  void set(const Tensor& value);
  /// Makes a count one in double-double, as if its rows had floating weights.
  void weigh();
  /// Makes what is held that of rows each of which is there so often: multiplies sums, and leaves minima and maxima.
  /// Throws Error for other reductions, and where an integer would overflow.
  void scale(int64_t times);
  void scale(double weight);

  /// Folds `other` into this, by the reduction; `updates` are those of this side and of the other, for `Mean`.
  void merge(const State& other, int64_t updates, int64_t other_updates);
  /// Back to the default. A state that grows keeps its memory on the CPU for rows to come, unless others see it; much
  /// of it only for as long as the system has no need of it.
  void reset(at::Device device);
  /// Takes over the memory of a state whose rows nobody needs any more, for the first rows of this one.
  void take_memory(State& from);
  void detach();
  void to(at::Device device);
  /// Converts floating rows to `dtype`, those stored and those to come; accumulators keep their precision.
  void convert_rows(at::ScalarType dtype);

  /// The neutral element of the same declaration.
  State fresh(at::Device device) const;
  /// A copy to go back to, O(1) for states that grow: appends to the original never touch the rows that it shares.
  /// Only one of the two may be appended to from then on.
  State snapshot() const;
  /// Makes an earlier snapshot one of this state, in the memory that it has.
  void snapshot_into(State& kept) const;
  /// Replaces value, residual and boundaries, as they came from another rank or a file. Shapes are the caller's duty.
  void assign(Tensor value, Tensor residual, std::vector<int64_t> item_ends);

 private:
  struct Shallow {};
  struct Merges;
  State(const State& other, Shallow);
  const ReductionRules& rules() const;
  void merge_sum(const State& other);
  void merge_mean(const State& other, int64_t updates, int64_t other_updates);
  void merge_rows(const State& other);
  void expect(Reduction reduction) const;
  void require_floating_sum() const;
  void require_can_be_scaled() const;
  void take_shape(at::IntArrayRef sizes);
  void add_compensated(const Tensor& high, const Tensor& low);
  void append_rows(const Tensor& given);
  void append_item_end(int64_t end);
  void* room(int64_t rows, at::ScalarType dtype);
  Tensor buffer_for(std::vector<int64_t> shape, at::ScalarType dtype, at::Device device);
  void reserve(int64_t rows, at::IntArrayRef row_shape, at::ScalarType dtype, at::Device device);
  void let_go_of_buffer();

  std::shared_ptr<const Declaration> declaration_;
  Tensor value_;  // for Cat and List the buffer, of which rows_ rows are in use
  Tensor spare_;  // a buffer without rows, for those to come
  Tensor residual_;
  int64_t rows_ = 0;
  bool is_buffer_own_ = false;  // whether `value_` was made here, and is not a tensor that was given
  std::shared_ptr<std::vector<int64_t>> item_ends_;  // of which items_ are in use; shared with snapshots
  std::size_t items_ = 0;
  std::optional<at::ScalarType> row_dtype_;  // of floating rows; unset: as they come

  friend class States;
  friend const ReductionRules& rules_of(Reduction reduction);
};

/// The dtype that rows of `a` and of `b` are stored in together: floating to the widest, integers (and bool) to int64
/// unless equal. Throws InvalidArgument naming `state` for integer with floating and for real with complex.
METRICS_API at::ScalarType unified_dtype(at::ScalarType a, at::ScalarType b, std::string_view state);

/// All states of a metric, and how many updates made them: an element of the monoid.
class METRICS_API States {
 public:
  States() = default;

  /// Declares a state. `initial` is its default for every reduction but `Cat` and `List`, which begin empty: floating
  /// sums and means are kept in float64 whatever its dtype.
  /// Throws InvalidArgument for a name that is taken or empty, a default that is missing or superfluous, or a shape of
  /// the data for anything but one `Sum` with a scalar default.
  void add(std::vector<std::string> names, Reduction reduction, Tensor initial = {},
           ShapeFrom shape = ShapeFrom::Default);
  template <std::convertible_to<std::string> Name>
  void add(const Name& name, Reduction reduction, Tensor initial = {}, ShapeFrom shape = ShapeFrom::Default) {
    add(std::vector<std::string>{name}, reduction, std::move(initial), shape);
  }
  /// Declares a `Cat` state `sample_weight`, float64 [rows], of what the rows, or of a list the items, weigh that the
  /// states declared before it keep. It is empty until rows come whose weights are not all the integer 1, and then has
  /// a number for each row, 1 for those without: merges see to it on either side. An update that takes no weights keeps
  /// as many rows of each that it is given, in their order, and the base says what they weigh; one that takes
  /// `const Weights&` calls `fill_row_weights` before it appends to the state.
  /// torchmetrics has no such state; in a state dict it stands where it is not empty.
  void add_row_weights();

  /// The state of that name (a packed state by all its names joined by a space, or by the first).
  State& operator[](std::string_view name);
  const State& operator[](std::string_view name) const;

  std::size_t size() const { return states_.size(); }
  auto begin() { return states_.begin(); }
  auto end() { return states_.end(); }
  auto begin() const { return states_.begin(); }
  auto end() const { return states_.end(); }
  State& at(std::size_t index) { return states_.at(index); }
  const State& at(std::size_t index) const { return states_.at(index); }

  /// The state that `add_row_weights` has declared, else null.
  const State* row_weights() const;
  State* row_weights() { return const_cast<State*>(std::as_const(*this).row_weights()); }
  /// How many rows it has a number for, or would have.
  int64_t weighed_rows() const;
  /// Makes them weigh 1 as far as nothing is said of them.
  void fill_row_weights();
  /// Makes all rows weigh this; each of these rows is as many kept ones. Throws InvalidArgument if they cannot be.
  void weigh_rows(const Weights& weights);

  /// Whether a count among them is kept in double-double, because rows had floating weights, or rows with what they
  /// weigh.
  bool is_weighted() const {
    for (const State& state : states_) {
      if (state.is_weighted()) return true;
    }
    return false;
  }
  /// Makes all counts such ones.
  void weigh();
  /// Whether all counts are such ones, so that rows with floating weights can be folded in.
  bool take_floating_weights() const {
    for (const State& state : states_) {
      if (state.is_count() && !state.compensated()) return false;
    }
    return true;
  }
  /// Whether all are sums, minima and maxima: then states of rows say what those of weighted rows are.
  bool can_be_scaled() const;
  void scale(int64_t times);
  void scale(double weight);

  /// How many updates are in these states.
  int64_t update_count() const { return update_count_; }
  void set_update_count(int64_t count) { update_count_ = count; }
  at::Device device() const { return device_; }
  /// Dtype of floating results; where `set_dtype` was called, of floating rows too.
  at::ScalarType dtype() const { return dtype_; }

  /// What stands in place of rows that have stayed apart on their ranks; null where they are here. See
  /// metrics/core/ranges.h.
  const RangedParts* parts() const { return parts_.get(); }
  void set_parts(std::shared_ptr<const RangedParts> parts) { parts_ = std::move(parts); }

  /// The neutral element with the same declarations, device and dtype.
  States fresh() const;
  States snapshot() const;
  /// Folds `other` in state by state; states with an own reduction are left to the metric. Adds the update counts
  /// last, so that a metric's own merge must run before it.
  void merge(const States& other);
  void reset();
  /// Takes over the memory of states of the same declarations that nobody needs any more, for the first rows of these.
  void take_memory(States& from);
  void detach();
  void to(at::Device device);
  void move_growing_to_cpu();
  void set_dtype(at::ScalarType dtype);

  /// Takes back at its end what states have become in its scope, unless that succeeded. What it takes for this, a copy
  /// of small states and O(1) for those that grow, is kept for the next one, so that it allocates nothing then.
  class Attempt {
   public:
    explicit Attempt(States& states)
        : states_(&states),
          before_(states.take_snapshots()),
          update_count_(states.update_count_),
          device_(states.device_),
          dtype_(states.dtype_) {}
    Attempt(const Attempt&) = delete;
    Attempt& operator=(const Attempt&) = delete;
    ~Attempt() {
      if (states_ != nullptr) take_back();
    }

    void succeed() noexcept {
      states_->keep_memory(std::move(before_));
      states_ = nullptr;
    }

   private:
    METRICS_API void take_back() noexcept;

    States* states_;
    std::vector<State> before_;
    int64_t update_count_;
    at::Device device_;
    at::ScalarType dtype_;
  };

 private:
  /// Snapshots of all states, in memory that is kept for them.
  std::vector<State> take_snapshots();
  void keep_memory(std::vector<State> snapshots) noexcept;
  /// What all rows weigh, 1 where nothing is said.
  Tensor filled_row_weights() const;

  /// Memory for snapshots: that of one object, which no copy has.
  struct Memory {
    std::vector<State> snapshots;

    Memory() = default;
    Memory(const Memory&) {}
    Memory(Memory&&) noexcept = default;
    Memory& operator=(const Memory&) { return *this; }
    Memory& operator=(Memory&&) noexcept = default;
    ~Memory() = default;
  };

  std::vector<State> states_;
  std::shared_ptr<const RangedParts> parts_;
  Memory memory_;
  int64_t update_count_ = 0;
  at::Device device_ = at::kCPU;
  at::ScalarType dtype_ = at::kFloat;
};

}  // namespace metrics
