#include "rank_exchange.h"
#include <metrics/core/errors.h>
#include <metrics/core/readable.h>
#include <metrics/distributed/rank_names.h>
#include <metrics/training/gather.h>

#include <ATen/core/grad_mode.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/zeros.h>
#include <torch/csrc/autograd/custom_function.h>

#include <algorithm>
#include <functional>
#include <numeric>
#include <sstream>
#include <utility>

namespace metrics::training {

namespace {

bool gets_gradient(const at::Tensor& tensor) {
  return at::GradMode::is_enabled() && tensor.requires_grad();
}

/// What all ranks have to have alike.
std::string layout_text(const std::vector<at::Tensor>& tensors) {
  std::ostringstream text;
  for (std::size_t i = 0; i < tensors.size(); ++i) {
    text << (i > 0 ? ", " : "") << tensors[i].scalar_type() << " " << tensors[i].sizes().slice(1)
         << (gets_gradient(tensors[i]) ? " with gradient" : "");
  }
  return text.str();
}

void check_gathered(const std::vector<at::Tensor>& tensors) {
  if (tensors.empty()) throw InvalidArgument("gather_rows: expected a tensor at least, got none");
  for (std::size_t i = 0; i < tensors.size(); ++i) {
    const std::string name = "tensors[" + std::to_string(i) + "]";
    const at::Tensor& tensor = tensors[i];
    metrics::detail::check_readable("gather_rows", name, tensor);
    if (tensor.dim() == 0) throw InvalidArgument("gather_rows: " + name + ": expected rows, got a scalar");
    if (tensor.size(0) != tensors[0].size(0)) {
      throw InvalidArgument("gather_rows: " + name + ": expected " + std::to_string(tensors[0].size(0)) +
                            " rows as tensors[0] has, got " + std::to_string(tensor.size(0)));
    }
    if (tensor.device() != tensors[0].device()) {
      throw InvalidArgument("gather_rows: " + name + ": expected it on " + tensors[0].device().str() +
                            " as tensors[0] is, got " + tensor.device().str());
    }
    if (c10::multiply_integers(tensor.sizes().slice(1)) == 0) {
      throw InvalidArgument("gather_rows: " + name + ": expected rows of an element at least, got " +
                            c10::str(tensor.sizes()));
    }
  }
}

int64_t row_elements(const at::Tensor& tensor) {
  return c10::multiply_integers(tensor.sizes().slice(1));
}

/// The number of rows that each rank has. Throws on all ranks where one of them cannot take part.
std::vector<int64_t> agreed_rows(ProcessGroup& group, const std::vector<at::Tensor>& tensors) {
  std::string text;
  std::exception_ptr own_error;
  try {
    check_gathered(tensors);
    text = layout_text(tensors);
  } catch (const InvalidArgument& error) {
    own_error = std::current_exception();
    text = error.what();
  }
  const std::string what = "gathering rows";
  const int64_t own_rows = own_error ? -1 : tensors[0].size(0);
  const auto said = numbers_of_ranks(group, {own_rows, static_cast<int64_t>(std::hash<std::string>()(text))}, what);
  std::vector<int64_t> rows, refused, others;
  for (std::size_t rank = 0; rank < said.size(); ++rank) {
    rows.push_back(said[rank][0]);
    if (said[rank][0] < 0) refused.push_back(static_cast<int64_t>(rank));
    if (said[rank][1] != said[0][1]) others.push_back(static_cast<int64_t>(rank));
  }
  if (refused.empty() && others.empty()) return rows;
  const auto texts = texts_of_ranks(group, text, what);
  if (own_error) std::rethrow_exception(own_error);
  const distributed::RankNames names = distributed::rank_names_of(group);
  const auto said_by = [&](int64_t rank) { return texts[static_cast<std::size_t>(rank)]; };
  if (!refused.empty())
    throw SyncError(names.text(refused[0]) + " failed: " + said_by(refused[0]), "", "", names(refused));
  throw SyncError("gather_rows: the ranks' rows differ: " + names.text(0) + " has " + said_by(0) + ", " +
                      names.text(others[0]) + " has " + said_by(others[0]),
                  "", "", names(others));
}

/// Puts the rows of all tensors side by side, as bytes, and gives each tensor the rows of all ranks.
std::vector<at::Tensor> gathered(ProcessGroup& group, const std::vector<at::Tensor>& tensors,
                                 const std::vector<int64_t>& rows) {
  const at::NoGradGuard no_grad;
  const int64_t own = tensors[0].size(0), most = *std::max_element(rows.begin(), rows.end());
  int64_t width = 0;
  for (const at::Tensor& tensor : tensors) width += row_elements(tensor) * tensor.element_size();
  const auto bytes = tensors[0].options().dtype(at::kByte).requires_grad(false);
  // What is beyond a rank's rows is sent and not looked at.
  at::Tensor sent = own == most ? at::empty({most, width}, bytes) : at::zeros({most, width}, bytes);
  int64_t column = 0;
  const auto columns_of = [&](const at::Tensor& tensor, const at::Tensor& all) {
    const int64_t begin = std::exchange(column, column + row_elements(tensor) * tensor.element_size());
    return all.slice(1, begin, column);
  };
  for (const at::Tensor& tensor : tensors) {
    if (own == 0) break;
    columns_of(tensor, sent).slice(0, 0, own).copy_(tensor.detach().reshape({own, -1}).contiguous().view(at::kByte));
  }
  at::Tensor received = at::empty({group.world_size() * most, width}, bytes);
  if (most > 0) {
    run_collective(group, sent.device().type(), "gathering rows",
                   [&](c10d::Backend& backend) { return backend._allgather_base(received, sent, {}); });
  }
  if (std::any_of(rows.begin(), rows.end(), [&](int64_t count) { return count != most; })) {
    std::vector<at::Tensor> parts;
    for (std::size_t rank = 0; rank < rows.size(); ++rank) {
      const int64_t begin = static_cast<int64_t>(rank) * most;
      parts.push_back(received.slice(0, begin, begin + rows[rank]));
    }
    received = at::cat(parts);
  }
  column = 0;
  std::vector<at::Tensor> results;
  for (const at::Tensor& tensor : tensors) {
    std::vector<int64_t> sizes = tensor.sizes().vec();
    sizes[0] = received.size(0);
    at::Tensor all =
        at::empty(sizes, tensor.options().requires_grad(false).memory_format(at::MemoryFormat::Contiguous));
    const at::Tensor of_tensor = columns_of(tensor, received);
    if (sizes[0] > 0) all.view({sizes[0], -1}).view(at::kByte).copy_(of_tensor);
    results.push_back(std::move(all));
  }
  return results;
}

/// Where a rank's own rows stand among those of all.
struct OwnRows : torch::CustomClassHolder {
  std::shared_ptr<ProcessGroup> group;
  int64_t begin, end;
  at::Tensor all;  // until the forward takes it
  OwnRows(std::shared_ptr<ProcessGroup> of, int64_t first, int64_t last, at::Tensor rows)
      : group(std::move(of)), begin(first), end(last), all(std::move(rows)) {}
};

/// Gives gathered rows their backward: it sums what all ranks' losses say of them, and a rank gets its own part.
struct SumOverRanks : torch::autograd::Function<SumOverRanks> {
  static at::Tensor forward(torch::autograd::AutogradContext* context, const at::Tensor&,
                            const c10::intrusive_ptr<OwnRows>& own) {
    context->saved_data["own"] = c10::IValue::make_capsule(own);
    return std::move(own->all);
  }

