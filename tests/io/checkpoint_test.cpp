#include "trainer/folder.h"
#include <metrics/aggregation/aggregation.h>
#include <metrics/classification/accuracy.h>
#include <metrics/classification/auroc.h>
#include <metrics/collections/metric_collection.h>
#include <metrics/core/dynamic.h>
#include <metrics/core/errors.h>
#include <metrics/io/archive.h>
#include <metrics/io/checkpoint.h>

#include <ATen/ops/equal.h>
#include <ATen/ops/ones.h>
#include <ATen/ops/rand.h>
#include <ATen/ops/randint.h>
#include <torch/nn/modules/linear.h>
#include <torch/serialize.h>

#include <doctest/doctest.h>

#include <fstream>
#include <sstream>
#include <string>

namespace io_checkpoint_test {
namespace {

using at::Tensor;
using metrics::BinaryAUROC;
using metrics::FormatError;
using metrics::InvalidArgument;
using metrics::MeanMetric;
using metrics::MulticlassAccuracy;
using metrics::StateDict;
using metrics::io::Object;
using metrics_test::Folder;

BinaryAUROC area_of(int64_t seed) {
  torch::manual_seed(static_cast<uint64_t>(seed));
  BinaryAUROC area;
  area.update(at::rand({100}), at::randint(0, 2, {100}));
  return area;
}

}  // namespace

TEST_CASE("a metric's file of other states, of none, and of another metric is refused with file and key") {
  const Folder folder;
  const auto file = folder.path() / "area.pt";
  metrics::io::save(area_of(1), file);
  BinaryAUROC area = area_of(2);
  const Tensor before = area.compute();
  MulticlassAccuracy accuracy({.num_classes = 3});
  const auto refused = [&](metrics::Metric& metric, const metrics::io::StatesAt& at, const char* why) {
    CHECK_THROWS_WITH_AS(metrics::io::load(metric, file, at), doctest::Contains(why), InvalidArgument);
    CHECK_THROWS_WITH_AS(metrics::io::load(metric, file, at), doctest::Contains(file.c_str()), InvalidArgument);
  };
  refused(accuracy, {}, "there is no state of MulticlassAccuracy");
  refused(area, {.prefix = "valid."}, "but nothing");
  refused(area, {.within = {"state_dict"}}, "there is no `state_dict` in a dict of `preds`, `target`");
  BinaryAUROC other({.max_fpr = 0.5});
  refused(other, {}, "the states were saved by");
  std::ofstream(file, std::ios::binary) << "no such file";
  CHECK_THROWS_WITH_AS(metrics::io::load(area, file), doctest::Contains(file.c_str()), FormatError);
  CHECK(at::equal(area.compute(), before));
}

TEST_CASE("metrics and collections come back from files of both formats, persistent or not") {
  const Folder folder;
  const BinaryAUROC area = area_of(3);
  for (const char* name : {"area.pt", "area.safetensors", "area.ckpt"}) {
    CAPTURE(name);
    metrics::io::save(area, folder.path() / name, "val.area.");
    BinaryAUROC back;
    metrics::io::load(back, folder.path() / name, {.prefix = "val.area."});
    CHECK(at::equal(back.compute(), BinaryAUROC(area).compute()));
    CHECK(back.update_count() == 1);
    CHECK(!back.is_persistent());
  }
  // A list without items is one in both.
  for (const char* name : {"none.pt", "none.safetensors"}) {
    metrics::io::save(BinaryAUROC(), folder.path() / name);
    BinaryAUROC back = area_of(4);
    metrics::io::load(back, folder.path() / name);
    CHECK(back.update_count() == 0);
  }
}

TEST_CASE("states are taken from within a training checkpoint, whatever else is in it") {
  const Folder folder;
  const auto file = folder.path() / "last.ckpt";
  StateDict states;
  BinaryAUROC area = area_of(5);
  area.persistent(true);
  area.save_state_dict(states, "model.area.");
  states.states["model.weight"] = at::ones({2});
  Object module = metrics::io::to_object(states);
  module.set("model.epochs", 3);
  Object checkpoint;
  checkpoint.set("state_dict", module);
  checkpoint.set("epoch", 7);
  metrics::io::write_torch(file, checkpoint);
  BinaryAUROC back;
  metrics::io::load(back, file, {.within = {"state_dict"}, .prefix = "model.area."});
  CHECK(at::equal(back.compute(), area.compute()));
  CHECK_THROWS_WITH_AS(metrics::io::read_state_dict(file, {.within = {"state_dict"}, .prefix = "model.e"}),
                       doctest::Contains("`model.epochs`: expected a tensor or a list of tensors, got an integer"),
                       InvalidArgument);
}

TEST_CASE("torch::save and torch::load take a metric, and archives hold metrics beside modules") {
  const Folder folder;
  const BinaryAUROC area = area_of(6);
  const std::string file = folder.path() / "area.pt";
  torch::save(area, file);
  BinaryAUROC back;
  torch::load(back, file);
  CHECK(at::equal(back.compute(), BinaryAUROC(area).compute()));

  torch::nn::Linear net(2, 3);
  torch::serialize::OutputArchive written;
  net->save(written);
  metrics::io::write(written, "area", area);
  std::stringstream stream;
  written.save_to(stream);
  torch::serialize::InputArchive read;
  read.load_from(stream);
  torch::nn::Linear other(2, 3);
  other->load(read);
  CHECK(at::equal(other->weight, net->weight));
  BinaryAUROC beside;
  metrics::io::read(read, "area", beside);
  CHECK(at::equal(beside.compute(), back.compute()));
  CHECK_THROWS_WITH_AS(metrics::io::read(read, "none", beside), doctest::Contains("`none` is missing"), FormatError);
  CHECK_THROWS_AS(metrics::io::read(read, "weight", beside), FormatError);
  MeanMetric mean;
  CHECK_THROWS_AS(metrics::io::read(read, "area", mean), InvalidArgument);
}

}  // namespace io_checkpoint_test
