#include "distributed/worker.h"
#include <metrics/aggregation/aggregation.h>
#include <metrics/classification/accuracy.h>
#include <metrics/classification/auroc.h>
#include <metrics/classification/confusion_matrix.h>
#include <metrics/collections/metric_collection.h>
#include <metrics/core/errors.h>
#include <metrics/distributed/process_group.h>
#include <metrics/regression/mse.h>
#include <metrics/training/data_parallel.h>
#include <metrics/training/join.h>

#include <ATen/ATen.h>
#include <torch/csrc/distributed/c10d/ProcessGroup.hpp>
#include <torch/nn/modules/linear.h>
#include <torch/optim/sgd.h>

#include <doctest/doctest.h>

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

using at::Tensor;
using metrics::CommunicationCounters;
using metrics::init_process_group;
using metrics::InvalidArgument;
using metrics::MulticlassConfusionMatrix;
using metrics::ProcessGroup;
using metrics::SumMetric;
using metrics::SyncError;
using metrics::training::DistributedDataParallel;
using metrics::training::Divisor;
using metrics::training::Join;
using metrics::training::Joinable;
using metrics::training::JoinEnd;
using metrics::training::JoinOptions;
using metrics::training::JoinStep;
using metrics_test::expect;
using metrics_test::expect_contains;
using metrics_test::max_world_size;
using metrics_test::message_of;
using metrics_test::run_workers;
using metrics_test::sync_error_of;

namespace {

constexpr int64_t notice_bytes = 64;

/// One weight w; the loss w * x has the gradient x.
struct Line : torch::nn::Module {
  Line() : weight(register_parameter("weight", at::zeros({1}))) {}
  Tensor forward(double x) { return weight * x; }
  double gradient() const { return weight.grad().item<double>(); }
  Tensor weight;
};
using LineModel = DistributedDataParallel<std::shared_ptr<Line>>;

/// Four parameters in two layers, and a buffer.
struct Buffered : torch::nn::Module {
  Buffered() : first(3, 4), second(4, 2) {
    register_module("first", first);
    register_module("second", second);
    seen = register_buffer("seen", at::zeros({1}));
  }
  Tensor forward(const Tensor& x) {
    seen.add_(1);
    return second(first(x));
  }
  torch::nn::Linear first, second;
  Tensor seen;
};

/// Sums a number over the ranks in each step, as a user's own object might.
class StepSum : public Joinable {
 public:
  explicit StepSum(std::shared_ptr<ProcessGroup> group) : group_(std::move(group)) {}

  double add(double value) {
    begin_step();
    return summed(value);
  }
  std::string join_name() const override { return "StepSum"; }
  std::shared_ptr<ProcessGroup> join_group() const override { return group_; }
  void shadow(const JoinStep& step) override {
    shadowed.push_back(step);
    summed(0);
  }
  void all_joined(const JoinEnd& end) override { ends.push_back(end); }
  void leave_join(bool failed) noexcept override { left.push_back(failed); }

  std::vector<JoinStep> shadowed;
  std::vector<JoinEnd> ends;
  std::vector<bool> left;

 private:
  double summed(double value) const {
    std::vector<Tensor> tensors{at::full({1}, value, at::kDouble)};
    group_->c10d()->allreduce(tensors)->wait();
    return tensors[0].item<double>();
  }

  std::shared_ptr<ProcessGroup> group_;
};

std::optional<int64_t> known_if(bool known, int64_t batches) {
  return known ? std::optional(batches) : std::nullopt;
}

}  // namespace