  static torch::autograd::variable_list backward(torch::autograd::AutogradContext* context,
                                                 const torch::autograd::variable_list& gradients) {
    const auto own = c10::static_intrusive_pointer_cast<OwnRows>(context->saved_data["own"].toCapsule());
    const at::NoGradGuard no_grad;
    std::vector<at::Tensor> sum{gradients[0].clone(at::MemoryFormat::Contiguous)};
    run_collective(*own->group, sum[0].device().type(), "summing gradients of gathered rows",
                   [&](c10d::Backend& backend) { return backend.allreduce(sum, {}); });
    return {sum[0].slice(0, own->begin, own->end), at::Tensor()};
  }
};

}  // namespace

GatheredRows gather_rows(const std::vector<at::Tensor>& tensors, std::shared_ptr<ProcessGroup> process_group) {
  const auto group = several_ranks(std::move(process_group));
  if (!group) {
    check_gathered(tensors);
    return {tensors, {0, tensors[0].size(0)}};
  }
  const std::vector<int64_t> rows = agreed_rows(*group, tensors);
  GatheredRows all{gathered(*group, tensors, rows), {0}};
  std::partial_sum(rows.begin(), rows.end(), std::back_inserter(all.begins));
  const auto rank = static_cast<std::size_t>(group->rank());
  for (std::size_t i = 0; i < tensors.size(); ++i) {
    if (!gets_gradient(tensors[i]) || all.begins.back() == 0) continue;
    all.tensors[i] = SumOverRanks::apply(
        tensors[i], c10::make_intrusive<OwnRows>(group, all.begins[rank], all.begins[rank + 1], all.tensors[i]));
  }
  return all;
}

at::Tensor gather_rows(const at::Tensor& rows, std::shared_ptr<ProcessGroup> process_group) {
  return gather_rows(std::vector{rows}, std::move(process_group)).tensors[0];
}

}  // namespace metrics::training
