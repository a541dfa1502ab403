#include "distributed/worker.h"
#include <metrics/core/errors.h>
#include <metrics/distributed/process_group.h>
#include <metrics/training/data_parallel.h>
#include <metrics/training/embedder.h>
#include <metrics/training/gather.h>
#include <metrics/training/node_group.h>
#include <metrics/training/triplet_loss.h>

#include <ATen/ATen.h>
#include <torch/nn/modules/linear.h>

#include <doctest/doctest.h>

#include <algorithm>
#include <cstdlib>
#include <memory>
#include <numeric>
#include <string>
#include <utility>
#include <vector>

using at::Tensor;
using metrics::init_process_group;
using metrics::InvalidArgument;
using metrics::SyncError;
using namespace metrics::training;
using metrics_test::expect;
using metrics_test::expect_contains;
using metrics_test::max_world_size;
using metrics_test::message_of;
using metrics_test::run_workers;
using metrics_test::sync_error_of;
using metrics_test::world_sizes;

namespace {

using Net = Embedder<torch::nn::Linear>;

/// Some numbers that no two ranks share: `rows` of `columns` from row `first` on.
Tensor numbers(int64_t first, int64_t rows, int64_t columns = 6) {
  return at::arange(first * columns, (first + rows) * columns)
      .to(at::kDouble)
      .add(0.5)
      .square()
      .sin()
      .view({rows, columns});
}

/// What ranks have of the joint batch: rank 0 four rows, rank 1 six, rank 2 two.
std::vector<int64_t> rows_of_ranks(int64_t ranks) {
  return ranks == 2 ? std::vector<int64_t>{4, 6} : std::vector<int64_t>{4, 6, 2};
}

int64_t first_row(int64_t rank, int64_t ranks) {
  const auto rows = rows_of_ranks(ranks);
  return std::accumulate(rows.begin(), rows.begin() + rank, int64_t{0});
}

std::shared_ptr<Net> net_of(at::ScalarType dtype) {
  const auto net = std::make_shared<Net>(torch::nn::Linear(6, 5), EmbedderOptions{.normalisation = Normalisation::L2});
  net->to(dtype);
  return net;
}

void expect_close(const Tensor& got, const Tensor& expected, double tolerance, const std::string& what) {
  expect(got.sizes() == expected.sizes(), what + " to have its shape");
  const auto distance = (got.detach() - expected.detach()).abs().max().item<double>();
  expect(distance <= tolerance * std::max(1.0, expected.abs().max().item<double>()),
         what + " to be equal, not " + std::to_string(distance) + " away");
}

}  // namespace

WORKER(gathers_rows_of_all_ranks) {
  const auto group = init_process_group();
  const int64_t rank = group->rank(), ranks = group->world_size();
  const auto rows = rows_of_ranks(ranks);
  const int64_t first = first_row(rank, ranks), own = rows[static_cast<std::size_t>(rank)];
  const int64_t total = std::accumulate(rows.begin(), rows.end(), int64_t{0});
  // Different dtypes and shapes, and rows that do not lie side by side.
  const auto part = [&](const Tensor& whole) { return whole.slice(0, first, first + own); };
  const Tensor doubles = numbers(0, total), flags = doubles.select(1, 0) > 0;
  const Tensor halves = numbers(0, total, 3).to(at::kHalf), cubes = numbers(0, total, 8).view({total, 2, 2, 2});
  const Tensor turned = numbers(0, 6, total).t().to(at::kFloat);
  const auto before = group->c10d_counters();
  const GatheredRows all = gather_rows({part(doubles), part(flags), part(halves), part(cubes), part(turned)});
  const auto sent = group->c10d_counters() - before;
  expect(sent.collectives == 2, "two collectives, not " + std::to_string(sent.collectives));
  expect(sent.bytes == 16 + 6 * (6 * 8 + 1 + 3 * 2 + 8 * 8 + 6 * 4), "as many bytes as the most rows of a rank have");
  const std::vector<Tensor> expected{doubles, flags, halves, cubes, turned};
  for (std::size_t i = 0; i < expected.size(); ++i) {
    expect(at::equal(all.tensors[i], expected[i]),
           "tensor " + std::to_string(i) + " to have the rows of all in rank order");
    expect(all.tensors[i].scalar_type() == expected[i].scalar_type() && !all.tensors[i].requires_grad(), "its dtype");
  }
  expect(all.begins.size() == rows.size() + 1 && all.begins.back() == total, "where ranks' rows begin");
  expect(all.begins[static_cast<std::size_t>(rank)] == first, "where this rank's rows begin");
  // Ranks without rows, and none with any.
  const Tensor last_only = gather_rows(rank == ranks - 1 ? numbers(0, 2) : at::empty({0, 6}, at::kDouble));
  expect(at::equal(last_only, numbers(0, 2)), "the rows of the one that has some");
  const Tensor none = gather_rows(at::empty({0, 6}).requires_grad_());
  expect(none.sizes() == at::IntArrayRef({0, 6}), "no rows of none");
  // Without gradients nothing is to be summed.
  const Tensor own_rows = numbers(first, own).requires_grad_();
  {
    const at::NoGradGuard no_grad;
    expect(!gather_rows(own_rows).requires_grad(), "no gradients where none are asked for");
  }
}