TEST_CASE("join: misuse of one process") {
  SumMetric sum;
  const auto begin = [&](JoinOptions options) { Join join({sum}, options); };
  CHECK_THROWS_WITH_AS(Join({}, {}), doctest::Contains("at least one joinable"), InvalidArgument);
  CHECK_THROWS_WITH_AS(begin({.batches = -1}), doctest::Contains("batches: expected at least 0, got -1"),
                       InvalidArgument);
  CHECK_THROWS_WITH_AS(begin({.accumulate = 0}), doctest::Contains("accumulate: expected at least 1, got 0"),
                       InvalidArgument);
  CHECK_THROWS_WITH_AS(begin({.divisor = Divisor::Samples, .accumulate = 2}), doctest::Contains("cannot accumulate"),
                       InvalidArgument);
  const auto net = std::make_shared<Line>();
  LineModel model(net);
  CHECK_THROWS_WITH_AS(Join({model, model}), doctest::Contains("named twice"), InvalidArgument);
  {
    Join outer({model});
    CHECK_THROWS_WITH_AS(Join({model}), doctest::Contains("cannot be nested"), InvalidArgument);
  }
}

TEST_CASE("join: one process is a loop as ever, whose batches are counted") {
  const auto net = std::make_shared<Line>();
  LineModel model(net);
  const auto loop = [&](int64_t told, int64_t made) {
    Join join({model}, {.batches = told});
    for (int64_t step = 0; step < made; ++step) model(2).backward();
    CHECK(join.steps() == made);
    join.finish();
    CHECK(join.counters() == CommunicationCounters{});
  };
  loop(2, 2);
  CHECK(net->gradient() == 4);
  CHECK_THROWS_WITH_AS(loop(2, 1), doctest::Contains("it made 1 step, but its join was told 2 batches"),
                       InvalidArgument);
  CHECK_THROWS_WITH_AS(loop(1, 2), doctest::Contains("2 steps and more, but its join was told 1 batches"),
                       InvalidArgument);
}

WORKER(join_refuses_on_all_ranks) {
  const auto group = init_process_group();
  const bool first = group->rank() == 0;
  const auto net = std::make_shared<Line>();
  LineModel model(net, {.broadcast_buffers = false});
  // What one rank cannot do, the others hear of.
  const auto negative = [&] { Join join({model}, {.batches = first ? 3 : -2}); };
  if (first) {
    expect_contains(sync_error_of(negative), "rank 1 refused: batches: expected at least 0, got -2");
  } else {
    expect_contains(message_of<InvalidArgument>(negative), "got -2");
  }
  expect_contains(
      sync_error_of([&] { Join join({model}, {.divisor = first ? Divisor::ActiveRanks : Divisor::Samples}); }),
      "rank 0 has divisor ActiveRanks");
  SumMetric sum({}, {.dist_sync_on_step = true});
  expect_contains(sync_error_of([&] {
                    if (first) {
                      Join join({model, sum});
                    } else {
                      Join join({model});
                    }
                  }),
                  "the ranks' joins differ");
  SumMetric elsewhere({}, {.dist_sync_on_step = true, .process_group = group->new_group({0, 1})});
  expect_contains(message_of<InvalidArgument>([&] { Join join({model, elsewhere}); }), "share a process group");
  SumMetric by_hand({}, {.dist_sync_on_step = true, .dist_sync_fn = [](const Tensor& state, const auto&) {
                           return std::vector<Tensor>{state, state};
                         }});
  expect_contains(message_of<InvalidArgument>([&] { Join join({by_hand}); }), "dist_sync_fn");
  {
    Join outer({model, sum});
    expect_contains(message_of<InvalidArgument>([&] { Join join({sum}); }), "cannot be nested");
    expect_contains(message_of<InvalidArgument>([&] { Join join({model}); }), "cannot be nested");
  }
  // All that has harmed nobody.
  Join join({model, sum}, {.batches = group->rank()});
  if (!first) {
    model(6).backward();
    expect(net->gradient() == 3, "half of the only gradient");
    expect(sum.forward(5.0).item<double>() == 5, "the only number");
  }
}

