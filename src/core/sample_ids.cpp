#include <metrics/core/errors.h>
#include <metrics/core/sample_ids.h>

#include <ATen/ops/arange.h>
#include <ATen/ops/stack.h>

#include <algorithm>
#include <array>
#include <numeric>
#include <sstream>

namespace metrics {

namespace {

constexpr std::string_view ids_state = "_ids";

}  // namespace

void declare_sample_ids(States& states) {
  states.add(std::string(ids_state), Reduction::Cat);
}

bool holds_sample_ids(const State& state) {
  return state.name() == ids_state;
}

Tensor ids_of_elements(const Tensor& ids, at::IntArrayRef sizes) {
  const int64_t places = c10::multiply_integers(sizes.slice(1));
  const Tensor place = at::arange(places, ids.options());
  return at::stack({ids.unsqueeze(1).expand({ids.size(0), places}), place.expand({ids.size(0), places})}, -1)
      .reshape({-1, 2});
}

std::optional<std::vector<int64_t>> first_of_each_sample(const States& states, int64_t rows) {
  const State& state = states[ids_state];
  if (state.rows() == 0) return std::nullopt;
  const Tensor ids = state.tensor().to(at::kCPU, at::kLong).contiguous();
  if (ids.dim() != 2 || ids.size(0) != rows || ids.size(1) != 2) {
    std::ostringstream message;
    message << ids.size(0) << " of " << rows
            << " rows have a sample id; where one update on one rank gives Rows.ids, all have to";
    throw Error(message.str());
  }
  const int64_t* data = ids.const_data_ptr<int64_t>();
  const auto id = [data](int64_t row) { return std::array{data[2 * row], data[2 * row + 1]}; };
  std::vector<int64_t> order(static_cast<std::size_t>(rows));
  std::iota(order.begin(), order.end(), int64_t{0});
  std::stable_sort(order.begin(), order.end(), [&](int64_t a, int64_t b) { return id(a) < id(b); });
  const auto copies =
      std::unique(order.begin(), order.end(), [&](int64_t first, int64_t next) { return id(first) == id(next); });
  order.erase(copies, order.end());
  std::sort(order.begin(), order.end());
  return order;
}

}  // namespace metrics