// A loss over the joint batch, averaged as DistributedDataParallel does, has the gradients of one process.
WORKER(has_the_gradients_of_one_process) {
  const auto group = init_process_group();
  const int64_t rank = group->rank(), ranks = group->world_size();
  const auto rows = rows_of_ranks(ranks);
  const int64_t total = std::accumulate(rows.begin(), rows.end(), int64_t{0}), first = first_row(rank, ranks);
  const int64_t own = rows[static_cast<std::size_t>(rank)];
  const Tensor labels = at::arange(total).remainder(2);
  for (const auto dtype : {at::kFloat, at::kDouble}) {
    const double tolerance = dtype == at::kFloat ? 2e-6 : 1e-13;
    for (const Miner& miner : {Miner(AllTripletsMiner()), Miner(HardTripletsMiner()), Miner(HardClusterMiner())}) {
      const auto net = net_of(dtype), alone = net_of(dtype);
      DistributedDataParallel model(net);
      {
        const at::NoGradGuard no_grad;
        for (std::size_t i = 0; i < net->parameters().size(); ++i) alone->parameters()[i].copy_(net->parameters()[i]);
      }
      const Tensor data = numbers(0, total).to(dtype);
      TripletLossWithMiner loss({.margin = std::nullopt}, miner);
      const auto all = gather_rows({model(data.slice(0, first, first + own)), labels.slice(0, first, first + own)});
      const Tensor value = loss(all.tensors[0], all.tensors[1]);
      const auto before = group->c10d_counters();
      value.backward();
      expect((group->c10d_counters() - before).collectives == 2, "a sum of rows' gradients and a bucket");
      const Tensor joint = loss(alone->forward(data), labels);
      joint.backward();
      expect_close(value, joint, tolerance, "the loss");
      for (std::size_t i = 0; i < net->parameters().size(); ++i)
        expect_close(net->parameters()[i].grad(), alone->parameters()[i].grad(), tolerance, "a gradient");
    }
  }
}

// Each rank's own loss says something of all rows: gradients are summed over ranks.
WORKER(sums_what_ranks_say_of_a_row) {
  const auto group = init_process_group();
  const int64_t rank = group->rank(), ranks = group->world_size();
  const auto rows = rows_of_ranks(ranks);
  const int64_t total = std::accumulate(rows.begin(), rows.end(), int64_t{0}), first = first_row(rank, ranks);
  const int64_t own = rows[static_cast<std::size_t>(rank)];
  const auto loss_of = [&](int64_t of, const Tensor& all) {
    return (all.cumsum(0).cos() * numbers(of * total, total)).sum() * static_cast<double>(of + 1);
  };
  const Tensor mine = numbers(first, own).requires_grad_(), whole = numbers(0, total).requires_grad_();
  loss_of(rank, gather_rows(mine)).backward();
  Tensor sum = at::zeros({}, at::kDouble);
  for (int64_t of = 0; of < ranks; ++of) sum = sum + loss_of(of, whole);
  sum.backward();
  expect_close(mine.grad(), whole.grad().slice(0, first, first + own), 1e-13, "the gradient of own rows");
  // Two gathers in one loss, and a rank that has no rows.
  const Tensor a = rank == 0 ? at::empty({0, 6}, at::kDouble).requires_grad_() : numbers(0, 2).requires_grad_();
  const Tensor b = numbers(first, own).requires_grad_();
  (gather_rows(a).sum() * gather_rows(b).square().sum()).backward();
  expect_close(b.grad(), 2 * b.detach() * static_cast<double>(ranks * (ranks - 1)) * numbers(0, 2).sum(), 1e-13,
               "the second's gradient");
  expect(a.grad().defined() && a.grad().sizes() == a.sizes(), "a gradient of no rows");
}

WORKER(gathers_on_all_ranks_or_none) {
  const auto group = init_process_group();
  const int64_t rank = group->rank();
  const Tensor rows = at::ones({2, 3});
  const auto differ = [&](const std::vector<Tensor>& tensors, const std::string& part) {
    expect_contains(sync_error_of([&] { gather_rows(tensors); }), part);
  };
  differ({rank == 1 ? at::ones({2, 4}) : rows}, "the ranks' rows differ: rank 0 has Float [3], rank 1 has Float [4]");
  differ({rank == 2 ? rows.to(at::kDouble) : rows}, "rank 0 has Float [3], rank 2 has Double [3]");
  differ({rank == 1 ? rows : at::ones({2, 3}).requires_grad_()},
         "rank 0 has Float [3] with gradient, rank 1 has Float [3]");
  differ(rank == 1 ? std::vector{rows, rows} : std::vector{rows},
         "rank 0 has Float [3], rank 1 has Float [3], Float [3]");
  // What one rank does wrong is its own error, and the others' that names it.
  const std::vector<Tensor> torn{rows, rank == 2 ? at::ones({3, 3}) : rows};
  if (rank == 2) {
    expect_contains(message_of<InvalidArgument>([&] { gather_rows(torn); }),
                    "tensors[1]: expected 2 rows as tensors[0] has, got 3");
  } else {
    const std::string message = sync_error_of([&] { gather_rows(torn); });
    expect_contains(message, "rank 2 failed: gather_rows: tensors[1]: expected 2 rows as tensors[0] has, got 3");
  }
  expect(at::equal(gather_rows(rows), at::ones({6, 3})), "the group to be none the worse");
  // A part of the ranks.
  const auto part = group->new_group({1, 2});
  if (part->is_member())
    expect(at::equal(gather_rows(rows * static_cast<double>(rank), part), at::cat({rows, 2 * rows})),
           "the part's rows");
  group->barrier();  // rank 0 serves the store where the part meets
}