WORKER(join_adds_nothing_to_known_steps) {
  const auto group = init_process_group();
  for (const bool known : {true, false}) {
    DistributedDataParallel model(std::make_shared<Buffered>(), {.broadcast_buffers = false});
    MulticlassConfusionMatrix confusion({.num_classes = 3}, {.dist_sync_on_step = true});
    const int64_t batches = group->rank() == 0 ? 6 : 3;
    Join join({model, confusion}, {.batches = known_if(known, batches)});
    expect(join.counters() == CommunicationCounters{.collectives = 1, .bytes = notice_bytes}, "one agreement");
    std::vector<CommunicationCounters> ddp, metrics, own;
    const auto note = [&] {
      ddp.push_back(group->c10d_counters());
      metrics.push_back(group->counters());
      own.push_back(join.counters());
    };
    for (int64_t step = 0; step < batches; ++step) {
      note();
      const Tensor labels = at::tensor({0, 1, 2});
      model(at::ones({2, 3})).sum().backward();
      confusion.forward(labels, labels);
    }
    note();
    join.finish();
    note();
    const int64_t gradient_bytes = 4 * (3 * 4 + 4 + 4 * 2 + 2);
    // After the second step buckets are made anew.
    for (std::size_t step = 2; step + 2 < ddp.size(); ++step) {
      expect(ddp[step + 1] - ddp[step] == CommunicationCounters{.collectives = 1, .bytes = gradient_bytes},
             "a bucket a step and nothing else over DDP's group");
      expect((metrics[step + 1] - metrics[step]).collectives == 1, "the metric's own merge");
      expect(own[step + 1] - own[step] ==
                 (known ? CommunicationCounters{} : CommunicationCounters{.collectives = 1, .bytes = notice_bytes}),
             known ? "nothing for known batches" : "one notice a step");
    }
    // Who shadows sends what the others send; the last to come then sends the model.
    const auto last = ddp.size() - 1;
    const int64_t shadowed = 6 - batches;
    const int64_t sent_in_full = shadowed + (group->rank() == 0 ? 1 : 0);
    expect(ddp[last] - ddp[last - 1] ==
               CommunicationCounters{.collectives = shadowed + 1, .bytes = sent_in_full * gradient_bytes},
           "a bucket for each step and the model");
    expect((metrics[last] - metrics[last - 1]).collectives == shadowed, "a merge for each step");
    expect((own[last] - own[last - 1]).collectives == (known ? 0 : shadowed + 1), "notices of who has run out");
    expect(confusion.compute().sum().item<int64_t>() == 3 * 9, "each row once");
  }
}

WORKER(join_divides_as_said) {
  const auto group = init_process_group();
  const auto rank = group->rank();
  // Rank r has r + 1 batches of 2 r + 1 samples.
  const int64_t batches = rank + 1, world = group->world_size();
  const auto gradient_of = [](int64_t r, int64_t step) { return static_cast<double>(10 * (r + 1) + step); };
  const auto samples_of = [](int64_t r) { return 2 * r + 1; };
  for (const bool known : {true, false})
    for (const bool view : {false, true})
      for (const Divisor divisor : {Divisor::Samples, Divisor::ActiveRanks, Divisor::InitialWorldSize}) {
        const auto net = std::make_shared<Line>();
        LineModel model(net, {.gradient_as_bucket_view = view});
        for (const Divisor now : {divisor, Divisor::InitialWorldSize}) {
          Join join({model}, {.batches = known_if(known, batches), .divisor = now});
          for (int64_t step = 0; step < batches; ++step) {
            if (now == Divisor::Samples) join.set_samples(samples_of(rank));
            net->zero_grad();
            model(gradient_of(rank, step)).backward();
            double sum = 0, weights = 0, active = 0;
            for (int64_t r = step; r < world; ++r) {
              const double weight = now == Divisor::Samples ? static_cast<double>(samples_of(r)) : 1;
              sum += weight * gradient_of(r, step);
              weights += weight;
              active += 1;
            }
            const double divided_by = now == Divisor::Samples       ? weights
                                      : now == Divisor::ActiveRanks ? active
                                                                    : static_cast<double>(world);
            expect(std::abs(net->gradient() - sum / divided_by) < 1e-5, std::to_string(sum / divided_by) + " in step " +
                                                                            std::to_string(step) + ", got " +
                                                                            std::to_string(net->gradient()));
          }
        }
        // Outside a join too, and with the hook that has come with a join.
        net->zero_grad();
        model(static_cast<double>(rank)).backward();
        expect(std::abs(net->gradient() - static_cast<double>(world - 1) / 2) < 1e-6, "the mean of all ranks");
      }
}

WORKER(join_accumulates) {
  const auto group = init_process_group();
  const auto rank = group->rank();
  const int64_t batches = rank == 0 ? 5 : 3;
  for (const bool known : {true, false}) {
    const auto net = std::make_shared<Line>();
    LineModel model(net, {.find_unused_parameters = known});
    Join join({model}, {.batches = known_if(known, batches), .accumulate = 2});
    std::vector<double> averaged;
    for (int64_t step = 0; step < batches; ++step) {
      const bool averages = join.averages();
      model(static_cast<double>(10 * rank + step + 1)).backward();
      if (!averages) continue;
      averaged.push_back(net->gradient());
      net->zero_grad();
    }
    // Rank 1's third batch, which it has left over, is in the second average.
    std::vector<double> expected{(1. + 2 + 11 + 12) / 2};
    if (rank == 0) expected.push_back((3. + 4 + 13) / 2);
    if (rank == 0 && known) expected.push_back(5. / 2);
    expect(averaged == expected, "averages of two steps, and of the last where it is known");
    join.finish();
    expect(rank == 0 || !net->weight.grad().defined(), "what was left over to be gone");
  }
}

WORKER(join_keeps_optimizers_together) {
  struct Spare : Line {
    Spare() : unused(register_parameter("unused", at::ones({2}))) {}
    Tensor unused;
  };
  const auto group = init_process_group();
  const auto rank = static_cast<std::size_t>(group->rank());
  const std::vector<std::vector<int64_t>> epochs{{3, 1}, {1, 2}, {0, 2}};
  const auto gradient_of = [](std::size_t r, std::size_t epoch, int64_t step) {
    return static_cast<double>(static_cast<int64_t>(10 * r + 3 * epoch) + step + 1);
  };
  for (const bool known : {true, false})
    for (const Divisor divisor : {Divisor::InitialWorldSize, Divisor::Samples}) {
      const auto net = std::make_shared<Spare>();
      DistributedDataParallel model(net, {.find_unused_parameters = true});
      torch::optim::SGD optimizer(net->parameters(), torch::optim::SGDOptions(0.01).momentum(0.9));
      const auto follow = [&] {
        optimizer.step();
        optimizer.zero_grad();
      };
      double weight = 0, momentum = 0;
      for (std::size_t epoch = 0; epoch < epochs.size(); ++epoch) {
        const auto& batches = epochs[epoch];
        {
          Join join({model}, {.batches = known_if(known, batches[rank]), .divisor = divisor, .shadow_step = follow});
          for (int64_t step = 0; step < batches[rank]; ++step) {
            join.set_samples(1);
            model(gradient_of(rank, epoch, step)).backward();
            follow();
          }
        }
        for (int64_t step = 0; step < std::max(batches[0], batches[1]); ++step) {
          double sum = 0, active = 0;
          for (std::size_t r = 0; r < 2; ++r)
            if (step < batches[r]) sum += gradient_of(r, epoch, step), ++active;
          momentum = 0.9 * momentum + sum / (divisor == Divisor::Samples ? active : 2);
          weight -= 0.01 * momentum;
        }
        expect(std::abs(net->weight.item<double>() - weight) < 1e-5, std::to_string(weight) + " after epoch " +
                                                                         std::to_string(epoch) + ", got " +
                                                                         std::to_string(net->weight.item<double>()));
      }
      expect(!net->unused.grad().defined(), "nothing for what nobody used");
    }
}