WORKER(explains_a_backward_that_one_rank_does_not_make) {
  const auto group = init_process_group({.timeout = metrics_test::short_timeout});
  const Tensor own = at::ones({2, 3}).requires_grad_();
  const Tensor all = gather_rows(own);
  if (group->rank() == 1) return;
  expect_contains(sync_error_of([&] { all.sum().backward(); }), "summing gradients of gathered rows on rank 0");
}

// Three ranks as two nodes, of two and of one.
WORKER(finds_the_ranks_of_its_machine) {
  const auto rank = std::stoll(std::getenv("RANK"));
  const auto whole = init_process_group();
  const auto of_machine = in_node_group(whole);
  expect(of_machine->world_size() == 3 && of_machine->rank() == rank, "one machine to be one node");
  whole->shutdown();

  const bool second = rank == 2;
  const auto world = init_process_group({.local_rank = second ? 0 : rank, .local_world_size = second ? 1 : 2});
  const auto node = in_node_group();
  expect(node->world_size() == (second ? 1 : 2) && node->rank() == (second ? 0 : rank), "the launcher's node");
  const Tensor own = at::full({1, 1}, static_cast<double>(rank)).requires_grad_();
  const Tensor all = gather_rows(own, node);
  expect(at::equal(all.flatten(), second ? at::full({1}, 2.0) : at::arange(2).to(at::kFloat)),
         "rows of the node alone");
  all.sum().backward();
  expect(own.grad().item<double>() == (second ? 1 : 2), "gradients of the node alone");
  expect(gather_rows(own.detach(), world).size(0) == 3, "rows of the world");
}

TEST_CASE("gather: tensors that have no rows in common are refused") {
  const Tensor rows = at::ones({2, 3});
  const auto refused = [](const std::vector<Tensor>& tensors, const std::string& part) {
    const std::string text = message_of<InvalidArgument>([&] { gather_rows(tensors); });
    CAPTURE(text);
    CHECK(text.find(part) != std::string::npos);
  };
  refused({}, "gather_rows: expected a tensor at least, got none");
  refused({at::ones({})}, "tensors[0]: expected rows, got a scalar");
  refused({rows, Tensor()}, "tensors[1]");
  refused({rows, at::ones({3})}, "tensors[1]: expected 2 rows as tensors[0] has, got 3");
  refused({at::ones({2, 0})}, "tensors[0]: expected rows of an element at least, got [2, 0]");
  refused({rows.to_sparse()}, "layout Sparse");
}

TEST_CASE("gather: in one process tensors come back as they are, and a node is what there is") {
  const Tensor rows = at::ones({2, 3}).requires_grad_();
  const GatheredRows all = gather_rows({rows, at::arange(2)});
  CHECK(all.tensors[0].is_same(rows));
  CHECK(all.begins == std::vector<int64_t>{0, 2});
  CHECK(in_node_group() == nullptr);
}

TEST_CASE("gather: all ranks get the rows of all, in two collectives") {
  for (const int64_t ranks : world_sizes({2, 3})) CHECK(run_workers("gathers_rows_of_all_ranks", ranks).ok());
}

TEST_CASE("gather: a loss over the samples of all ranks has the gradients of one process with the joint batch") {
  for (const int64_t ranks : world_sizes({2, 3})) CHECK(run_workers("has_the_gradients_of_one_process", ranks).ok());
}

TEST_CASE("gather: gradients of a row are the sum of what all ranks' losses say of it") {
  for (const int64_t ranks : world_sizes({2, 3})) CHECK(run_workers("sums_what_ranks_say_of_a_row", ranks).ok());
}

TEST_CASE("gather: rows that differ between ranks, or that one rank refuses, are an error on all" *
          doctest::skip(max_world_size() < 3)) {
  CHECK(run_workers("gathers_on_all_ranks_or_none", 3).ok());
}

TEST_CASE("gather: a backward that one rank does not make is an error that says what waited") {
  CHECK(run_workers("explains_a_backward_that_one_rank_does_not_make", 2, {}, true).ok());
}

TEST_CASE("node group: the ranks of a machine, or of a node that the launcher tells" *
          doctest::skip(max_world_size() < 3)) {
  CHECK(run_workers("finds_the_ranks_of_its_machine", 3).ok());
}