WORKER(join_takes_joinables_of_ones_own) {
  const auto group = init_process_group();
  const auto rank = group->rank();
  StepSum sum(group);
  expect(sum.add(1) == 3, "outside a join: a sum over three ranks");
  for (const bool known : {true, false}) {
    sum.shadowed.clear();
    {
      Join join({sum}, {.batches = known_if(known, rank)});
      for (int64_t step = 0; step < rank; ++step)
        expect(sum.add(1) == static_cast<double>(2 - step), "those who are left");
    }
    expect(sum.shadowed.size() == static_cast<std::size_t>(2 - rank), "a shadow for each step of the others");
    for (const JoinStep& step : sum.shadowed)
      expect(step.active == (step.number == 0 ? std::vector<int64_t>{1, 2} : std::vector<int64_t>{2}), "who is left");
    expect(sum.ends.back().steps == 2 && sum.ends.back().last == std::vector<int64_t>{2}, "rank 2 to be the last");
    expect(sum.left.back() == false, "an ordinary end");
    { Join nothing({sum}, {.batches = known_if(known, 0)}); }
    expect(sum.ends.back().steps == 0 && sum.ends.back().last == std::vector<int64_t>{0, 1, 2}, "all to be the last");
  }
}

WORKER(join_takes_collections) {
  const auto group = init_process_group();
  const auto rank = group->rank();
  for (const bool known : {true, false}) {
    metrics::MetricCollection collection({SumMetric({}, {.dist_sync_on_step = true}),
                                          metrics::MaxMetric({}, {.dist_sync_on_step = true}), metrics::MeanMetric()});
    const auto before = group->counters();
    {
      Join join({collection}, {.batches = known_if(known, 1 + rank)});
      for (int64_t step = 0; step <= rank; ++step) {
        const auto values = collection.forward(at::tensor(1.0 + static_cast<double>(rank)));
        const auto value = [&](const char* name) { return values.tensor(name).item<double>(); };
        expect(value("SumMetric") == (step == 0 ? 3 : 2), "the batch's sum over those who have one");
        expect(value("MaxMetric") == 2, "the batch's maximum over those who have one");
        expect(value("MeanMetric") == 1 + static_cast<double>(rank), "the batch's mean of this rank");
      }
    }
    expect((group->counters() - before).collectives == 2, "one exchange a step for all metrics");
    expect(collection.compute().tensor("SumMetric").item<double>() == 5, "all batches");
  }
}

WORKER(join_takes_weights) {
  const auto group = init_process_group();
  const auto rank = group->rank();
  const Tensor scores = at::tensor({0.1F, 0.4F, 0.35F, 0.8F}), target = at::tensor({0, 0, 1, 1});
  const metrics::Rows weighed{.valid = {}, .ids = {}, .weights = at::tensor({0.5, 1.5, 2.0, 0.25})};
  const auto play = [&](auto metric) {
    auto whole = metric;
    whole.set_metric_options({.sync_on_compute = false});
    for (const bool known : {true, false}) {
      metric.reset();
      whole.reset();
      {
        // Rank 0 ends first, and nothing of its weighs: what shadows the other's steps takes what that has learned.
        Join join({metric}, {.batches = known_if(known, 1 + rank)});
        for (int64_t step = 0; step <= rank; ++step) {
          metric.forward(scores, target, step == 0 ? metrics::Rows{} : weighed);
        }
      }
      whole.update(scores, target);
      whole.update(scores, target);
      whole.update(scores, target, weighed);
      expect(at::equal(metric.compute(), whole.compute()), "each row to count as it weighs");
    }
  };
  play(metrics::BinaryAUROC({}, {.dist_sync_on_step = true}));
  play(metrics::BinaryAccuracy({}, {.dist_sync_on_step = true}));
  play(metrics::MeanSquaredError({}, {.dist_sync_on_step = true}));
}

WORKER(join_throws_on_early_termination) {
  const auto group = init_process_group();
  const auto rank = group->rank();
  for (const bool known : {true, false}) {
    DistributedDataParallel model(std::make_shared<Buffered>());
    SumMetric sum({}, {.dist_sync_on_step = true});
    int64_t made = 0;
    const std::string message = sync_error_of([&] {
      const int64_t batches = rank == 1 ? 4 : 2;
      Join join({model, sum}, {.batches = known_if(known, batches), .throw_on_early_termination = true});
      for (int64_t step = 0; step < batches; ++step) {
        model(at::ones({2, 3})).sum().backward();
        sum.forward(1.0);
        ++made;
      }
      join.finish();
    });
    expect_contains(message, "ranks 0, 2 ended first, after 2 steps, and rank 1 did not");
    expect(made == 2, "two steps on each rank");
    // All have heard it, so the group goes on.
    Join join({model, sum}, {.batches = known_if(known, 1), .throw_on_early_termination = true});
    model(at::ones({2, 3})).sum().backward();
    expect(sum.forward(1.0).item<double>() == 3, "the batch over all ranks");
    join.finish();
    expect(sum.compute().item<double>() == 9, "all batches");
  }
}

WORKER(join_leaves_evaluation_alone) {
  const auto group = init_process_group();
  DistributedDataParallel model(std::make_shared<Buffered>());
  const auto evaluate = [&](int64_t batches) {
    const at::NoGradGuard no_grad;
    for (int64_t i = 0; i < batches; ++i) model(at::ones({2, 3}));
  };
  for (int64_t epoch = 0; epoch < 2; ++epoch) {
    Join join({model}, {.batches = 1 + group->rank()});
    for (int64_t step = 0; step < 1 + group->rank(); ++step) {
      model(at::ones({2, 3})).sum().backward();
      evaluate(group->rank());
    }
    evaluate(1 - group->rank());
    join.finish();
  }
  expect(model.module()->seen.item<double>() > 0, "batches to be seen");
}

WORKER(join_keeps_static_graphs_safe) {
  const auto group = init_process_group();
  for (const bool known : {true, false}) {
    DistributedDataParallel model(std::make_shared<Buffered>(), {.static_graph = true});
    // Every rank makes the first step: then any may run out.
    for (int64_t epoch = 0; epoch < 2; ++epoch) {
      const int64_t batches = epoch == 0 ? 1 + 2 * group->rank() : 2 * (1 - group->rank());
      Join join({model}, {.batches = known_if(known, batches)});
      for (int64_t step = 0; step < batches; ++step) model(at::ones({2, 3})).sum().backward();
    }
  }
  DistributedDataParallel model(std::make_shared<Buffered>(), {.static_graph = true});
  expect_contains(sync_error_of([&] {
                    Join join({model}, {.batches = group->rank()});
                    for (int64_t step = 0; step < group->rank(); ++step) model(at::ones({2, 3})).sum().backward();
                    join.finish();
                  }),
                  "static_graph");
}

TEST_CASE("join: what one rank does wrong at the beginning is an error on all") {
  CHECK(run_workers("join_refuses_on_all_ranks", 2).ok());
}

TEST_CASE("join: known batches cost nothing a step, others one notice") {
  CHECK(run_workers("join_adds_nothing_to_known_steps", 2).ok());
}

TEST_CASE("join: gradients are divided as said") {
  CHECK(run_workers("join_divides_as_said", 2).ok());
  if (max_world_size() >= 3) CHECK(run_workers("join_divides_as_said", 3).ok());
}

TEST_CASE("join: accumulated gradients, and those left over") {
  CHECK(run_workers("join_accumulates", 2).ok());
}

TEST_CASE("join: an optimizer's momentum that follows the others") {
  CHECK(run_workers("join_keeps_optimizers_together", 2).ok());
}

TEST_CASE("join: joinables of one's own" * doctest::skip(max_world_size() < 3)) {
  CHECK(run_workers("join_takes_joinables_of_ones_own", 3).ok());
}

TEST_CASE("join: collections, of which some metrics merge in steps") {
  CHECK(run_workers("join_takes_collections", 2).ok());
}

TEST_CASE("join: weights on the rank that goes on") {
  CHECK(run_workers("join_takes_weights", 2).ok());
}

TEST_CASE("join: throwing when the first ranks end" * doctest::skip(max_world_size() < 3)) {
  CHECK(run_workers("join_throws_on_early_termination", 3).ok());
}

TEST_CASE("join: evaluation within a join is each rank's own") {
  CHECK(run_workers("join_leaves_evaluation_alone", 2).ok());
}

TEST_CASE("join: static graphs") {
  CHECK(run_workers("join_keeps_static_graphs_safe", 2).ok());
}
